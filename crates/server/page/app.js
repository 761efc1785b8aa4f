// The page: one button, one call at a time, to `ieum` or from whoever calls this tab.
//
//   #token=T    sent to signaling and to /api/ice-servers
//   ?relay=1    only relayed candidates
//   ?peer=NAME  call NAME, for example an “ieum call --wait --id NAME”, in place of `ieum`

import { BinaryEcho } from "./echo.js";
import { Call } from "./call.js";
import { Signaling, SignalingError } from "./signaling.js";
import { Steps } from "./steps.js";
import { View, milliseconds } from "./view.js";

const PEER = new URLSearchParams(location.search).get("peer") || "ieum";
const MEBIBYTE = 1024 * 1024;
const REFRESH_MS = 2000;

const $ = (id) => document.getElementById(id);
const view = new View();
if (PEER !== "ieum") {
  $("call").textContent = `Call ${PEER}`;
  $("detail").textContent = `One button calls ${PEER}.`;
}
const me = `browser-${Math.random().toString(36).slice(2, 7)}`;
let call = null;
let echo = null;
let refresh = null;
let awaited = [];

const signaling = new Signaling(me, {
  onSignal: (from, body) => receive(from, body),
  onLost: () => view.self("Signaling is gone. An open call goes on without it."),
});

async function register() {
  try {
    await signaling.connect($("token").value);
    view.self(`This tab is ${me}. In a terminal, “ieum call ${me}” calls it.`);
    return true;
  } catch (error) {
    if (!(error instanceof SignalingError)) throw error;
    view.self("This page is not registered with signaling.");
    return false;
  }
}

async function iceServers() {
  const token = $("token").value;
  let response;
  try {
    response = await fetch("api/ice-servers", { headers: token ? { authorization: `Bearer ${token}` } : {} });
  } catch {
    throw new Error("The server does not answer. Is ieum still running?");
  }
  if (response.status === 401) throw new Error("The server asks for a token, and did not accept this one. Type it under “Token and relay”.");
  if (!response.ok) throw new Error(`The server refused to name its STUN and TURN servers: ${await response.text()}`);
  const { iceServers } = await response.json();
  return iceServers;
}

/** Makes the call object; `peer` is who we call or who calls us, `since` when the steps' times begin. */
async function begin(peer, steps, since) {
  const configuration = { iceServers: await iceServers() };
  if ($("relay").checked) configuration.iceTransportPolicy = "relay";
  return new Call({ peer, signaling, configuration, steps, view: callView(peer, steps, since) });
}

function callView(peer, steps, since) {
  return {
    event: (name, value) => view.event(steps.now(), name, value),
    candidate: (side, candidate) => view.candidate(side, candidate, peer),
    states: (pc) => view.states(pc),
    channel: (state) => view.channel(state),
    pair: (pair, peer) => view.pair(pair, peer),
    open: (call) => opened(call, peer, `${since} to an open channel in ${milliseconds(steps.now())}.`),
    text: (text) => received(peer, text),
    binary: (data) => echo?.take(data),
    interrupted: (silent) => view.headline(silent ? `${peer} has gone silent…` : `Connected to ${peer}.`),
    ended: (problem, remark, opened) => ended(peer, problem, remark, opened),
  };
}

function prepare(headline) {
  view.clear();
  view.controls("calling");
  view.headline(headline, "");
  awaited = [];
  const steps = new Steps((steps) => view.steps(steps));
  view.steps(steps);
  return steps;
}

async function dial() {
  const steps = prepare(`Calling ${PEER}…`);
  try {
    if (!signaling.connected && !(await register())) throw new Error(signaling.refusal);
    if (!signaling.peers.has(PEER)) throw new Error(`Nobody is registered as ${PEER} with this server.`);
    call = await begin(PEER, steps, "From the press of the button");
    await call.start();
  } catch (error) {
    if (call && !call.ended) call.end(error.message);
    else if (!call) failed(steps, error.message);
  }
}

async function receive(from, body) {
  if (call && !call.ended) {
    if (from === call.peer) await call.receive(body);
    else if (body.type === "offer") signaling.send(from, { action: "close", message: "busy" });
    return;
  }
  if (ringing) {
    if (from === ringing.from && ringing.waiting.length < 64) ringing.waiting.push(body);
    return;
  }
  if (body.type === "offer") await pickUp(from, body);
}

// An incoming call before its Call object exists: candidates that follow the offer wait here.
let ringing = null;

async function pickUp(from, offer) {
  ringing = { from, waiting: [offer] };
  const steps = prepare(`${from} is calling…`);
  try {
    call = await begin(from, steps, "From the offer’s arrival");
    while (ringing.waiting.length) await call.receive(ringing.waiting.shift());
  } catch (error) {
    failed(steps, error.message);
  } finally {
    ringing = null;
  }
}

function opened(open, peer, detail) {
  view.controls("open");
  view.headline(`Connected to ${peer}.`, detail);
  clearInterval(refresh);
  refresh = setInterval(() => open.refreshPair(), REFRESH_MS);
  open.refreshPair();
  $("text").focus({ preventScroll: true });
}

function failed(steps, problem) {
  steps.fail();
  ended(PEER, problem, null, false);
}

function ended(peer, problem, remark, opened) {
  call = null;
  clearInterval(refresh);
  view.controls("idle");
  const broken = opened ? "The connection broke." : "It did not connect.";
  view.headline(problem ? broken : "Call ended.", problem ? "" : (remark ?? `The connection to ${peer} is closed.`));
  view.problem(problem);
}

function say(text) {
  call.channel.send(text);
  const item = view.log("me", "you", text, "");
  awaited.push({ text, at: performance.now(), item });
  if (awaited.length > 100) awaited.shift();
}

function received(peer, text) {
  const sent = awaited[0]?.text === text ? awaited.shift() : null;
  view.log("peer", peer, text, sent ? milliseconds(performance.now() - sent.at) : "");
}

async function sendBinary() {
  $("binary").disabled = true;
  view.result("running", "On its way…");
  try {
    echo = new BinaryEcho(call.channel, call.pc.sctp?.maxMessageSize ?? 0, MEBIBYTE);
    const { equal, milliseconds: took, pieces } = await echo.run();
    const text = equal
      ? `1 MiB in ${pieces} pieces came back equal in ${milliseconds(took)}.`
      : "What came back is not what was sent.";
    view.result(equal ? "equal" : "different", text);
  } catch (error) {
    view.result("failed", `It did not come back: ${error.message}.`);
  } finally {
    echo = null;
    $("binary").disabled = call === null;
  }
}

$("call").addEventListener("click", dial);
$("hangup").addEventListener("click", () => call?.end(null));
$("binary").addEventListener("click", sendBinary);
$("talk").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value;
  if (!text || !call) return;
  say(text);
  $("text").value = "";
});
$("token").addEventListener("change", () => register());
$("settings").addEventListener("submit", (event) => event.preventDefault());
addEventListener("pagehide", () => call?.end(null));

$("token").value = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
$("relay").checked = new URLSearchParams(location.search).get("relay") === "1";
if ($("relay").checked) $("options").open = true;
register();
