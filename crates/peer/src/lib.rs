//! PeerConnection with the W3C names: a core without I/O, and a tokio runtime
