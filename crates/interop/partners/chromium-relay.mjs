// Two connections in one page of Chromium that may use nothing but a relay: what our TURN server is to a browser.
//
// usage: node chromium-relay.mjs URL USERNAME PASSWORD
//
// Prints "relayed TEXT over PROTOCOL" once a message has come back, PROTOCOL being how the browser reached the relay; or "failed REASON".
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [urls, username, credential] = process.argv.slice(2);
// A profile of its own in any case: a user's must not be touched.
const profile = await mkdtemp(join(tmpdir(), "ieum-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium",
  chromiumSandbox: false,
  args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--ignore-certificate-errors"],
});
try {
  const page = browser.pages()[0];
  console.log(await page.evaluate(relayed, { urls, username, credential }));
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}

async function relayed(server) {
  const configuration = { iceServers: [server], iceTransportPolicy: "relay" };
  const [a, b] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
  const errors = [];
  for (const [one, other] of [[a, b], [b, a]]) {
    one.onicecandidate = ({ candidate }) => candidate && other.addIceCandidate(candidate);
    one.onicecandidateerror = ({ errorCode, errorText, url }) => errors.push(`${url}: ${errorCode} ${errorText}`);
  }
  b.ondatachannel = ({ channel }) => (channel.onmessage = ({ data }) => channel.send(data));
  const channel = a.createDataChannel("relayed");
  const echoed = new Promise((resolve) => {
    channel.onopen = () => channel.send("이음");
    channel.onmessage = ({ data }) => resolve(data);
  });
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  const late = new Promise((resolve) => setTimeout(resolve, 20_000));
  const text = await Promise.race([echoed, late]);
  if (text === undefined) return `failed ${a.connectionState} ${errors.join("; ")}`;
  const stats = [...(await a.getStats()).values()];
  const local = stats.find((stat) => stat.type === "local-candidate" && stat.candidateType === "relay");
  return `relayed ${text} over ${local.relayProtocol}`;
}
