//! Whether an offer belongs to a connection that is known.

/// What two descriptions of one connection have in common.
///
/// RFC 9429 §5.2.2: the session id of the `o=` line stays for the whole life of a connection. Not every peer keeps to it
/// (aiortc makes a new one for each offer), but without an ICE restart the user name fragment stays then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    session_id: Option<String>,
    ufrag: Option<String>,
}

impl Identity {
    /// Reads both from an SDP; what is not there is `None`.
    pub(super) fn of(sdp: &str) -> Self {
        let after = |prefix: &str| sdp.lines().find_map(|line| line.strip_prefix(prefix));
        Self {
            session_id: after("o=")
                .and_then(|origin| origin.split(' ').nth(1))
                .map(str::to_owned),
            ufrag: after("a=ice-ufrag:").map(|ufrag| ufrag.trim().to_owned()),
        }
    }

    /// Whether both can be of the same connection.
    pub(super) fn same_connection(&self, other: &Self) -> bool {
        self.session_id == other.session_id || self.ufrag == other.ufrag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(session_id: u64, ufrag: &str) -> String {
        format!(
            "v=0\r\no=- {session_id} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=application 9 X 1\r\na=ice-ufrag:{ufrag}\r\n"
        )
    }

    #[test]
    fn a_restart_keeps_the_session_id_and_aiortc_the_fragment() {
        let first = Identity::of(&sdp(1, "abcd"));
        assert!(first.same_connection(&Identity::of(&sdp(1, "efgh"))));
        assert!(first.same_connection(&Identity::of(&sdp(2, "abcd"))));
        assert!(!first.same_connection(&Identity::of(&sdp(2, "efgh"))));
    }

    #[test]
    fn nonsense_has_no_identity() {
        let nothing = Identity {
            session_id: None,
            ufrag: None,
        };
        assert_eq!(Identity::of("o=\na=ice-ufrag"), nothing);
        assert_eq!(Identity::of(""), nothing);
    }
}
