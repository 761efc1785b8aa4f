//! TURN client and server without I/O (RFC 8656)
