//! What a text says, for people and for programs: the library side of `ieum inspect`.

mod describe;
mod said;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use ieum_candidate::{CandidateLine, ParseError as CandidateError};

use crate::webrtc::{Description, DescriptionError};
use crate::{Limits, ParseError, Session, Warning};

pub use said::Said;

/// What was found in a text: a session with what it says to a WebRTC endpoint, or candidates, one a line.
///
/// It shows no ICE password and no key, so that it can be passed on: `Display` for people, [`Said::json`] for programs.
///
/// ```
/// use ieum_sdp::Inspection;
///
/// let found = Inspection::of("candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host\n");
/// assert!(found.is_read());
/// assert!(found.said().to_string().contains("address: 192.0.2.7"));
///
/// let broken = Inspection::of("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n");
/// assert!(!broken.is_read());
/// assert!(broken.said().to_string().contains("line 5, column 9: expected a port (0 to 65535)"));
/// ```
#[derive(Debug, Clone)]
pub struct Inspection<'a> {
    found: Found<'a>,
    limits: Limits,
}

#[derive(Debug, Clone)]
enum Found<'a> {
    /// And why there is no description of it, where there is none.
    Session(Session<'a>, Option<DescriptionError>),
    NoSession(ParseError),
    /// The number of each line, and where on it the candidate begins.
    Candidates(Vec<(usize, usize, Result<CandidateLine<'a>, CandidateError>)>),
}

/// What cannot be read.
enum Problem {
    Session(ParseError),
    Description(DescriptionError),
    Candidate {
        line: usize,
        column: usize,
        error: CandidateError,
    },
}

impl<'a> Inspection<'a> {
    /// Looks at a text, within the default [`Limits`].
    pub fn of(text: &'a str) -> Self {
        Self::with(text, &Limits::default())
    }

    /// Looks at a text, within limits of your own.
    pub fn with(text: &'a str, limits: &Limits) -> Self {
        let first = text.trim_ascii_start();
        let found = if first.starts_with("candidate:") || first.starts_with("a=candidate:") {
            Found::Candidates(candidates(text, limits))
        } else {
            match Session::parse_with(text, limits) {
                Ok(session) => {
                    let error = Description::from_session_with(&session, limits).err();
                    Found::Session(session, error)
                }
                Err(error) => Found::NoSession(error),
            }
        };
        Inspection {
            found,
            limits: *limits,
        }
    }

    /// Whether all of it could be read. Warnings do not matter here, and neither does that a session which was never meant
    /// for a WebRTC endpoint says [nothing to one](Self::no_description).
    pub fn is_read(&self) -> bool {
        self.problems().is_empty()
    }

    /// What it warns of; see [`Session::warnings`].
    pub fn warnings(&self) -> Vec<Warning> {
        match &self.found {
            Found::Session(session, _) => session.warnings().collect(),
            _ => Vec::new(),
        }
    }

    /// What cannot be read, in words.
    pub fn errors(&self) -> Vec<String> {
        self.problems().iter().map(ToString::to_string).collect()
    }

    /// Why a session without ICE and DTLS, which can be read as such, has no [`Description`]; in words. Where there is ICE or
    /// DTLS, it is among the [errors](Self::errors).
    pub fn no_description(&self) -> Option<String> {
        self.unfit().as_ref().map(ToString::to_string)
    }

    /// All that there is to say.
    pub fn said(&self) -> Said {
        let mut said = match &self.found {
            Found::Session(session, _) => {
                match Description::from_session_with(session, &self.limits) {
                    Ok(description) => describe::both(session, &description),
                    Err(_) => describe::session(session),
                }
            }
            Found::NoSession(_) => Vec::new(),
            Found::Candidates(lines) => {
                let read = lines.iter().filter_map(|(_, _, line)| line.as_ref().ok());
                let candidates = read.map(|line| describe::candidate(&line.to_owned()));
                [("candidates", candidates.collect())].into()
            }
        };
        if let Some(why) = self.unfit() {
            said.push(("no_description", why.said()));
        }
        let warnings: Said = self.warnings().iter().map(describe::warning).collect();
        let errors: Said = self.problems().iter().map(Problem::said).collect();
        for (name, list) in [("warnings", warnings), ("errors", errors)] {
            if list != Said::List(Vec::new()) {
                said.push((name, list));
            }
        }
        Said::Map(said)
    }

    fn unfit(&self) -> Option<Problem> {
        match &self.found {
            Found::Session(session, Some(error)) if !is_for_webrtc(session) => {
                Some(Problem::Description(*error))
            }
            _ => None,
        }
    }

    fn problems(&self) -> Vec<Problem> {
        match &self.found {
            Found::Session(session, Some(error)) if is_for_webrtc(session) => {
                [Problem::Description(*error)].into()
            }
            Found::Session(..) => Vec::new(),
            Found::NoSession(error) => [Problem::Session(*error)].into(),
            Found::Candidates(lines) => lines
                .iter()
                .filter_map(|(line, column, read)| {
                    let error = read.err()?;
                    let (line, column) = (*line, *column + error.offset);
                    Some(Problem::Candidate {
                        line,
                        column,
                        error,
                    })
                })
                .collect(),
        }
    }
}

impl fmt::Display for Inspection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said().fmt(f)
    }
}

impl Problem {
    fn said(&self) -> Said {
        let position = match self {
            Problem::Session(error) => Some((error.line, error.column)),
            Problem::Description(DescriptionError::Session(error)) => {
                Some((error.line, error.column))
            }
            Problem::Description(DescriptionError::Malformed { position, .. }) => {
                Some((position.line, position.column))
            }
            Problem::Description(_) => None,
            Problem::Candidate { line, column, .. } => Some((*line, *column)),
        };
        describe::problem(position, self)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Session(error) => error.fmt(f),
            Problem::Description(error) => error.fmt(f),
            Problem::Candidate {
                line,
                column,
                error,
            } => write!(
                f,
                "line {line}, column {column}: expected {}",
                error.expected
            ),
        }
    }
}

/// Whether it speaks of ICE or DTLS, without which no WebRTC endpoint connects (RFC 8827 §6.5, RFC 8835 §3.4).
fn is_for_webrtc(session: &Session<'_>) -> bool {
    let mut attributes = session.lines().filter_map(|line| line.attribute());
    attributes.any(|attribute| {
        matches!(
            attribute.name(),
            "candidate" | "fingerprint" | "ice-pwd" | "ice-ufrag" | "setup"
        )
    })
}

/// Every line that is not empty, as a candidate.
fn candidates<'a>(
    text: &'a str,
    limits: &Limits,
) -> Vec<(usize, usize, Result<CandidateLine<'a>, CandidateError>)> {
    let lines = text.lines().zip(1..);
    lines
        .filter(|(line, _)| !line.trim_ascii().is_empty())
        .take(limits.candidates)
        .map(|(line, number)| {
            let body = line.trim_ascii_start();
            let column = line.len() - body.len() + 1;
            (number, column, CandidateLine::parse(body))
        })
        .collect()
}
