// One registered client of the signaling server: who is there, what came, what to send.
// Wraps vendor/socket.io.min.js, which defines `io`.

export class SignalingError extends Error {}

export class Signaling {
  /** `handlers`: onSignal(from, body), onLost(), each optional. */
  constructor(id, handlers) {
    this.id = id;
    this.handlers = handlers;
    this.peers = new Set();
    this.registered = false;
    this.refusal = null;
  }

  /** Connects and registers under `this.id`; resolves when the server has taken the id. */
  connect(token) {
    this.close();
    this.refusal = null;
    const socket = io({ auth: token ? { token } : {}, forceNew: true, timeout: 5000 });
    this.socket = socket;
    return new Promise((resolve, reject) => {
      const refuse = (text) => {
        this.refusal = text;
        reject(new SignalingError(text));
      };
      socket.on("connect", () => socket.emit("ready", this.id, "browser"));
      socket.on("connect_error", (error) => refuse(explain(error)));
      socket.on("uniquenessError", (body) => refuse(body.message ?? body.error));
      socket.on("disconnect", () => {
        this.forget();
        this.handlers.onLost?.();
      });
      socket.on("message", (message) => {
        this.receive(message);
        if (this.registered) resolve();
      });
    });
  }

  get connected() {
    return Boolean(this.socket?.connected && this.registered);
  }

  /** Sends `payload` to one peer. Resolves with the server's reason where nobody received it, else with null. */
  send(target, payload) {
    const message = { from: this.id, target, payload };
    return new Promise((resolve) => {
      // A server that does not acknowledge is not an error: the answer, or its absence, tells.
      this.socket.timeout(3000).emit("messageOne", message, (late, reply) => {
        resolve(!late && reply?.ok === false ? reply.error : null);
      });
    });
  }

  close() {
    this.socket?.removeAllListeners();
    this.socket?.disconnect();
    this.socket = null;
    this.forget();
  }

  forget() {
    this.peers.clear();
    this.registered = false;
  }

  receive(message) {
    const body = message?.payload ?? message?.message;
    if (!body || typeof body !== "object") return;
    if (body.action === "open") {
      // The list that answers our own `ready` is addressed to us; later ones announce a newcomer.
      if (message.target === this.id) this.registered = true;
      for (const peer of body.connections ?? []) this.peers.add(peer.peerId);
    } else if (body.action === "close" && message.target === "all") {
      this.peers.delete(message.from);
    } else if (message.target === this.id) {
      this.handlers.onSignal?.(message.from, body);
    }
  }
}

function explain(error) {
  if (error.message === "Authentication error") {
    return "The server asks for a token, and did not accept this one. Type it under “Token and relay”.";
  }
  return "The signaling server does not answer. Is ieum still running?";
}
