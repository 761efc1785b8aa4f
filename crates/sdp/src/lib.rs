//! SDP: lossless sessions (RFC 8866) and typed WebRTC descriptions (RFC 9429)
