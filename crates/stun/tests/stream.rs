//! A stream is cut into the same frames, wherever it was cut on its way, and never keeps more than one.

use ieum_stun::{
    ChannelData, Class, Deframer, Frame, Message, MessageBuilder, Method, StreamError,
    TransactionId,
};
use proptest::prelude::*;

/// What was sent.
#[derive(Debug, Clone, PartialEq)]
enum Sent {
    Message(Vec<u8>),
    ChannelData(u16, Vec<u8>),
}

impl Sent {
    fn of(frame: Frame<'_>) -> Self {
        match frame {
            Frame::Message(bytes) => Self::Message(bytes.to_vec()),
            Frame::ChannelData(data) => Self::ChannelData(data.number, data.data.to_vec()),
        }
    }

    fn write(&self, stream: &mut Vec<u8>) {
        match self {
            Self::Message(bytes) => stream.extend(bytes),
            Self::ChannelData(number, data) => {
                let data = ChannelData {
                    number: *number,
                    data,
                };
                data.write_to_stream(stream).unwrap();
            }
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let message = (
        any::<[u8; 12]>(),
        prop::collection::vec(any::<u8>(), 0..300),
    );
    prop_oneof![
        message.prop_map(|(id, data)| {
            let mut bytes = Vec::new();
            MessageBuilder::new(
                &mut bytes,
                Class::Indication,
                Method::SEND,
                TransactionId(id),
            )
            .data(&data);
            Sent::Message(bytes)
        }),
        (
            0x4000u16..0x5000,
            prop::collection::vec(any::<u8>(), 0..300)
        )
            .prop_map(|(number, data)| Sent::ChannelData(number, data)),
    ]
}

/// Feeds `stream` in parts that end at `cuts`.
fn read(
    stream: &[u8],
    cuts: &[usize],
    limit: usize,
) -> (Vec<Sent>, Result<(), StreamError>, usize) {
    let mut deframer = Deframer::with_limit(limit);
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    ends.extend([0, stream.len()]);
    ends.sort_unstable();
    let mut frames = Vec::new();
    for part in ends.windows(2) {
        let mut input = &stream[part[0]..part[1]];
        loop {
            match deframer.next_frame(&mut input) {
                Ok(Some(frame)) => frames.push(Sent::of(frame)),
                Ok(None) => break,
                Err(error) => return (frames, Err(error), deframer.kept()),
            }
        }
        assert!(input.is_empty(), "what gives no frame is kept");
        // It takes 8 bytes to see that a frame is too long, or none.
        assert!(deframer.kept() < limit.max(8));
    }
    (frames, Ok(()), deframer.kept())
}

const ANY: usize = usize::MAX;

proptest! {
    #[test]
    fn what_is_sent_arrives_however_it_is_cut(
        sent in prop::collection::vec(sent(), 0..8),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let mut stream = Vec::new();
        sent.iter().for_each(|one| one.write(&mut stream));
        prop_assert_eq!(read(&stream, &cuts, ANY), (sent, Ok(()), 0));
    }

    #[test]
    fn any_bytes_give_the_same_frames_however_they_are_cut(
        sent in prop::collection::vec(sent(), 0..4),
        noise in prop::collection::vec(any::<u8>(), 0..60),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
        limit in 0usize..400,
    ) {
        let mut stream = Vec::new();
        sent.iter().for_each(|one| one.write(&mut stream));
        stream.extend(noise);
        let at_once = read(&stream, &[], limit);
        let in_parts = read(&stream, &cuts, limit);
        prop_assert_eq!(&at_once.0, &in_parts.0);
        prop_assert_eq!(at_once.1, in_parts.1);
        // The same as what the stateless reader says.
        let mut rest = &stream[..];
        for frame in &at_once.0 {
            let (split, len) = Frame::split(rest).unwrap().unwrap();
            prop_assert_eq!(&Sent::of(split), frame);
            rest = &rest[len..];
        }
    }
}

#[test]
fn a_message_of_a_stream_is_one_of_a_datagram() {
    let mut bytes = Vec::new();
    let id = TransactionId([7; 12]);
    MessageBuilder::new(&mut bytes, Class::Request, Method::ALLOCATE, id)
        .requested_transport(17)
        .fingerprint();
    let Ok(Some((Frame::Message(message), len))) = Frame::split(&bytes) else {
        panic!("a whole message is a frame");
    };
    assert_eq!(len, bytes.len());
    assert_eq!(
        Message::parse(message).unwrap().requested_transport(),
        Some(17)
    );
}
