// A peer for data channels over the W3C's RTCPeerConnection, one operation a line: in a browser, or in Node over a package.
//
// usage: node data_w3c.mjs chromium|firefox|wrtc|werift|node-datachannel
//
// Prints "ready", and then for each line of JSON {"op": ...} one line "reply {...}", or "reply {"error": ...}". It ends when its
// input does. The other data_* programs speak the same:
//
// new                             a new connection in place of the last one
// open LABEL INIT                 creates a channel; INIT is an RTCDataChannelInit
// offer [RESTART]                 {sdp}; with RESTART one that restarts ICE
// answer SDP | accept SDP         applies an offer, {sdp} is the answer to it | applies an answer
// gathered                        {candidates}: those that are in no description yet, once all are there
// candidate CANDIDATE SDPMID      takes one of the other side's
// opened LABEL | closed LABEL     waits until the channel is
// info LABEL                      its options as this side sees them
// send LABEL KIND FIRST LENS      a message of each length, text or binary, filled by its number, FIRST and on
// received LABEL COUNT            {messages}: [kind, length, CRC-32] of each, once there are so many; they are taken
// close LABEL | end               closes the channel | the connection
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const kind = process.argv[2];
const [operate, close] = await start();
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  console.log("reply", JSON.stringify(await operate(JSON.parse(line))));
}
await close();
process.exit();

async function start() {
  if (kind === "chromium" || kind === "firefox") return inBrowser();
  const packages = { wrtc: "@roamhq/wrtc", werift: "werift", "node-datachannel": "node-datachannel/polyfill" };
  const module = await import(packages[kind]);
  const { RTCPeerConnection } = module.default?.RTCPeerConnection ? module.default : module;
  const operate = w3cPeer(RTCPeerConnection);
  return [operate, () => operate({ op: "end" })];
}

async function inBrowser() {
  const profile = await mkdtemp(join(tmpdir(), "ieum-data-"));
  const [page, closeBrowser] = await { chromium: launchChromium, firefox: launchFirefox }[kind](profile);
  await page.evaluate(`window.operate = (${w3cPeer})(RTCPeerConnection); undefined`);
  const close = async () => {
    await closeBrowser();
    await rm(profile, { recursive: true, force: true });
  };
  return [(command) => page.evaluate((command) => window.operate(command), command), close];
}

async function launchChromium(profile) {
  const { chromium } = await import("playwright-core");
  const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", chromiumSandbox: false, args });
  return [browser.pages()[0], () => browser.close()];
}

async function launchFirefox(profile) {
  const { default: puppeteer } = await import("puppeteer-core");
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true, userDataDir: profile });
  return [await browser.newPage(), () => browser.close()];
}

/** The peer: what takes a command and gives the reply. Stands for itself, because it is sent to pages as text. */
function w3cPeer(RTCPeerConnection) {
  let connection;
  let candidates = [];
  const channels = new Map();

  const table = Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
    return byte;
  });
  function crc32(bytes) {
    let crc = -1;
    for (const byte of bytes) crc = table[(crc ^ byte) & 255] ^ (crc >>> 8);
    return ~crc >>> 0;
  }
  function message(kind, number, length) {
    if (kind === "text") return Array.from({ length }, (_, at) => String.fromCharCode(97 + ((number + at) % 26))).join("");
    const bytes = globalThis.Buffer?.alloc(length) ?? new Uint8Array(length);
    return bytes.map((_, at) => number * 31 + at * 7 + (at >> 8));
  }
  function take(channel) {
    const entry = { channel, messages: [] };
    channels.set(channel.label, entry);
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => {
      const text = typeof data === "string";
      const bytes = text ? new TextEncoder().encode(data) : new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
      entry.messages.push([text ? "text" : "binary", bytes.length, crc32(bytes)]);
    };
  }
  async function until(what, condition) {
    for (const deadline = Date.now() + 20_000; !condition(); ) {
      if (Date.now() > deadline) throw new Error(`not ${what} within 20 s`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  const description = () => ({ sdp: connection.localDescription.sdp });

  const operations = {
    new() {
      connection?.close();
      channels.clear();
      candidates = [];
      connection = new RTCPeerConnection({ iceServers: [] });
      connection.onicecandidate = ({ candidate }) => candidate?.candidate && candidates.push(candidate);
      connection.ondatachannel = ({ channel }) => take(channel);
    },
    open: ({ label, init }) => take(connection.createDataChannel(label, init)),
    async offer({ restart }) {
      await connection.setLocalDescription(await connection.createOffer(restart ? { iceRestart: true } : {}));
      return description();
    },
    async answer({ sdp }) {
      await connection.setRemoteDescription({ type: "offer", sdp });
      await connection.setLocalDescription(await connection.createAnswer());
      return description();
    },
    accept: ({ sdp }) => connection.setRemoteDescription({ type: "answer", sdp }),
    async gathered() {
      await until("gathered", () => connection.iceGatheringState === "complete");
      const found = candidates.map(({ candidate, sdpMid, sdpMLineIndex }) => ({ candidate, sdpMid, sdpMLineIndex }));
      candidates = [];
      return { candidates: found };
    },
    candidate: ({ candidate, sdpMid }) => connection.addIceCandidate({ candidate, sdpMid, sdpMLineIndex: 0 }),
    opened: ({ label }) => until("open", () => channels.get(label)?.channel.readyState === "open"),
    closed: ({ label }) => until("closed", () => channels.get(label).channel.readyState === "closed"),
    info({ label }) {
      const { protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id } = channels.get(label).channel;
      return { protocol, ordered, maxRetransmits, maxPacketLifeTime, negotiated, id };
    },
    async send({ label, kind, first, lens }) {
      const { channel } = channels.get(label);
      for (const [at, length] of lens.entries()) {
        await until("room", () => channel.bufferedAmount < 1024 * 1024);
        channel.send(message(kind, first + at, length));
      }
    },
    async received({ label, count }) {
      const has = () => channels.get(label)?.messages.length ?? 0;
      await until(`${count} messages`, () => has() >= count).catch((error) => { throw new Error(`${error.message}: ${has()}`); });
      return { messages: channels.get(label).messages.splice(0) };
    },
    close: ({ label }) => channels.get(label).channel.close(),
    end: () => connection?.close(),
  };
  return async (command) => {
    try {
      return (await operations[command.op](command)) ?? {};
    } catch (error) {
      return { error: `${command.op}: ${error}` };
    }
  };
}
