//! Owns the two sides' credentials and the keys made of them (RFC 8445 §5.3, RFC 8839 §5.4).

use std::fmt;

/// An ICE username fragment and password, as `a=ice-ufrag` and `a=ice-pwd` carry them (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the session; not secret. 4 to 256 characters.
    pub ufrag: String,
    /// Proves it; 22 to 256 characters. `Debug` does not show it.
    pub pwd: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}
