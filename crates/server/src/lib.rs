//! What `ieum up` runs: signaling, STUN, TURN, the page and an echo peer
