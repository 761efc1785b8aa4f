//! Changing a parsed session: what changes, and that nothing else does.

use ieum_sdp::webrtc::{Codec, Description, Direction};
use ieum_sdp::{Builder, Candidate, EditError, Expected, Session};

const OFFER: &str = include_str!("samples/browsers/chromium-156-audio-video-data-offer.sdp");
const CANDIDATE: &str = "candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host";

/// The lines that are only in the one or only in the other, with `-` and `+`.
fn difference(before: &str, after: &str) -> Vec<String> {
    let (mut old, mut new) = (
        before.split_inclusive('\n').peekable(),
        after.split_inclusive('\n'),
    );
    let mut found = Vec::new();
    let rest_of_old: Vec<_> = before.split_inclusive('\n').collect();
    for line in new.by_ref() {
        if rest_of_old.contains(&line) {
            while old
                .next_if(|it| *it != line)
                .map(|it| found.push(format!("-{it}")))
                .is_some()
            {}
            old.next();
        } else {
            found.push(format!("+{line}"));
        }
    }
    found.extend(old.map(|it| format!("-{it}")));
    found
}

#[test]
fn a_codec_goes_with_its_repair_and_leaves_everything_else_as_it_was() {
    let mut session = Session::parse(OFFER).unwrap();
    assert_eq!(session.media_mut(1).unwrap().remove_codec("vp8"), Ok(2));
    let text = session.to_string();
    let gone: Vec<_> = difference(OFFER, &text);
    assert_eq!(gone.len(), 10, "{gone:#?}");
    let of_vp8 =
        |line: &String| line.contains(":96 ") || line.contains(":97 ") || line.contains("m=video");
    assert!(gone.iter().all(of_vp8), "{gone:#?}");
    let description = Description::parse(&text).unwrap();
    let video = &description.media[1];
    assert_eq!(video.formats.len(), 21);
    assert_eq!(video.formats[0], "102");
    assert!(video.codecs.iter().all(|codec| codec.name() != Some("VP8")));
    assert!(video.codecs.iter().all(|codec| codec.repairs() != Some(96)));
    assert_eq!(
        Session::parse(&text).unwrap(),
        session,
        "lines are numbered as if it had been read"
    );
}

/// RFC 8851 §6.3.
#[test]
fn a_rid_loses_what_is_removed_and_goes_with_its_last_format() {
    const RIDS: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\na=rtpmap:98 VP8/90000\r\n\
        a=rid:a send pt=96,97;max-width=1280\r\na=rid:b send max-fps=30; pt=98,96\r\na=rid:c send\r\n\
        a=rid:d send xpt=96\r\na=rid:e recv pt=96\r\na=simulcast:send a;~b,c recv e\r\n";
    let mut session = Session::parse(RIDS).unwrap();
    let mut video = session.media_mut(0).unwrap();
    assert_eq!(video.remove_codec("VP8"), Ok(2));
    let text = session.to_string();
    let attributes: Vec<_> = text.lines().skip(6).collect();
    assert_eq!(
        attributes,
        [
            "a=rid:a send pt=97;max-width=1280",
            "a=rid:c send",
            "a=rid:d send xpt=96",
            "a=simulcast:send a;c",
        ]
    );
    assert_eq!(Session::parse(&text).unwrap(), session);
    // One format alone, and a simulcast of which nothing is left.
    let text = RIDS.replace("send a;~b,c recv e", "recv e");
    let mut session = Session::parse(&text).unwrap();
    session.media_mut(0).unwrap().remove_format("96").unwrap();
    let text = session.to_string();
    assert!(
        text.contains("a=rid:b send max-fps=30; pt=98\r\n"),
        "{text}"
    );
    assert!(
        !text.contains("a=rid:e") && !text.contains("simulcast"),
        "{text}"
    );
    assert_eq!(Session::parse(&text).unwrap(), session);
}

#[test]
fn what_carries_a_codec_goes_with_it_and_static_ones_are_known() {
    let mut session = Session::parse(OFFER).unwrap();
    // red/48000 carries 111.
    assert_eq!(session.media_mut(0).unwrap().remove_codec("opus"), Ok(2));
    let text = "v=0\r\nm=audio 9 RTP/AVP 0 8 9\r\na=rtpmap:8 other/8000\r\n";
    let mut session = Session::parse(text).unwrap();
    let mut audio = session.media_mut(0).unwrap();
    assert_eq!(
        audio.remove_codec("PCMA"),
        Ok(0),
        "8 is something else here"
    );
    assert_eq!(audio.remove_codec("PCMU"), Ok(1));
    assert_eq!(audio.remove_format("9"), Ok(1));
    assert_eq!(audio.remove_codec("OTHER"), Err(EditError::LastFormat));
    assert_eq!(
        session.to_string(),
        "v=0\r\nm=audio 9 RTP/AVP 8\r\na=rtpmap:8 other/8000\r\n"
    );
    assert_eq!(Codec::assigned(0).unwrap().name(), Some("PCMU"));
    assert_eq!(Codec::assigned(1), None);
}

