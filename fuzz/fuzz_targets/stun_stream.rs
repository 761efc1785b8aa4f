//! Any stream, cut anywhere: the same frames and the same error as at once, and never more kept than one frame.

#![no_main]

use ieum_stun::{ChannelData, Deframer, Frame, Message, StreamError};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    units: Vec<Unit>,
    cuts: Vec<u16>,
    limit: Option<u16>,
}

/// What the stream is made of: whole frames, so that more than the first is reached, and noise.
#[derive(Arbitrary, Debug)]
enum Unit {
    Message { kind: u16, words: Vec<u32> },
    ChannelData { number: u16, data: Vec<u8> },
    Noise(Vec<u8>),
}

fuzz_target!(|input: Input| {
    let stream = stream(&input.units);
    let limit = input.limit.map_or(usize::MAX, usize::from);
    let whole = read(&[&stream], limit);

    let mut ends: Vec<_> = input
        .cuts
        .iter()
        .map(|cut| usize::from(*cut) % (stream.len() + 1))
        .collect();
    ends.extend([0, stream.len()]);
    ends.sort_unstable();
    let parts: Vec<_> = ends.windows(2).map(|two| &stream[two[0]..two[1]]).collect();
    assert_eq!(read(&parts, limit), whole);

    // Written again, the frames are the stream up to where it went wrong.
    let (frames, kept, error) = whole;
    let again: Vec<u8> = frames.into_iter().flatten().collect();
    assert!(again.len() + kept <= stream.len());
    assert!(error.is_some() || again.len() + kept == stream.len());
});

fn stream(units: &[Unit]) -> Vec<u8> {
    let mut stream = Vec::new();
    for unit in units {
        match unit {
            Unit::Message { kind, words } => {
                stream.extend((kind & 0x3FFF).to_be_bytes());
                stream.extend((words.len() as u16).wrapping_mul(4).to_be_bytes());
                stream.extend([0x21, 0x12, 0xA4, 0x42]);
                stream.extend([7; 12]);
                words
                    .iter()
                    .for_each(|word| stream.extend(word.to_be_bytes()));
            }
            Unit::ChannelData { number, data } => {
                let number = 0x4000 | number & 0xFFF;
                let _ = ChannelData { number, data }.write_to_stream(&mut stream);
            }
            Unit::Noise(bytes) => stream.extend(bytes),
        }
    }
    stream
}

/// The frames as bytes without what their padding holds, how much is kept, and how it ended.
fn read(parts: &[&[u8]], limit: usize) -> (Vec<Vec<u8>>, usize, Option<StreamError>) {
    let mut deframer = Deframer::with_limit(limit);
    let mut frames = Vec::new();
    for part in parts {
        let mut input = *part;
        loop {
            match deframer.next_frame(&mut input) {
                Ok(Some(frame)) => frames.push(bytes(frame, limit)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(deframer.next_frame(&mut input), Err(error));
                    return (frames, 0, Some(error));
                }
            }
        }
        assert!(input.is_empty(), "what gives no frame is kept");
        assert!(deframer.kept() < limit.max(8));
    }
    (frames, deframer.kept(), None)
}

fn bytes(frame: Frame<'_>, limit: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    match frame {
        Frame::Message(message) => {
            let _ = Message::parse(message);
            bytes.extend(message);
        }
        Frame::ChannelData(data) => data
            .write_to_stream(&mut bytes)
            .expect("its length came out of 16 bits"),
    }
    assert!(bytes.len() <= limit);
    assert!(bytes.len().is_multiple_of(4));
    bytes
}
