// Chromium opens a page, presses its button and talks over the data channel that the page made.
//
// usage: node chromium.mjs URL [--real-addresses] [--text TEXT] [--binary BYTES] [--hold]
//        node chromium.mjs --example FILE QUERY [--text TEXT]
//
// Prints one line per step ("pressed", "state connected", "open LABEL", "equal text", "equal binary N", "candidate LINE" for every local candidate,
// "pair LOCAL REMOTE") and ends with 0; with --hold it stays, printing state changes, until its input is closed.
// With --example, FILE's folder is served from another origin, as a user's own host would.
import { createServer } from "node:http";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    "real-addresses": { type: "boolean" },
    text: { type: "string", default: "이음, from Chromium" },
    binary: { type: "string", default: "0" },
    hold: { type: "boolean" },
    example: { type: "string" },
  },
});

const flags = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
if (options["real-addresses"]) flags.push("--disable-features=WebRtcHideLocalIpsWithMdns");

const profile = await mkdtemp(join(tmpdir(), "ieum-chromium-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  chromiumSandbox: false,
  headless: true,
  args: flags,
});
try {
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("pageerror", (error) => console.log("pageerror", error.message));
  page.on("console", (line) => line.type() === "error" && console.log("console", line.text()));
  await page.exposeFunction("interopSays", (line) => console.log(line));
  await page.addInitScript(watch);
  if (options.example) await example(page);
  else await call(page);
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
process.exit(0);

async function call(page) {
  await page.goto(positionals[0]);
  await page.click("#call");
  console.log("pressed");
  await page.waitForFunction(() => window.interop.channel?.readyState === "open");
  console.log("open", await page.evaluate(() => window.interop.channel.label));
  if (await page.evaluate(exchangeText, options.text)) console.log("equal text");
  const bytes = Number(options.binary);
  if (bytes) console.log((await page.evaluate(exchangeBinary, bytes)) ? "equal" : "different", "binary", bytes);
  console.log("pair", await page.evaluate(selectedPair));
  if (options.hold) await new Promise((resolve) => process.stdin.resume().on("end", resolve));
}

/** A user's way through examples/javascript: press, wait for the form, type, read the echo. */
async function example(page) {
  const folder = dirname(options.example);
  const host = createServer(async (request, response) => {
    const name = basename(new URL(request.url, "http://host").pathname);
    if (name === "favicon.ico") return response.writeHead(204).end();
    response.setHeader("content-type", name.endsWith(".js") ? "text/javascript" : "text/html");
    response.end(await readFile(join(folder, name)).catch(() => (response.writeHead(404), "")));
  });
  await new Promise((listening) => host.listen(0, "127.0.0.1", listening));
  await page.goto(`http://127.0.0.1:${host.address().port}/${basename(options.example)}?${positionals[0]}`);
  await page.click("#call");
  console.log("pressed");
  await page.fill("#text", options.text);
  await page.press("#text", "Enter");
  await page.waitForFunction((text) => document.querySelector("#log").textContent.includes("echo: " + text), options.text);
  console.log("log", JSON.stringify(await page.textContent("#log")));
  host.close();
}

/** Runs in the page before its own scripts: remembers its connection and channel, and reports what happens to them. */
function watch() {
  window.interop = { connection: undefined, channel: undefined };
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...given) {
      super(...given);
      window.interop.connection = this;
      this.addEventListener("connectionstatechange", () => window.interopSays("state " + this.connectionState));
      this.addEventListener("iceconnectionstatechange", () => window.interopSays("ice " + this.iceConnectionState));
      this.addEventListener("icecandidate", ({ candidate }) => candidate?.candidate && window.interopSays(candidate.candidate));
    }
    createDataChannel(...given) {
      const channel = super.createDataChannel(...given);
      window.interop.channel ??= channel;
      return channel;
    }
  };
}

function exchangeText(text) {
  const { channel } = window.interop;
  return new Promise((done) => {
    channel.addEventListener("message", ({ data }) => data === text && done(true));
    channel.send(text);
  });
}

/** Sends random bytes in messages as large as both sides take, and compares what comes back. */
async function exchangeBinary(total) {
  const { connection, channel } = window.interop;
  const size = Math.min(connection.sctp.maxMessageSize, 256 * 1024);
  const sent = new Uint8Array(total);
  for (let at = 0; at < total; at += 65536) crypto.getRandomValues(sent.subarray(at, Math.min(at + 65536, total)));
  channel.binaryType = "arraybuffer";
  let at = 0;
  let equal = true;
  const all = new Promise((done) =>
    channel.addEventListener("message", ({ data }) => {
      if (typeof data === "string") return;
      const back = new Uint8Array(data);
      equal &&= back.every((byte, index) => byte === sent[at + index]);
      at += back.length;
      if (at >= total) done();
    }),
  );
  for (let from = 0; from < total; from += size) channel.send(sent.slice(from, from + size));
  await all;
  return equal && at === total;
}

async function selectedPair() {
  const stats = await window.interop.connection.getStats();
  const transport = [...stats.values()].find(({ type }) => type === "transport");
  const pair = stats.get(transport.selectedCandidatePairId);
  const ends = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
  return ends.map((end) => `${end.candidateType} ${end.address ?? "hidden"}:${end.port}`).join(" -> ");
}
