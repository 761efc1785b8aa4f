//! What real peers get away with: kept by one reader, refused by the other, with line and column.

use ieum_sdp::{Expected, Session};

const GOOD: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";

/// The warnings of the lenient reader; the strict one must give the first.
fn warnings(text: &str) -> Vec<(usize, usize, Expected)> {
    let session = Session::parse(text).unwrap();
    assert_eq!(session.to_string(), text);
    let all: Vec<_> = session
        .warnings()
        .map(|it| (it.line, it.column, it.expected))
        .collect();
    let strict = Session::parse_strict(text);
    let first = strict.err().map(|it| (it.line, it.column, it.expected));
    assert_eq!(first, all.first().copied(), "{text:?}");
    all
}

fn after_good(rest: &str) -> Vec<(usize, usize, Expected)> {
    warnings(&format!("{GOOD}{rest}"))
}

#[test]
fn a_session_with_everything_in_order_has_none() {
    let text = "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call\r\ni=A call\r\n\
        u=http://www.example.com/\r\ne=j@example.com\r\ne=k@example.com\r\np=+1 617 555-6011\r\nc=IN IP4 198.51.100.1\r\n\
        b=AS:128\r\nb=X-Y:1\r\nt=3724394400 3724398000\r\nr=7d 1h 0 25h\r\nr=604800 3600 0\r\nz=3730928400 -1h 3749680800 0\r\n\
        t=3724484400 3724488000\r\na=recvonly\r\na=x:y z\r\nm=audio 49170/2 RTP/AVP 0 *\r\ni=title\r\n\
        c=IN IP4 233.252.0.1/127\r\nc=IN IP4 233.252.0.2/127\r\nb=AS:64\r\na=sendonly\r\nm=video 0 UDP/TLS/RTP/SAVPF 99\r\n";
    assert_eq!(warnings(text), []);
    assert_eq!(
        warnings(&text.replace("\r\n", "\n")),
        [],
        "RFC 8866 §5: a LF is read"
    );
}

#[test]
fn white_space_is_kept_and_said() {
    use Expected::{Nothing, Word};
    assert_eq!(warnings(&GOOD.replace("v=0", "v=0 ")), [(1, 4, Nothing)]);
    let two = GOOD.replace("o=- 1 1", "o=- 1  1");
    assert_eq!(warnings(&two), [(2, 7, Expected::Number)]);
    assert_eq!(
        Session::parse(&two)
            .unwrap()
            .origin()
            .unwrap()
            .session_version,
        "1"
    );
    assert_eq!(
        warnings(&GOOD.replace("t=0 0", "t=0\t0")),
        [(5, 4, Expected::Space)]
    );
    assert_eq!(
        warnings(&GOOD.replace("IP4 192.0.2.1\r\nt", "IP4  192.0.2.1\r\nt")),
        [(4, 10, Word)]
    );
    assert_eq!(
        after_good("m=audio 9  RTP/AVP 0\r\n"),
        [(6, 11, Expected::Protocol)]
    );
    assert_eq!(
        after_good("m=audio 9 RTP/AVP 0 \r\n"),
        [(6, 21, Expected::Format)]
    );
}

#[test]
fn order_is_said_at_the_line_that_is_out_of_it() {
    use Expected::{LineOrder, NameLine, NoKey, OriginLine, TimeLine};
    assert_eq!(after_good("c=IN IP4 192.0.2.1\r\n"), [(6, 1, LineOrder)]);
    assert_eq!(after_good("a=x\r\nb=AS:1\r\n"), [(7, 1, LineOrder)]);
    assert_eq!(
        after_good("m=a 9 b 0\r\na=x\r\nc=IN IP4 192.0.2.1\r\n"),
        [(8, 1, LineOrder)]
    );
    assert_eq!(after_good("m=a 9 b 0\r\nt=0 0\r\n"), [(7, 1, LineOrder)]);
    assert_eq!(after_good("z=0 0\r\n"), [(6, 1, LineOrder)]);
    assert_eq!(after_good("s=again\r\n"), [(6, 1, LineOrder)]);
    assert_eq!(after_good("v=0\r\n"), [(6, 1, LineOrder)]);
    assert_eq!(after_good("k=prompt\r\n"), [(6, 1, NoKey)]);
    let late = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";
    assert_eq!(warnings(late), [(3, 1, NameLine), (4, 1, LineOrder)]);
    assert_eq!(
        warnings("v=0\r\n"),
        [(2, 1, OriginLine), (2, 1, NameLine), (2, 1, TimeLine)]
    );
    assert_eq!(warnings(&GOOD.replace("t=0 0\r\n", "")), [(5, 1, TimeLine)]);
}

#[test]
fn what_a_line_cannot_say_is_said_with_its_column() {
    use Expected::{Colon, Duration, Format, Number, Text, Time, Token};
    assert_eq!(warnings(&GOOD.replace("s=-", "s=")), [(3, 3, Text)]);
    assert_eq!(
        warnings(&GOOD.replace("o=- 1 1", "o=- 1 x")),
        [(2, 7, Number)]
    );
    assert_eq!(warnings(&GOOD.replace("t=0 0", "t=0 12")), [(5, 5, Time)]);
    assert_eq!(after_good("r=7x 1 0\r\n"), [(6, 4, Expected::Space)]);
    assert_eq!(after_good("r=x 1 0\r\n"), [(6, 3, Duration)]);
    assert_eq!(after_good("a=\r\n"), [(6, 3, Token)]);
    assert_eq!(after_good("a=x:\r\n"), [(6, 5, Text)]);
    assert_eq!(after_good("a=x y\r\n"), [(6, 4, Colon)]);
    assert_eq!(after_good("a=x:\0\r\n"), [(6, 5, Text)]);
    assert_eq!(after_good("m=a 9 b\r\n"), [(6, 8, Format)]);
    let no_colon = GOOD.replace("t=0", "b=AS\r\nt=0");
    assert_eq!(warnings(&no_colon), [(5, 5, Colon)]);
}

#[test]
fn endings_and_empty_lines_are_said() {
    use Expected::{LineEnd, LineType};
    assert_eq!(after_good("a=x"), [(6, 4, LineEnd)]);
    assert_eq!(after_good("a=x\ra=y\r\n"), [(6, 4, LineEnd)]);
    assert_eq!(after_good("\r\na=x\r\n"), [(6, 1, LineType)]);
}

#[test]
fn a_section_without_an_address_is_said_where_the_session_has_none() {
    let text = GOOD.replace("c=IN IP4 192.0.2.1\r\n", "");
    let text = format!("{text}m=a 9 b 0\r\nm=a 9 b 0\r\nc=IN IP4 192.0.2.1\r\n");
    assert_eq!(warnings(&text), [(5, 1, Expected::ConnectionLine)]);
}
