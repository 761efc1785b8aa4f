// Offer and answer in a browser, one operation a line.
//
// usage: node jsep_browser.mjs chromium|firefox
//
// Prints "ready", and then for each line of JSON {"op": ...} one line "reply {...}": the signaling state, the local description
// and what was negotiated for each transceiver, or {"error": ...}. It ends when its input does.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const launch = { chromium: launchChromium, firefox: launchFirefox };
const profile = await mkdtemp(join(tmpdir(), "ieum-jsep-"));
const [page, close] = await launch[process.argv[2]]();
try {
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await page.evaluate(operate, JSON.parse(line));
    console.log("reply", JSON.stringify(reply));
  }
} finally {
  await close();
  await rm(profile, { recursive: true, force: true });
}

async function launchChromium() {
  const { chromium } = await import("playwright-core");
  const args = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launchPersistentContext(profile, { executablePath: "/usr/bin/chromium", chromiumSandbox: false, args });
  return [browser.pages()[0], () => browser.close()];
}

async function launchFirefox() {
  const { default: puppeteer } = await import("puppeteer-core");
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: "/usr/bin/firefox-esr", headless: true, userDataDir: profile });
  return [await browser.newPage(), () => browser.close()];
}

/** Runs in the page. */
async function operate({ op, kind, direction, rids, sdp }) {
  const operations = {
    new() {
      window.connection?.close();
      window.connection = new RTCPeerConnection();
    },
    transceiver() {
      window.connection.addTransceiver(kind, { direction, sendEncodings: rids?.map((rid) => ({ rid })) ?? [] });
    },
    channel() {
      window.connection.createDataChannel("interop");
    },
    restart() {
      window.connection.restartIce();
    },
    async offer() {
      await window.connection.setLocalDescription(await window.connection.createOffer());
    },
    async answer() {
      await window.connection.setRemoteDescription({ type: "offer", sdp });
      await window.connection.setLocalDescription(await window.connection.createAnswer());
    },
    async accept() {
      await window.connection.setRemoteDescription({ type: "answer", sdp });
    },
  };
  try {
    await operations[op]();
  } catch (error) {
    return { error: `${op}: ${error}` };
  }
  const connection = window.connection;
  const transceivers = connection.getTransceivers().map(({ mid, currentDirection }) => ({ mid, direction: currentDirection }));
  return { state: connection.signalingState, sdp: connection.localDescription?.sdp, transceivers };
}
