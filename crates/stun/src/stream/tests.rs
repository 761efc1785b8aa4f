use super::*;
use crate::{Class, Message, MessageBuilder, Method, TransactionId};
use std::vec;

fn message(software: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let id = TransactionId(*b"unguessable!");
    MessageBuilder::new(&mut bytes, Class::Request, Method::BINDING, id)
        .software(software)
        .fingerprint();
    bytes
}

/// Messages and channel data of every padding, and one that is longer than what is kept.
fn frames() -> Vec<Frame<'static>> {
    let mut frames = Vec::new();
    for len in [0, 1, 2, 3, 4, 5, 30] {
        let data: &'static [u8] = vec![7; len].leak();
        frames.push(Frame::ChannelData(ChannelData {
            number: 0x4FFF,
            data,
        }));
        frames.push(Frame::Message(message(&"s".repeat(len)).leak()));
    }
    frames
}

fn stream(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for frame in frames {
        match frame {
            Frame::Message(bytes) => stream.extend_from_slice(bytes),
            Frame::ChannelData(data) => data.write_to_stream(&mut stream).unwrap(),
        }
    }
    stream
}

#[test]
fn a_stream_cut_at_any_two_bytes_gives_the_same_frames() {
    let frames = frames();
    let stream = stream(&frames);
    for first in 0..stream.len() {
        for second in [first, first + 1, first + 4, first + 21, stream.len()] {
            let second = second.min(stream.len());
            let mut deframer = Deframer::new();
            let mut expected = frames.iter();
            for part in [&stream[..first], &stream[first..second], &stream[second..]] {
                let mut input = part;
                while let Some(frame) = deframer.next_frame(&mut input).unwrap() {
                    assert_eq!(Some(&frame), expected.next(), "{first} {second}");
                }
                assert!(input.is_empty());
            }
            assert_eq!((expected.next(), deframer.kept()), (None, 0));
        }
    }
}

#[test]
fn one_byte_at_a_time_keeps_no_more_than_a_frame() {
    let frames = frames();
    let longest = frames.iter().map(|frame| stream(&[*frame]).len()).max();
    let mut deframer = Deframer::new();
    let mut count = 0;
    for byte in &stream(&frames) {
        let mut input = std::slice::from_ref(byte);
        if let Some(frame) = deframer.next_frame(&mut input).unwrap() {
            assert_eq!(frame, frames[count]);
            count += 1;
        }
        assert!(Some(deframer.partial.len()) <= longest);
    }
    assert_eq!(count, frames.len());
}

#[test]
fn a_whole_frame_is_not_copied() {
    let stream = stream(&frames());
    let mut deframer = Deframer::new();
    let mut input = &stream[..];
    while deframer.next_frame(&mut input).unwrap().is_some() {}
    assert_eq!(deframer.partial.capacity(), 0);
}

#[test]
fn a_long_frame_leaves_no_long_buffer() {
    let data = &[1; 60_000][..];
    let frame = Frame::ChannelData(ChannelData {
        number: 0x4000,
        data,
    });
    let stream = stream(&[frame]);
    let mut deframer = Deframer::new();
    assert_eq!(deframer.next_frame(&mut &stream[..1000]), Ok(None));
    assert_eq!(deframer.kept(), 1000);
    assert_eq!(deframer.next_frame(&mut &stream[1000..]), Ok(Some(frame)));
    assert_eq!(deframer.next_frame(&mut &[][..]), Ok(None));
    assert!(deframer.partial.capacity() <= KEPT_CAPACITY);
}

#[test]
fn what_is_no_frame_is_an_error_at_the_first_wrong_byte() {
    let good = message("");
    let cases = [
        (0, 0x80, StreamExpected::Frame, 1, 0),
        (0, 0xC0, StreamExpected::Frame, 1, 0),
        (3, 2, StreamExpected::MessageLength, 4, 2),
        (7, 0, StreamExpected::MagicCookie, 8, 4),
    ];
    for (at, to, expected, enough, offset) in cases {
        let mut bytes = good.clone();
        bytes[at] = to;
        let error = Err(StreamError { offset, expected });
        for len in 0..bytes.len() {
            let mut deframer = Deframer::new();
            let outcome = deframer.next_frame(&mut &bytes[..len]);
            let wanted = if len >= enough { error } else { Ok(None) };
            assert_eq!(outcome, wanted, "{len} bytes, {expected:?}");
            let split = Frame::split(&bytes[..len]);
            assert_eq!(split.map(|_| ()), wanted.map(|_| ()));
        }
    }
}

#[test]
fn a_stream_that_failed_stays_so() {
    let mut deframer = Deframer::new();
    let error = deframer.next_frame(&mut &[0xFF][..]).unwrap_err();
    let good = message("");
    assert_eq!(deframer.next_frame(&mut &good[..]), Err(error));
    assert_eq!(
        error.to_string(),
        "at byte 0 of a frame: expected a STUN message or channel data; the connection is to be closed"
    );
}

#[test]
fn the_limit_holds_as_soon_as_the_header_is_there() {
    let good = message("four");
    let mut deframer = Deframer::with_limit(good.len() - 1);
    let error = StreamError {
        offset: 2,
        expected: StreamExpected::ShorterFrame,
    };
    assert_eq!(deframer.next_frame(&mut &good[..4]), Err(error));
    let mut deframer = Deframer::with_limit(good.len());
    assert!(deframer.next_frame(&mut &good[..]).unwrap().is_some());
    // Without one of the caller's, the longest frames there can be are taken.
    for head in [[0, 1, 0xFF, 0xFC], [0x40, 0, 0xFF, 0xFF]] {
        assert_eq!(Deframer::new().next_frame(&mut &head[..]), Ok(None));
    }
}

#[test]
fn what_follows_a_frame_is_left_in_the_input() {
    let mut bytes = message("ConnectionBind");
    let len = bytes.len();
    bytes.extend_from_slice(b"\xFFno STUN any more");
    let mut deframer = Deframer::new();
    assert_eq!(deframer.next_frame(&mut &bytes[..len - 3]), Ok(None));
    let mut input = &bytes[len - 3..];
    let Ok(Some(Frame::Message(whole))) = deframer.next_frame(&mut input) else {
        panic!("the message is there");
    };
    assert!(Message::parse(whole).is_ok());
    assert_eq!(input, b"\xFFno STUN any more");
    assert_eq!(deframer.kept(), 0);
}
