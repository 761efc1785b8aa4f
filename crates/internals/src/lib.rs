//! Records of WebRTC connections: what happened, when, and the six steps of set-up
