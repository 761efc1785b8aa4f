use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ ..=125 => frame.push(0x80 | short as u8),
        long @ ..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((long as u16).to_be_bytes());
        }
        longer => {
            frame.push(0x80 | 127);
            frame.extend((longer as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Everything that a decoder hears that gets the bytes in two parts.
fn heard(most: usize, bytes: &[u8], split: usize) -> Result<Vec<Heard<'static>>, Violation> {
    let mut decoder = Decoder::new(most);
    let mut all = Vec::new();
    let mut input = Vec::new();
    for part in [&bytes[..split], &bytes[split..]] {
        input.extend_from_slice(part);
        loop {
            let (taken, heard) = decoder.decode(&mut input)?;
            let heard = heard.map(owned);
            input.drain(..taken);
            match heard {
                Some(heard) => all.push(heard),
                None => break,
            }
        }
    }
    Ok(all)
}

fn owned(heard: Heard<'_>) -> Heard<'static> {
    match heard {
        Heard::Text(text) => Heard::Text(Cow::Owned(text.into_owned())),
        Heard::Binary(bytes) => Heard::Binary(Cow::Owned(bytes.into_owned())),
        Heard::Ping(bytes) => Heard::Ping(Cow::Owned(bytes.into_owned())),
        Heard::Pong => Heard::Pong,
        Heard::Close(code) => Heard::Close(code),
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // Section 5.7: a masked "Hello".
    let mut hello = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    let read = Decoder::new(5).decode(&mut hello);
    assert_eq!(read, Ok((11, Some(Heard::Text("Hello".into())))));
    let mut out = Vec::new();
    text(&mut out, |out| out.extend_from_slice(b"Hello"));
    assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
}

#[test]
fn a_message_in_parts_is_one_message_wherever_the_stream_is_split() {
    let mut bytes = frame(0x01, "이".as_bytes()[..1].as_ref());
    bytes.extend(frame(0x89, b"are you there"));
    bytes.extend(frame(0x00, &"이".as_bytes()[1..]));
    bytes.extend(frame(0x80, "음".as_bytes()));
    bytes.extend(frame(0x82, &[0, 255]));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x88, &[0x03, 0xe8]));
    let wanted = vec![
        Heard::Ping(b"are you there".into()),
        Heard::Text("이음".into()),
        Heard::Binary([0, 255].as_slice().into()),
        Heard::Pong,
        Heard::Close(Some(1000)),
    ];
    for split in 0..bytes.len() {
        assert_eq!(heard(6, &bytes, split).as_ref(), Ok(&wanted), "{split}");
    }
}

#[test]
fn what_the_rfc_forbids_ends_the_connection() {
    let unmasked = vec![0x81, 0x01, b'x'];
    let long_ping = frame(0x89, &[0; 126]);
    let cases = [
        ("no mask", unmasked, Violation::Protocol),
        ("reserved bit", frame(0xc1, b"x"), Violation::Protocol),
        ("unknown opcode", frame(0x83, b"x"), Violation::Protocol),
        ("unknown control", frame(0x8b, b""), Violation::Protocol),
        ("long control", long_ping, Violation::Protocol),
        ("control in parts", frame(0x09, b""), Violation::Protocol),
        (
            "nothing to continue",
            frame(0x80, b"x"),
            Violation::Protocol,
        ),
        ("half a close code", frame(0x88, &[3]), Violation::Protocol),
        ("no UTF-8", frame(0x81, &[0xff]), Violation::NoUtf8),
        (
            "no UTF-8 in a close",
            frame(0x88, &[3, 232, 255]),
            Violation::NoUtf8,
        ),
        ("too long", frame(0x81, &[b'x'; 301]), Violation::TooBig),
    ];
    for (name, bytes, wanted) in cases {
        assert_eq!(heard(300, &bytes, 0), Err(wanted), "{name}");
    }
    let mut begun_twice = frame(0x01, b"x");
    begun_twice.extend(frame(0x81, b"x"));
    assert_eq!(heard(300, &begun_twice, 0), Err(Violation::Protocol));
}

#[test]
fn a_length_over_the_limit_is_refused_before_its_bytes_come() {
    let mut head = vec![0x81, 0xff];
    head.extend(u64::MAX.to_be_bytes());
    assert_eq!(heard(1000, &head, 0), Err(Violation::TooBig));
    let mut parts = frame(0x01, &[b'x'; 600]);
    parts.extend(&frame(0x80, &[b'x'; 401])[..4]);
    assert_eq!(heard(1000, &parts, 0), Err(Violation::TooBig));
}

#[test]
fn a_control_frame_passes_where_no_message_would() {
    let mut bytes = frame(0x01, &[b'x'; 10]);
    bytes.extend(frame(0x89, &[b'y'; 125]));
    assert_eq!(heard(10, &bytes, 0).map(|all| all.len()), Ok(1));
}

proptest! {
    /// A frame of ours is what a client reads, whatever its length: tungstenite is the client in tests/.
    #[test]
    fn lengths_are_written_as_they_are_read(len in prop_oneof![0..300_usize, 65_000..66_000_usize]) {
        let mut out = b"before".to_vec();
        text(&mut out, |out| out.resize(out.len() + len, b'x'));
        let out = &out[6..];
        let (head, read) = match out[1] {
            127 => (10, u64::from_be_bytes(out[2..10].try_into().unwrap()) as usize),
            126 => (4, u16::from_be_bytes(out[2..4].try_into().unwrap()).into()),
            short => (2, usize::from(short)),
        };
        prop_assert_eq!((out[0], read, out.len()), (0x81, len, head + len));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), split in 0..200_usize) {
        let _ = heard(100, &bytes, split.min(bytes.len()));
    }

    #[test]
    fn a_message_is_what_was_sent(sent in ".{0,200}", split in 0..400_usize) {
        let bytes = frame(0x81, sent.as_bytes());
        let read = heard(1000, &bytes, split.min(bytes.len()));
        prop_assert_eq!(read, Ok(vec![Heard::Text(sent.into())]));
    }
}