#[test]
fn candidates_bandwidth_direction_and_port_find_their_places() {
    let mut session = Session::parse(OFFER).unwrap();
    let candidate: Candidate = CANDIDATE.parse().unwrap();
    let mut video = session.media_mut(1).unwrap();
    video.add_candidate(&candidate).unwrap();
    video.set_bandwidth("AS", 500).unwrap();
    video.set_bandwidth("as", 1000).unwrap();
    video.set_direction(Direction::RecvOnly);
    video.set_port(9).unwrap();
    session
        .session_mut()
        .set_attribute("x-ours", Some("1"))
        .unwrap();
    session
        .session_mut()
        .set_attribute("x-ours", Some("2"))
        .unwrap();
    let text = session.to_string();
    assert_eq!(Session::parse_strict(&text).unwrap(), session);
    let mut gone = difference(OFFER, &text);
    gone.retain(|line| !line.contains("m=video"));
    gone.sort();
    let candidate_line = format!("+a={CANDIDATE}\r\n");
    let expected = [
        &candidate_line,
        "+a=recvonly\r\n",
        "+a=x-ours:2\r\n",
        "+b=as:1000\r\n",
        "-a=sendrecv\r\n",
    ];
    assert_eq!(gone, expected);
    let description = Description::from_session(&session).unwrap();
    let video = &description.media[1];
    assert_eq!((video.port, video.direction), (9, Direction::RecvOnly));
    assert_eq!(video.candidates.len(), 5);
    assert_eq!(video.candidates[4].to_candidate(), candidate);
    assert_eq!(
        (video.bandwidths[0].value, video.bandwidths.len()),
        (1000, 1)
    );
}

#[test]
fn new_lines_end_as_their_section_does_and_complete_the_last_one() {
    let mut session = Session::parse("v=0\nm=a 9 b 0\na=x").unwrap();
    session
        .media_mut(0)
        .unwrap()
        .push_attribute("y", None)
        .unwrap();
    assert_eq!(session.to_string(), "v=0\nm=a 9 b 0\na=x\na=y\n");
    assert!(session.media_mut(1).is_none());
    let numbers: Vec<_> = session.lines().map(|line| line.number()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    session
        .session_mut()
        .push_attribute("z", Some("1"))
        .unwrap();
    assert_eq!(session.to_string(), "v=0\na=z:1\nm=a 9 b 0\na=x\na=y\n");
    assert_eq!(
        session
            .media()
            .next()
            .unwrap()
            .attribute("y")
            .unwrap()
            .position()
            .line,
        5
    );
    let mut section = session.media_mut(0).unwrap();
    assert_eq!(section.remove_attributes(|it| it.name() == "x"), 1);
    let mut before_end =
        Session::parse("v=0\r\nm=a 9 b 0\r\na=end-of-candidates\r\na=x\r\n").unwrap();
    let candidate = CANDIDATE.parse().unwrap();
    before_end
        .media_mut(0)
        .unwrap()
        .add_candidate(&candidate)
        .unwrap();
    let expected = format!("v=0\r\nm=a 9 b 0\r\na={CANDIDATE}\r\na=end-of-candidates\r\na=x\r\n");
    assert_eq!(before_end.to_string(), expected);
}

#[test]
fn nothing_can_be_smuggled_in() {
    let mut session = Session::parse(OFFER).unwrap();
    let mut video = session.media_mut(1).unwrap();
    let table = [
        (
            video.push_attribute("x", Some("1\r\na=y")),
            EditError::NotOneLine,
        ),
        (video.push_attribute("x", Some("")), EditError::NotOneLine),
        (video.push_attribute("x\n", None), EditError::NotAToken),
        (video.set_attribute("", None), EditError::NotAToken),
        (video.set_bandwidth("A S", 1), EditError::NotAToken),
    ];
    for (result, error) in table {
        assert_eq!(result, Err(error));
    }
    let mut candidate: Candidate = CANDIDATE.parse().unwrap();
    candidate.foundation = "1\na=x".into();
    assert_eq!(video.add_candidate(&candidate), Err(EditError::NotOneLine));
    assert_eq!(session.session_mut().set_port(1), Err(EditError::NotMedia));
    assert_eq!(session.to_string(), OFFER);
}

#[test]
fn what_is_built_passes_the_strict_reader_or_is_not_built() {
    let address = [192, 0, 2, 1].into();
    let build = || Builder::new("-", 1, 2, address);
    let session = build()
        .attribute("group", Some("BUNDLE 0"))
        .repeat(7, 1, &[0, 25])
        .timing(0, 0)
        .connection("2001:db8::1".parse().unwrap())
        .email("j@example.com")
        .phone("+1")
        .information("about")
        .uri("https://example.com")
        .media("audio", 9, "UDP/TLS/RTP/SAVPF", &["0", "8"])
        .attribute("mid", Some("0"))
        .connection(address);
    assert_eq!(
        session.clone().finish().unwrap_err().expected,
        Expected::TimeLine,
        "r= before t="
    );
    let session = build()
        .media("audio", 9, "UDP/TLS/RTP/SAVPF", &["0", "8"])
        .attribute("mid", Some("0"))
        .connection(address)
        .finish()
        .unwrap();
    let text = session.to_string();
    assert_eq!(Session::parse_strict(&text).unwrap(), session);
    let error = |builder: Builder| {
        let error = builder.finish().unwrap_err();
        (error.line, error.column, error.expected)
    };
    assert_eq!(error(build().name("a\r\na=x")), (3, 4, Expected::Text));
    assert_eq!(
        error(build().attribute("x", Some(""))),
        (5, 5, Expected::Text)
    );
    assert_eq!(
        error(build().media("audio", 9, "RTP/AVP", &[])),
        (5, 19, Expected::Format)
    );
    assert_eq!(
        error(build().media("au dio", 9, "RTP/AVP", &["0"])),
        (5, 6, Expected::Port)
    );
    assert_eq!(error(build().timing(12, 0)), (4, 3, Expected::Time));
}
