//! An ICE agent without I/O (RFC 8445, 8838, 7675)
