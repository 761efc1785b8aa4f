// Sends bytes in pieces that fit the peer, and compares what comes back with what went out.

const PIECE = 64 * 1024;
const QUEUE = 1024 * 1024;
const STALLED_AFTER_MS = 15_000;

export class BinaryEcho {
  constructor(channel, maxMessageSize, size) {
    this.channel = channel;
    this.sent = randomBytes(size);
    // 0 means "any size" in SDP, and browsers say Infinity.
    this.piece = Math.min(PIECE, maxMessageSize > 0 ? maxMessageSize : PIECE);
    this.pieces = Math.ceil(size / this.piece);
    this.received = 0;
  }

  /** Resolves with { equal, milliseconds, pieces }; rejects when the channel closes or nothing comes for long. */
  run() {
    const began = performance.now();
    return new Promise((resolve, reject) => {
      this.finish = (equal) => {
        this.stop();
        resolve({ equal, milliseconds: performance.now() - began, pieces: this.pieces });
      };
      this.refuse = (reason) => {
        this.stop();
        reject(new Error(reason));
      };
      this.onClose = () => this.refuse("the channel closed");
      this.channel.addEventListener("close", this.onClose);
      this.watch();
      this.sendAll().catch((error) => this.refuse(error.message));
    });
  }

  /** Takes one message that came back. */
  take(data) {
    const bytes = new Uint8Array(data);
    const expected = this.sent.subarray(this.received, this.received + bytes.length);
    this.received += bytes.length;
    if (bytes.length !== expected.length || bytes.some((byte, i) => byte !== expected[i])) this.finish(false);
    else if (this.received === this.sent.length) this.finish(true);
    else this.watch();
  }

  async sendAll() {
    const { channel, piece, sent } = this;
    channel.bufferedAmountLowThreshold = QUEUE / 4;
    for (let at = 0; at < sent.length && !this.stopped; at += piece) {
      if (channel.bufferedAmount > QUEUE) {
        await new Promise((resolve) => channel.addEventListener("bufferedamountlow", resolve, { once: true }));
      }
      channel.send(sent.subarray(at, at + piece));
    }
  }

  watch() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refuse(`nothing more came back after ${this.received} bytes`), STALLED_AFTER_MS);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.channel.removeEventListener("close", this.onClose);
  }
}

function randomBytes(size) {
  const bytes = new Uint8Array(size);
  const atOnce = 65536; // The most that getRandomValues gives.
  for (let at = 0; at < size; at += atOnce) crypto.getRandomValues(bytes.subarray(at, Math.min(at + atOnce, size)));
  return bytes;
}
