//! STUN messages: view, builder, integrity, fingerprint, transactions (RFC 8489)
