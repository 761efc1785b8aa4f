// One call: an RTCPeerConnection, its signaling, and the six steps as they happen.

const HANDLERS = ["negotiationneeded", "icecandidate", "icecandidateerror", "signalingstatechange",
  "iceconnectionstatechange", "icegatheringstatechange", "connectionstatechange"];
const ANSWER_WITHIN_MS = 10_000;
const HELD_CANDIDATES = 64;

export class Call {
  /**
   * `view` is told: event(name, value), candidate(side, RTCIceCandidate), open(channel), text, binary,
   * pair(pair), interrupted(boolean), ended(problem or null, remark or null, whether the channel had opened).
   */
  constructor({ peer, signaling, configuration, steps, view }) {
    Object.assign(this, { peer, signaling, steps, view });
    this.held = [];
    this.ended = false;
    this.candidateErrors = [];
    this.counts = { local: 0, remote: 0, localRelay: 0 };
    this.endSent = false;
    this.endReceived = false;
    this.pc = new RTCPeerConnection(configuration);
    for (const name of HANDLERS) this.pc.addEventListener(name, (event) => this.handle(name, event));
    this.pc.addEventListener("datachannel", ({ channel }) => this.adopt(channel));
  }

  /** Sends the offer; the rest happens in the handlers. */
  async start() {
    this.adopt(this.pc.createDataChannel("ieum"));
    this.steps.begin(2);
    const offer = await this.pc.createOffer();
    // The offer goes ahead of the candidates: setLocalDescription starts to find them.
    this.steps.begin(1);
    await this.pc.setLocalDescription(offer);
    const delivered = this.send({ type: "offer", sdp: offer.sdp });
    this.steps.end(2);
    this.steps.begin(3);
    this.deadline = setTimeout(() => this.end(`${this.peer} did not answer within ${ANSWER_WITHIN_MS / 1000} seconds.`), ANSWER_WITHIN_MS);
    const lost = await delivered;
    if (lost) this.end(`The offer did not reach ${this.peer}: ${lost}`);
  }

  /** Takes one message of the peer's. */
  async receive(body) {
    if (this.ended) return;
    try {
      if (body.action === "close") this.end(null, `${this.peer} hung up.`);
      else if (body.type === "offer" || body.type === "answer" || body.type === "pranswer") await this.describe(body);
      else if ("candidate" in body) await this.candidate(body);
    } catch (error) {
      this.end(`What ${this.peer} sent could not be used: ${error.message}`);
    }
  }

  async describe(body) {
    if (body.type === "offer") this.steps.begin(2);
    await this.pc.setRemoteDescription({ type: body.type, sdp: body.sdp });
    if (body.type === "answer") this.answered();
    for (const line of body.sdp.split(/\r?\n/)) {
      if (line.startsWith("a=candidate:")) this.found("remote", new RTCIceCandidate({ candidate: line.slice(2), sdpMLineIndex: 0 }));
      if (line.startsWith("a=end-of-candidates")) this.endReceived = true;
    }
    const held = this.held.splice(0);
    for (const candidate of held) await this.add(candidate);
    if (body.type === "offer") await this.answer();
    this.exchanged();
  }

  async answer() {
    this.steps.end(2);
    this.steps.begin(3);
    const answer = await this.pc.createAnswer();
    this.steps.begin(1);
    await this.pc.setLocalDescription(answer);
    this.send({ type: "answer", sdp: answer.sdp });
    this.answered();
  }

  answered() {
    clearTimeout(this.deadline);
    this.steps.end(3);
    this.steps.begin(5);
  }

  async candidate(body) {
    const init = typeof body.candidate === "object" && body.candidate !== null ? body.candidate : body;
    if (this.pc.remoteDescription) await this.add(init);
    else if (this.held.length < HELD_CANDIDATES) this.held.push(init);
  }

  async add(init) {
    if (!init.candidate) {
      this.endReceived = true;
      this.exchanged();
      return;
    }
    this.found("remote", new RTCIceCandidate(init));
    await this.pc.addIceCandidate(init);
  }

  found(side, candidate) {
    if (!candidate.candidate) return;
    this.counts[side] += 1;
    if (side === "local" && candidate.type === "relay") this.counts.localRelay += 1;
    this.steps.begin(4);
    this.view.candidate(side, candidate);
  }

  /** Step 4 ends when both sides have said that there is no more: or, where the peer never says so, when the channel opens. */
  exchanged() {
    const open = this.channel?.readyState === "open";
    if (this.endSent && (this.endReceived || (open && this.counts.remote > 0))) this.steps.end(4);
  }

