//! The text layer: what is kept, what is refused, and where.

use ieum_sdp::{Expected, Limits, ParseError, Session};

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\ns=-\r\nt=0 0\r\na=ice-lite\r\na=x:y:z\r\n\
    m=audio 49170/2 RTP/AVP 0 96\r\ni=first\r\na=sendonly\r\nm=video 0 RTP/AVP\ra=mid:1";

fn refuse(text: &str) -> (usize, usize, Expected) {
    let ParseError {
        line,
        column,
        expected,
        ..
    } = Session::parse(text).unwrap_err();
    (line, column, expected)
}

#[test]
fn each_line_keeps_its_own_ending() {
    let session = Session::parse(SESSION).unwrap();
    assert_eq!(session.to_string(), SESSION);
    let endings: Vec<_> = session.lines().map(|line| line.ending()).collect();
    assert_eq!(
        endings,
        [
            "\r\n", "\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r", ""
        ]
    );
}

#[test]
fn attributes_belong_to_their_section() {
    let session = Session::parse(SESSION).unwrap();
    let names: Vec<_> = session
        .attributes()
        .map(|attribute| (attribute.name(), attribute.value()))
        .collect();
    assert_eq!(names, [("ice-lite", None), ("x", Some("y:z"))]);
    assert_eq!(session.session_lines().count(), 6);

    let [audio, video] = session.media().collect::<Vec<_>>()[..] else {
        panic!("two sections")
    };
    assert_eq!(
        (audio.kind(), audio.port(), audio.port_count()),
        ("audio", 49170, Some(2))
    );
    assert_eq!(audio.protocol(), "RTP/AVP");
    assert_eq!(audio.formats().collect::<Vec<_>>(), ["0", "96"]);
    assert_eq!(
        audio.lines().map(|line| line.kind()).collect::<String>(),
        "mia"
    );
    assert!(audio.attribute("sendonly").is_some() && audio.attribute("mid").is_none());
    assert_eq!((video.port(), video.formats().count()), (0, 0));
    assert_eq!(video.attribute("mid").unwrap().value(), Some("1"));
}

#[test]
fn positions_count_lines_and_bytes_from_one() {
    let session = Session::parse(SESSION).unwrap();
    let position = session.attribute("x").unwrap().position();
    assert_eq!((position.line, position.column), (6, 5));
    let numbers: Vec<_> = session.lines().map(|line| line.number()).collect();
    assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
}

#[test]
fn empty_lines_and_unknown_types_are_kept() {
    let text = "v=0\r\n\r\n\nf=what is this\r\nX=\r\n\r\n";
    let session = Session::parse(text).unwrap();
    assert_eq!(session.to_string(), text);
    let lines: Vec<_> = session
        .lines()
        .map(|line| (line.number(), line.kind(), line.value()))
        .collect();
    assert_eq!(
        lines,
        [(1, 'v', "0"), (4, 'f', "what is this"), (5, 'X', "")]
    );
}

#[test]
fn what_is_no_session_is_refused_where_it_stops_being_one() {
    assert_eq!(refuse(""), (1, 1, Expected::Version));
    assert_eq!(refuse("\r\nv=0\r\n"), (1, 1, Expected::Version));
    assert_eq!(refuse("v=1\r\n"), (1, 1, Expected::Version));
    assert_eq!(
        refuse("o=- 1 1 IN IP4 0.0.0.0\r\nv=0\r\n"),
        (1, 1, Expected::Version)
    );
    assert_eq!(refuse("v=0\r\nhello\r\n"), (2, 1, Expected::LineType));
    assert_eq!(refuse("v=0\r\n =x\r\n"), (2, 1, Expected::LineType));
    assert_eq!(refuse("v=0\n\n\u{e9}=x\r\n"), (3, 1, Expected::LineType));
    assert_eq!(refuse("v=0\r\nm="), (2, 3, Expected::Media));
    assert_eq!(refuse("v=0\r\nm=audio"), (2, 8, Expected::Port));
    assert_eq!(
        refuse("v=0\r\nm=audio 65536 RTP/AVP 0"),
        (2, 9, Expected::Port)
    );
    assert_eq!(
        refuse("v=0\r\nm=audio 1/x RTP/AVP 0"),
        (2, 9, Expected::Port)
    );
    assert_eq!(refuse("v=0\r\nm=audio 9 "), (2, 11, Expected::Protocol));
}

#[test]
fn limits_refuse_at_the_first_line_or_byte_too_many() {
    let mut limits = Limits::default();
    (limits.line_len, limits.lines, limits.media) = (5, 3, 1);
    let parse =
        |text| Session::parse_with(text, &limits).map_err(|e| (e.line, e.column, e.expected));
    assert!(parse("v=0\na=123\na=123\n").is_ok());
    assert_eq!(parse("v=0\na=1234\n"), Err((2, 6, Expected::ShorterLine)));
    assert_eq!(
        parse("v=0\na=1\na=2\na=3"),
        Err((4, 1, Expected::FewerLines))
    );
    limits.line_len = 99;
    let parse =
        |text| Session::parse_with(text, &limits).map_err(|e| (e.line, e.column, e.expected));
    assert_eq!(
        parse("v=0\nm=a 1 b\nm=a 1 b"),
        Err((3, 1, Expected::FewerMedia))
    );
}

#[test]
fn ten_thousand_lines_are_within_the_default_limits() {
    let text = format!("v=0\r\n{}", "a=rtpmap:96 VP8/90000\r\n".repeat(10_000));
    assert_eq!(Session::parse(&text).unwrap().lines().len(), 10_001);
}
