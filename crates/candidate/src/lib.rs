//! ICE candidates: grammar (RFC 8839), kinds, addresses, priority, foundation
