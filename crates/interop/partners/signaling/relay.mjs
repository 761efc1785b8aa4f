// A signaling server of the old kind on socket.io 4: what the benchmark measures ours against.
//
// usage: node relay.mjs
//
// Prints `port N`, and serves until it is killed.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { cors: { origin: "*" } });
const peers = new Map();

io.use((socket, next) => (socket.handshake.auth.token ? next(new Error("Authentication error")) : next()));

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
