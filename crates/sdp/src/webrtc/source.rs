use alloc::vec::Vec;

use super::Text;

/// `a=msid`, RFC 8830 §2: the stream that a track is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Msid<'a> {
    /// The stream; `-` for none.
    pub stream: Text<'a>,
    /// The track, of which RFC 8830 wants nothing said any more.
    pub track: Option<Text<'a>>,
}

/// `a=ssrc`, RFC 5576 §4.1: something said of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssrc<'a> {
    /// The source.
    pub id: u32,
    /// What is said: `cname`, `msid`...
    pub attribute: Text<'a>,
    /// What follows its colon.
    pub value: Option<Text<'a>>,
}

/// `a=ssrc-group`, RFC 5576 §4.2: sources that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsrcGroup<'a> {
    /// How: `FID` (a source and its repair), `FEC-FR`, `SIM`...
    pub semantics: Text<'a>,
    /// Which.
    pub ids: Vec<u32>,
}
