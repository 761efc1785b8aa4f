// The client side that users of the old server have: a small object around socket.io-client, driven by the line.
//
// usage: node channel.mjs PEER_ID URL [TOKEN]
//
// Reads `send JSON` (to all), `sendTo PEER JSON`, `disconnect`. Prints `connected`, `error TEXT`, `message JSON`, `disconnected`.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

class SignalingChannel {
  onMessage = () => {};
  onError = () => {};
  onDisconnect = () => {};

  constructor(peerId, url, token) {
    this.peerId = peerId;
    this.socket = io(url, { auth: { token }, autoConnect: false, reconnection: false });
    this.socket.on("connect", () => this.socket.emit("ready", this.peerId, "node"));
    this.socket.on("message", (message) => this.onMessage(message));
    this.socket.on("connect_error", (error) => this.onError(error.message));
    this.socket.on("uniquenessError", ({ error }) => this.onError(error));
    this.socket.on("disconnect", () => this.onDisconnect());
  }

  connect() {
    this.socket.connect();
  }

  send(payload) {
    this.socket.emit("message", { from: this.peerId, target: "all", payload });
  }

  sendTo(target, payload) {
    this.socket.emit("messageOne", { from: this.peerId, target, payload });
  }

  disconnect() {
    this.socket.disconnect();
  }
}

const [peerId, url, token] = process.argv.slice(2);
const channel = new SignalingChannel(peerId, url, token);
channel.onMessage = (message) => console.log("message", JSON.stringify(message));
channel.onError = (text) => console.log("error", text);
channel.onDisconnect = () => console.log("disconnected");
channel.connect();

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const [, name, target, json] = /^(sendTo|send|disconnect)(?: (?!\{)(\S+))?(?: (.*))?$/s.exec(line);
  if (name === "disconnect") channel.disconnect();
  else if (name === "sendTo") channel.sendTo(target, JSON.parse(json));
  else channel.send(JSON.parse(json));
});
lines.on("close", () => channel.disconnect());
