/// How much of a text is read before it is refused.
///
/// The defaults let through anything that a conference needs, and keep the memory that a hostile description can take
/// within a small multiple of its own length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The bytes of one line, without its ending: 16,384. Browsers' longest (`a=identity`) are a few thousand.
    pub line_len: usize,
    /// The lines of a session: 20,000.
    pub lines: usize,
    /// The m-lines of a session: 1,024.
    pub media: usize,
    /// The candidates of a description, over all its m-lines: 1,024.
    pub candidates: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line_len: 16_384,
            lines: 20_000,
            media: 1_024,
            candidates: 1_024,
        }
    }
}
