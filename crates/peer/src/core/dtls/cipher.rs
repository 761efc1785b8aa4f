//! Which cipher suite a handshake agreed on. The library does not say; the server's hello does, in clear in both versions
//! (RFC 6347 §4.2, RFC 9147 §5.3).

/// The suite that a datagram names, if it begins with a ServerHello. One that asks for another ClientHello names the same.
pub(in crate::core) fn suite(datagram: &[u8]) -> Option<u16> {
    let record = datagram.get(RECORD_HEADER..)?;
    let is_handshake = datagram[0] == HANDSHAKE && record.first() == Some(&SERVER_HELLO);
    let is_first_fragment = record.get(6..9)? == [0, 0, 0];
    if !is_handshake || !is_first_fragment {
        return None;
    }
    // Behind the version and 32 bytes of randomness comes a session id, and then the suite.
    let hello = record.get(HANDSHAKE_HEADER..)?;
    let session_id = usize::from(*hello.get(34)?);
    let suite = hello.get(35 + session_id..37 + session_id)?;
    Some(u16::from_be_bytes([suite[0], suite[1]]))
}

/// IANA's name, of those that can be agreed on here.
pub(in crate::core) fn name(suite: u16) -> Option<&'static str> {
    Some(match suite {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0xC02B => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xC02C => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xC02F => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        0xC030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        0xCCA8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        0xCCA9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        _ => return None,
    })
}

/// RFC 6347 §4.3.1: type, version, epoch, sequence number, length.
const RECORD_HEADER: usize = 13;
/// RFC 6347 §4.2.2: type, length, sequence number, fragment offset and length.
const HANDSHAKE_HEADER: usize = 12;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// A ServerHello with a session id of this length.
    fn hello(session_id: u8) -> Vec<u8> {
        let mut datagram = vec![0; RECORD_HEADER + HANDSHAKE_HEADER + 34];
        (datagram[0], datagram[RECORD_HEADER]) = (HANDSHAKE, SERVER_HELLO);
        datagram.push(session_id);
        datagram.extend(vec![7; session_id.into()]);
        datagram.extend([0x13, 0x01, 0]);
        datagram
    }

    #[test]
    fn a_server_hello_names_its_suite() {
        for session_id in [0, 32] {
            assert_eq!(suite(&hello(session_id)), Some(0x1301));
        }
        assert_eq!(name(0x1301), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(name(0), None);
    }

    #[test]
    fn what_is_no_server_hello_or_is_cut_short_names_none() {
        let whole = hello(32);
        for len in 0..whole.len() - 1 {
            assert_eq!(suite(&whole[..len]), None, "{len}");
        }
        for (at, byte) in [(0, 23), (RECORD_HEADER, 1), (RECORD_HEADER + 8, 1)] {
            let mut other = whole.clone();
            other[at] = byte;
            assert_eq!(suite(&other), None, "{at}");
        }
    }
}
