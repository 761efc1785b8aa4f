// Chromium as a person uses it: opens a page, presses, types, and reads what the page shows.
//
// usage: node chromium.mjs call URL [--text TEXT] [--binary] [--hold] [--real-addresses] [--microphone] [--no-servers]
//            our page: press the button, send the text, see it come back; with --binary press "1 MiB" too
//            with --microphone the page has it first: then Chromium offers TCP candidates too
//            with --no-servers no STUN server tells it an address: all it has to say of itself is a name
//        node chromium.mjs called URL [--text TEXT] [--hold] [--real-addresses]
//            our page, called by another peer: prints "self NAME", sends the text once the channel is open
//        node chromium.mjs example FILE QUERY [--text TEXT] [--real-addresses]
//            a user's page, served from another origin, as its own host would
//
// Prints a line per step: "pressed", "state STATE", "open", "equal text", "binary equal", "local KIND ADDRESS", "pair KIND -> KIND".
// With --hold it stays until its input is closed, and goes on printing state changes.
import { createServer } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    text: { type: "string", default: "이음, from Chromium" },
    binary: { type: "boolean" },
    hold: { type: "boolean" },
    "real-addresses": { type: "boolean" },
    microphone: { type: "boolean" },
    "no-servers": { type: "boolean" },
  },
});
const [mode, ...given] = positionals;

// A profile of its own in any case: a user's must not be touched.
const profile = await mkdtemp(join(tmpdir(), "ieum-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  chromiumSandbox: false,
  args: [...FLAGS, ...given_flags()],
});
try {
  const page = browser.pages()[0];
  page.on("pageerror", (error) => console.log("page error:", error.message));
  await page.exposeFunction("interopSays", (line) => console.log(line));
  await page.addInitScript(reportStates, { servers: !options["no-servers"] });
  await { call, called, example }[mode](page, ...given);
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}

/** What the options ask of Chromium itself. */
function given_flags() {
  const flags = options["real-addresses"] ? ["--disable-features=WebRtcHideLocalIpsWithMdns"] : [];
  if (!options.microphone) return flags;
  // A page that is not on this machine is trusted with devices over HTTPS only.
  const origin = new URL(given[0]).origin;
  return [...flags, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--unsafely-treat-insecure-origin-as-secure=${origin}`];
}

async function call(page, url) {
  await page.goto(url);
  if (options.microphone) await page.evaluate(() => navigator.mediaDevices.getUserMedia({ audio: true }));
  // The call may be there before the click returns.
  console.log("pressed");
  await page.click("#call");
  await talk(page);
  if (options.binary) {
    await page.click("#binary");
    await page.waitForSelector("#binary-result[data-result=equal], #binary-result[data-result=different], #binary-result[data-result=failed]");
    console.log("binary", await page.getAttribute("#binary-result", "data-result"), await page.textContent("#binary-result"));
  }
  await report(page);
  await hold();
}

async function called(page, url) {
  await page.goto(url);
  const self = page.locator("#self", { hasText: "This tab is" });
  console.log("self", (await self.textContent()).match(/This tab is ([\w-]+)/)[1]);
  await talk(page);
  await report(page);
  await hold();
}

/** Types the text into the page's box and waits until it stands in the log as the peer's. */
async function talk(page) {
  await page.waitForSelector("#text:enabled");
  console.log("open");
  await page.fill("#text", options.text);
  await page.press("#text", "Enter");
  await page.locator("#log li[data-from=peer] .what", { hasText: options.text }).waitFor();
  console.log("equal text");
}

/** What the page shows of candidates and of the chosen pair. */
async function report(page) {
  for (const row of await page.locator("#candidates tr[data-side=local]").all()) {
    console.log("local", await row.getAttribute("data-kind"), await row.getAttribute("data-address"));
  }
  const pair = page.locator("#pair[data-state=chosen]");
  console.log("pair", await pair.getAttribute("data-local"), "->", await pair.getAttribute("data-remote"));
  await page.locator("#steps li[data-state=done]").nth(5).waitFor();
  console.log("steps 6");
}

async function hold() {
  if (options.hold) await new Promise((resolve) => process.stdin.resume().on("end", resolve));
}

/** A user's way through examples/javascript: press, wait for the form, type, read the echo. */
async function example(page, file, query) {
  const host = createServer(async (request, response) => {
    const name = basename(new URL(request.url, "http://host").pathname);
    if (name === "favicon.ico") return response.writeHead(204).end();
    response.setHeader("content-type", name.endsWith(".js") ? "text/javascript" : "text/html");
    response.end(await readFile(join(dirname(file), name)));
  });
  await new Promise((listening) => host.listen(0, "127.0.0.1", listening));
  await page.goto(`http://127.0.0.1:${host.address().port}/${basename(file)}?${query}`);
  // The call may be there before the click returns.
  console.log("pressed");
  await page.click("#call");
  await page.fill("#text", options.text);
  await page.press("#text", "Enter");
  await page.locator("#log", { hasText: `echo: ${options.text}` }).waitFor();
  console.log("equal text");
  host.close();
}

/** Runs in the page, before its own scripts. */
function reportStates({ servers }) {
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(configuration, ...given) {
      super(servers ? configuration : { ...configuration, iceServers: [] }, ...given);
      this.addEventListener("connectionstatechange", () => window.interopSays(`state ${this.connectionState}`));
    }
  };
}
