//! WebRTC signaling over Socket.IO: server and client