  adopt(channel) {
    this.channel = channel;
    channel.binaryType = "arraybuffer";
    const state = () => this.view.channel(channel.readyState);
    channel.addEventListener("open", () => {
      this.steps.end(6);
      this.exchanged();
      state();
      this.view.open(this);
    });
    channel.addEventListener("closing", state);
    channel.addEventListener("close", () => {
      state();
      if (!this.ended) this.end(null, `${this.peer} closed the channel.`);
    });
    channel.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.view.text(data);
      else this.view.binary(data);
    });
    state();
  }

  handle(name, event) {
    const { pc } = this;
    switch (name) {
      case "icecandidate":
        this.gathered(event.candidate);
        break;
      case "icecandidateerror":
        this.candidateErrors.push(event);
        this.view.event(name, `${event.url}: ${event.errorCode} ${event.errorText}`.trim());
        break;
      case "icegatheringstatechange":
        this.view.event(name, pc.iceGatheringState);
        if (pc.iceGatheringState === "complete") this.steps.end(1);
        break;
      case "signalingstatechange":
        this.view.event(name, pc.signalingState);
        break;
      case "iceconnectionstatechange":
        this.view.event(name, pc.iceConnectionState);
        if (["connected", "completed"].includes(pc.iceConnectionState)) this.paired();
        break;
      case "connectionstatechange":
        this.view.event(name, pc.connectionState);
        if (pc.connectionState === "failed") this.end(this.whyFailed());
        else if (this.steps.isDone(6)) this.view.interrupted(pc.connectionState === "disconnected");
        break;
      default:
        this.view.event(name, "");
    }
    this.view.states(pc);
  }

  gathered(candidate) {
    if (candidate?.candidate) {
      this.view.event("icecandidate", `${candidate.type ?? ""} ${candidate.protocol ?? ""} ${candidate.address ?? "hidden"}`.trim());
      this.found("local", candidate);
      this.send(candidate.toJSON());
    } else if (!this.endSent) {
      // Browsers end with an empty candidate, then with null: the peer needs one of them.
      this.view.event("icecandidate", "no more");
      this.endSent = true;
      this.send({ candidate: "", sdpMid: candidate?.sdpMid ?? "0", sdpMLineIndex: candidate?.sdpMLineIndex ?? 0 });
      this.exchanged();
    }
  }

  paired() {
    this.steps.end(5);
    this.steps.begin(6);
    this.refreshPair();
  }

  async refreshPair() {
    if (this.ended) return;
    const pair = await chosenPair(this.pc);
    if (pair && !this.ended) this.view.pair(pair, this.peer);
  }

  send(payload) {
    return this.signaling.send(this.peer, payload);
  }

  /** Ends the call. `problem` is in plain words; null where nothing is wrong, and then `remark` may say what happened. */
  end(problem, remark = null) {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.deadline);
    this.channel?.close();
    this.pc.close();
    if (this.signaling.connected) this.send({ action: "close" });
    if (problem && !this.steps.isDone(6)) this.steps.fail();
    this.view.states(this.pc);
    this.view.channel("closed");
    this.view.ended(problem, remark, this.steps.isDone(6));
  }

  whyFailed() {
    const { local, remote, localRelay } = this.counts;
    const errors = this.candidateErrors.map((e) => `${e.url} said ${e.errorCode} ${e.errorText}`.trim()).join("; ");
    const tail = errors ? ` While gathering: ${errors}.` : "";
    if (this.steps.isDone(6)) return `The connection to ${this.peer} broke: nothing has come from it for a while.`;
    if (this.steps.isDone(5)) return `A pair of addresses was found, but DTLS on it did not finish: encrypted set-up failed.`;
    if (remote === 0) return `${this.peer} sent no addresses to try.${tail}`;
    if (this.pc.getConfiguration().iceTransportPolicy === "relay" && localRelay === 0) {
      return `Only the relay was allowed, and the relay gave no address.${tail}`;
    }
    return `${local} addresses here and ${remote} of ${this.peer} were tried with each other, and no pair got through. `
      + `A firewall or a VPN in between may be dropping UDP.${tail}`;
  }
}

/** The pair that carries the data: { local, remote, rttMs, nominated }, or null. */
async function chosenPair(pc) {
  const stats = await pc.getStats();
  let id = null;
  for (const entry of stats.values()) if (entry.type === "transport" && entry.selectedCandidatePairId) id = entry.selectedCandidatePairId;
  let pair = id && stats.get(id);
  for (const entry of stats.values()) {
    // Firefox has no transport entry with the choice, but marks the pair.
    if (!pair && entry.type === "candidate-pair" && (entry.selected || (entry.nominated && entry.state === "succeeded"))) pair = entry;
  }
  if (!pair) return null;
  return {
    local: stats.get(pair.localCandidateId),
    remote: stats.get(pair.remoteCandidateId),
    rttMs: pair.currentRoundTripTime === undefined ? null : pair.currentRoundTripTime * 1000,
  };
}
