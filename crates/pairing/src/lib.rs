//! ICE check lists: form, prune, order, freeze candidate pairs (RFC 8445 section 6.1.2)
