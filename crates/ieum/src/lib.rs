//! WebRTC connection set-up: signaling and peer joined, and the crates under them
