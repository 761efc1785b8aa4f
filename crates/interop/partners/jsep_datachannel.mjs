// Offer and answer in libdatachannel, one operation a line: as jsep_browser.mjs, which says how.
//
// usage: node jsep_datachannel.mjs
import { createInterface } from "node:readline";
import nodeDataChannel from "node-datachannel";

let connection;
let described;

const DIRECTIONS = { sendrecv: "SendRecv", sendonly: "SendOnly", recvonly: "RecvOnly", inactive: "Inactive" };
const operations = {
  new() {
    connection?.close();
    connection = new nodeDataChannel.PeerConnection("interop", { iceServers: [], disableAutoNegotiation: true });
    connection.onLocalDescription((sdp, type) => described?.({ sdp, type }));
  },
  transceiver({ kind, direction }) {
    const track = kind === "audio" ? new nodeDataChannel.Audio("audio", DIRECTIONS[direction]) : new nodeDataChannel.Video("video", DIRECTIONS[direction]);
    if (kind === "audio") track.addOpusCodec(111);
    else track.addVP8Codec(96);
    connection.addTrack(track);
  },
  channel() {
    connection.createDataChannel("interop");
  },
  async offer() {
    await describe("offer");
  },
  async answer({ sdp }) {
    connection.setRemoteDescription(sdp, "offer");
    await describe("answer");
  },
  accept({ sdp }) {
    connection.setRemoteDescription(sdp, "answer");
  },
};

async function describe(type) {
  const told = new Promise((resolve) => (described = resolve));
  connection.setLocalDescription(type);
  await told;
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let reply;
  try {
    await operations[command.op](command);
    reply = { state: connection.signalingState(), sdp: connection.localDescription()?.sdp };
  } catch (error) {
    reply = { error: `${command.op}: ${error}` };
  }
  console.log("reply", JSON.stringify(reply));
}
connection?.close();
// Its threads end with the process: its own cleanup() crashes once a track was there.
process.exit(0);
