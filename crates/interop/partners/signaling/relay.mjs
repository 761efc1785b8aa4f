// A signaling server of the old kind on socket.io 4: our client talks to it, and the benchmark measures ours against it.
//
// usage: node relay.mjs [TOKEN [TRANSPORT]]
//
// Prints `port N`, and serves until it is killed.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const [token, transport] = process.argv.slice(2);
const transports = transport ? [transport] : ["polling", "websocket"];
const io = new Server(http, { cors: { origin: "*" }, transports });
const peers = new Map();

io.use((socket, next) => (socket.handshake.auth.token === token ? next() : next(new Error("Authentication error"))));

io.on("connection", (socket) => {
  let own;
  socket.on("ready", (peerId, peerType) => {
    if (peers.has(peerId)) {
      const message = `${peerId} is already connected to the signalling server. Please change your peer ID and try again.`;
      socket.emit("uniquenessError", { message });
      return socket.disconnect(true);
    }
    own = peerId;
    const connection = { socketId: socket.id, peerId, peerType };
    const connections = [...peers.values()];
    socket.emit("message", { from: "all", target: peerId, payload: { action: "open", connections, bePolite: false } });
    peers.set(peerId, connection);
    socket.broadcast.emit("message", { from: peerId, target: "all", payload: { action: "open", connections: [connection], bePolite: true } });
  });
  socket.on("message", (message) => socket.broadcast.emit("message", message));
  socket.on("messageOne", (message) => {
    const receiver = peers.get(message.target);
    if (receiver) io.to(receiver.socketId).emit("message", message);
  });
  socket.on("disconnect", () => {
    if (!own) return;
    peers.delete(own);
    const payload = { action: "close", message: "Peer has left the signaling server" };
    socket.broadcast.emit("message", { from: own, target: "all", payload });
  });
});

http.listen(0, "127.0.0.1", () => console.log("port", http.address().port));
