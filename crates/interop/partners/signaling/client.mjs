// socket.io-client on our signaling server, driven by the line.
//
// usage: [SOCKET_IO_CLIENT=PACKAGE] node client.mjs URL polling|websocket|upgrade [TOKEN]
//
// Reads one command per line: `emit [event, ...arguments]`, `ask [event, ...arguments]` (with an acknowledgement), `bytes [event, body]`
// (as emit, with three bytes as `body.payload.bytes`), `leave`. Commands are taken from the start, before it is connected too.
// Prints one line per happening: `connect ID`, `upgraded`, `connect_error TEXT`, `event NAME JSON`, `ack JSON`, `disconnect REASON`.
import { createInterface } from "node:readline";

const { io } = await import(process.env.SOCKET_IO_CLIENT ?? "socket.io-client");
const [url, transport, token] = process.argv.slice(2);
const transports = transport === "upgrade" ? ["polling", "websocket"] : [transport];
const socket = io(url, { auth: { token }, transports, upgrade: transport === "upgrade", reconnection: false });
const say = (...words) => console.log(words.join(" "));

socket.on("connect", () => say("connect", socket.id));
socket.on("connect_error", (error) => say("connect_error", error.message));
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.onAny((name, body) => say("event", name, JSON.stringify(body, bytesAsList)));
socket.io.on("open", () => socket.io.engine.on("upgrade", () => say("upgraded")));

// JSON.stringify gives a Buffer as { type, data }.
function bytesAsList(key, value) {
  return value?.type === "Buffer" ? { bytes: value.data } : value;
}

const commands = {
  emit: (list) => socket.emit(...list),
  ask: (list) => socket.emit(...list, (reply) => say("ack", JSON.stringify(reply))),
  bytes: ([name, body]) => socket.emit(name, { ...body, payload: { bytes: Buffer.from([0, 1, 255]) } }),
  leave: () => socket.disconnect(),
};

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const [name, rest] = line.split(/ (.*)/s);
  commands[name](rest && JSON.parse(rest));
});
lines.on("close", () => socket.disconnect());
