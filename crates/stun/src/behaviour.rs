//! What a client asks of a server that helps it discover how its NAT behaves (RFC 5780).

/// CHANGE-REQUEST: from which of its four addresses the server is to answer (RFC 5780 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ChangeRequest {
    /// From the other IP address than that which got the request.
    pub ip: bool,
    /// From the other port.
    pub port: bool,
}

impl ChangeRequest {
    pub(crate) fn read([.., flags]: [u8; 4]) -> Self {
        Self {
            ip: flags & CHANGE_IP != 0,
            port: flags & CHANGE_PORT != 0,
        }
    }

    pub(crate) fn write(self) -> [u8; 4] {
        let ip = if self.ip { CHANGE_IP } else { 0 };
        let port = if self.port { CHANGE_PORT } else { 0 };
        [0, 0, 0, ip | port]
    }
}

/// RFC 5780 §7.2: the flags "A" and "B", in the third and second bit from the end.
const CHANGE_IP: u8 = 4;
const CHANGE_PORT: u8 = 2;
