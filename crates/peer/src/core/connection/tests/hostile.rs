//! A peer, or somebody on the way, that means harm: refused and counted, never a panic, and nothing grows without bound.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::core::Priority;
use crate::core::sctp::Reliability;

/// The places in a datagram where these bytes stand.
fn find(datagram: &[u8], wanted: &[u8]) -> Option<usize> {
    datagram
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// The type of the handshake message in the clear that the datagram begins with (RFC 6347 §4.3.2).
fn handshake_type(datagram: &[u8]) -> Option<u8> {
    (datagram.first() == Some(&22))
        .then(|| datagram.get(13).copied())
        .flatten()
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Where a hello's legacy version stands: record header of 13 bytes, message header of 12.
const LEGACY_VERSION: usize = 25;
/// The extension `supported_versions` with 1.3 and 1.2, as our client offers them.
const BOTH: [u8; 9] = [0, 43, 0, 5, 4, 0xfe, 0xfc, 0xfe, 0xfd];

/// A pair of which `b`, the DTLS client, or `a`, the server, has a meddler; and what the other one has sent.
fn meddled(client: bool, meddler: impl FnMut(&mut Vec<u8>) + 'static) -> (Pair, Rc<RefCell<Sent>>) {
    let mut pair = Pair::new(1, LAN);
    let sent = Rc::new(RefCell::new(Sent::new()));
    let spied = Rc::clone(&sent);
    let spy: Meddler = Box::new(move |datagram| spied.borrow_mut().push(datagram.clone()));
    let (a, b): (Meddler, Meddler) = match client {
        true => (spy, Box::new(meddler)),
        false => (Box::new(meddler), spy),
    };
    pair.a().meddler = Some(a);
    pair.b().meddler = Some(b);
    (pair, sent)
}

type Sent = Vec<Vec<u8>>;

/// Neither side ever delivers anything, and both notice.
fn assert_both_fail(pair: &mut Pair, what: &str) {
    let (a, b) = (pair.a, pair.b);
    let failed = |network: &mut Network<Side>| {
        [a, b]
            .iter()
            .all(|side| network.node(*side).core.connection_state() == ConnectionState::Failed)
    };
    assert!(
        pair.network.run_until(Duration::from_secs(60), failed),
        "{what}: {:?}, {:?}",
        pair.network.node(a).core,
        pair.network.node(b).core
    );
    for side in [a, b] {
        let side = pair.network.node(side);
        assert!(side.open.is_empty() && side.received.is_empty(), "{what}");
        let told: Vec<_> = side.occurrences.try_iter().collect();
        assert!(!told.contains(&Occurrence::SctpConnected), "{what}");
    }
}

#[test]
fn a_client_that_offers_no_version_but_1_0_or_unknown_ones_gets_no_hello_back() {
    for version in [0xfeff_u16, 0xfefe, 0x0303, 0xfefb, 0x0000] {
        let [high, low] = version.to_be_bytes();
        let (mut pair, answers) = meddled(true, move |datagram| {
            if handshake_type(datagram) == Some(CLIENT_HELLO) {
                datagram[LEGACY_VERSION..LEGACY_VERSION + 2].copy_from_slice(&[high, low]);
                let at = find(datagram, &BOTH).expect("our client offers both");
                for at in [at + 5, at + 7] {
                    datagram[at..at + 2].copy_from_slice(&[high, low]);
                }
            }
        });
        assert_both_fail(&mut pair, &format!("{version:04x}"));
        let answered = |datagram: &Vec<u8>| handshake_type(datagram) == Some(SERVER_HELLO);
        assert!(!answers.borrow().iter().any(answered), "{version:04x}");
    }
}

#[test]
fn a_server_that_chooses_1_0_or_an_unknown_version_is_refused() {
    for version in [0xfeff_u16, 0xfefe, 0x0303, 0xfefb, 0x0000] {
        let [high, low] = version.to_be_bytes();
        let (mut pair, answers) = meddled(false, move |datagram| {
            if handshake_type(datagram) == Some(SERVER_HELLO) {
                let at = find(datagram, &[0, 43, 0, 2]).expect("the chosen version");
                datagram[at + 4..at + 6].copy_from_slice(&[high, low]);
                datagram[LEGACY_VERSION..LEGACY_VERSION + 2].copy_from_slice(&[high, low]);
            }
        });
        assert_both_fail(&mut pair, &format!("{version:04x}"));
        // A client that went on would now send handshake messages in an epoch of their own.
        let went_on = |datagram: &Vec<u8>| matches!(datagram[0], 32..=63);
        assert!(!answers.borrow().iter().any(went_on), "{version:04x}");
    }
}

/// RFC 8446 §4.1.3, RFC 9147 §5.3: the hello that the client has sent is not the one that the server has seen.
#[test]
fn a_downgrade_from_1_3_to_1_2_on_the_way_is_noticed() {
    let (mut pair, answers) = meddled(true, |datagram| {
        if handshake_type(datagram) == Some(CLIENT_HELLO) {
            let at = find(datagram, &BOTH).expect("our client offers both");
            datagram[at + 5..at + 7].copy_from_slice(&[0xfe, 0xfd]);
        }
    });
    assert_both_fail(&mut pair, "1.2");
    let answered = |datagram: &Vec<u8>| handshake_type(datagram) == Some(SERVER_HELLO);
    assert!(
        answers.borrow().iter().any(answered),
        "the server took the downgraded hello"
    );
}

/// An SCTP packet with an INIT (RFC 9260 §3.3.2), from this port.
fn sctp_init(port: u16) -> Vec<u8> {
    let mut packet = port.to_be_bytes().to_vec();
    packet.extend_from_slice(&[0x13, 0x88, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend_from_slice(&[1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0]);
    packet.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]);
    let checksum = crc32c::crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

/// A DTLS 1.2 record of application data that nothing encrypts (RFC 6347 §4.1).
fn in_a_clear_record(epoch: u8, data: &[u8]) -> Vec<u8> {
    let mut record = vec![23, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 9];
    record.extend_from_slice(&(data.len() as u16).to_be_bytes());
    record.extend_from_slice(data);
    record
}

/// What was no protocol, what ICE let nowhere, and DTLS without effect.
fn counted(side: &Side) -> (u64, u64, u64) {
    let core = &side.core;
    let of_ice = core.ice_counters().ignored_by_reason();
    (
        core.counters().ignored(Ignored::UnknownProtocol),
        of_ice.map(|(_, count)| count).sum(),
        core.counters().ignored(Ignored::DtlsWithoutEffect),
    )
}

#[test]
fn sctp_that_dtls_does_not_carry_is_never_looked_at() {
    // While ICE checks, during the handshake of DTLS, before SCTP is up, and after.
    for elapsed in [5, 25, 35, 45, 55, 65, 75, 2000] {
        let mut pair = Pair::new(1, LAN);
        pair.network.run_for(Duration::from_millis(elapsed));
        let now = pair.network.now();
        // 5000 is what WebRTC says; a port can also be chosen such that the packet looks like DTLS.
        let packets = [
            sctp_init(5000),
            sctp_init(0x1700),
            sctp_init(0x2f00),
            in_a_clear_record(0, &sctp_init(5000)),
            in_a_clear_record(1, &sctp_init(5000)),
        ];
        let before = counted(pair.b());
        for packet in packets {
            let (from, to) = (pair.a().address, pair.b().address);
            let path = FiveTuple::udp(to, from);
            pair.b().core.handle_datagram(now, path, &packet);
        }
        // Until a check of the peer has come the agent keeps all from it; until SCTP is up DTLS may wait for the rest.
        let after = counted(pair.b());
        let grown = after.0 + after.1 - before.0 - before.1;
        assert!(grown >= 1, "{elapsed} ms");
        if elapsed == 2000 {
            assert_eq!((after.0 - before.0, after.2 - before.2), (1, 4));
        }
        pair.connect();
        pair.exchange();
        assert_eq!((pair.a().open.len(), pair.b().open.len()), (1, 1));
    }
}

#[test]
fn a_whole_connection_that_is_replayed_is_counted_and_nothing_of_it_comes_twice() {
    let mut pair = Pair::new(1, LAN);
    let sent = Rc::new(RefCell::new(Sent::new()));
    let spied = Rc::clone(&sent);
    pair.a().meddler = Some(Box::new(move |datagram| {
        spied.borrow_mut().push(datagram.clone())
    }));
    pair.connect();
    for _ in 0..5 {
        pair.exchange();
    }
    pair.network.run_for(Duration::from_secs(1));
    let received = pair.b().received.len();
    let before = pair.b().core.counters().ignored(Ignored::DtlsWithoutEffect);
    let (from, to) = (pair.a().address, pair.b().address);
    let (mut dtls, now) = (0, pair.network.now());
    for datagram in sent.borrow().iter() {
        dtls += u64::from(matches!(datagram[0], 20..=63));
        let path = FiveTuple::udp(to, from);
        pair.b().core.handle_datagram(now, path, datagram);
    }
    pair.network.run_for(Duration::from_secs(1));
    assert_eq!(pair.b().received.len(), received);
    let counted = pair.b().core.counters().ignored(Ignored::DtlsWithoutEffect) - before;
    // A flight of the handshake that comes again may be answered again, and nothing else.
    assert!(dtls > 400 && counted >= dtls - 10, "{counted} of {dtls}");
    pair.exchange();
    assert_eq!((pair.b().open.len(), pair.b().closed.len()), (1, 0));
}

/// `a` says this on a stream, whatever its channels are.
fn say(pair: &mut Pair, stream: u16, ppid: Ppid, bytes: &[u8]) {
    let now = pair.network.now();
    let sctp = pair.a().core.transport.sctp().unwrap();
    sctp.open(stream, true, Reliability::Reliable, Priority::default());
    let part = Part {
        ppid,
        bytes: bytes.to_vec().into(),
        last: true,
    };
    assert!(sctp.write(now, stream, part));
}

const OPEN: [u8; 13] = [3, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, b'x'];

#[test]
fn of_thousands_of_opens_a_thousand_are_taken_and_the_others_refused_and_counted() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    const FLOOD: u16 = 5000;
    for stream in 0..FLOOD {
        say(&mut pair, 100 + stream, Ppid::Dcep, &OPEN);
    }
    pair.network.run_for(Duration::from_secs(60));
    assert_eq!(pair.b().open.len(), 1024);
    let refused = pair.b().core.counters().ignored(Ignored::TooManyChannels);
    assert_eq!(refused, u64::from(FLOOD) + 1 - 1024);
    assert_eq!(pair.b().closed, []);
    pair.exchange();
}

#[test]
fn data_on_thousands_of_streams_without_a_channel_is_thrown_away_and_counted() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    const FLOOD: u16 = 5000;
    for stream in 0..FLOOD {
        say(&mut pair, 100 + stream, Ppid::Binary, &[0; 100]);
    }
    pair.network.run_for(Duration::from_secs(60));
    let ignored = pair.b().core.counters().ignored(Ignored::UnknownStream);
    assert_eq!(ignored, u64::from(FLOOD));
    assert_eq!((pair.b().open.len(), pair.b().received.len()), (1, 0));
    // What nobody reads closes the window: all of it was read.
    pair.exchange();
}

#[test]
fn channels_opened_and_closed_without_end_leave_nothing_behind() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    for _ in 0..50 {
        let now = pair.network.now();
        for _ in 0..100 {
            let init = DataChannelInit::default();
            let channel = pair.a().core.create_data_channel(now, "x".into(), init);
            pair.a().core.close_channel(now, channel.unwrap());
        }
        pair.network.run_for(Duration::from_secs(2));
    }
    assert_eq!((pair.a().closed.len(), pair.b().closed.len()), (5000, 5000));
    assert_eq!(pair.b().core.channels.ids().len(), 1);
    assert_eq!(pair.b().core.poll_event(), None);
    pair.exchange();
}

/// The common header of a packet that `a`'s association has just made.
fn header(pair: &mut Pair) -> Vec<u8> {
    say(pair, 99, Ppid::Binary, b"x");
    let now = pair.network.now();
    let sctp = pair.a().core.transport.sctp().unwrap();
    let packet = sctp.poll_packet(now).expect("something to send");
    pair.a().core.transport.inject(&packet);
    packet[..12].to_vec()
}

/// A packet with one RE-CONFIG chunk, and in it an Outgoing SSN Reset Request for these streams (RFC 6525 §4.1).
fn reset_request(header: &[u8], number: u32, streams: &[u16]) -> Vec<u8> {
    let mut packet = header.to_vec();
    packet[8..12].fill(0);
    let len = 16 + 2 * streams.len() as u16;
    packet.extend_from_slice(&[130, 0]);
    packet.extend_from_slice(&(len + 4).to_be_bytes());
    packet.extend_from_slice(&[0, 13]);
    packet.extend_from_slice(&len.to_be_bytes());
    packet.extend_from_slice(&number.to_be_bytes());
    packet.extend_from_slice(&[0; 8]);
    for stream in streams {
        packet.extend_from_slice(&stream.to_be_bytes());
    }
    packet.resize(packet.len().next_multiple_of(4), 0);
    let checksum = crc32c::crc32c(&packet);
    packet[8..12].copy_from_slice(&checksum.to_le_bytes());
    packet
}

#[test]
fn resets_without_end_of_streams_that_are_none_do_no_harm() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    pair.network.run_for(Duration::from_secs(1));
    let header = header(&mut pair);
    let streams: Vec<u16> = (1000..1500).collect();
    let sent = pair.network.statistics().sent;
    const FLOOD: u32 = 5000;
    for round in 0..FLOOD / 50 {
        for number in 0..50 {
            // Numbers in order, numbers far away, and one that comes again and again.
            let number = match number % 3 {
                0 => round * 50 + number,
                1 => number.wrapping_mul(0x9e37_79b9),
                _ => 7,
            };
            let packet = reset_request(&header, number, &streams);
            pair.a().core.transport.inject(&packet);
        }
        pair.network.run_for(Duration::from_millis(100));
    }
    let answers = pair.network.statistics().sent - sent;
    assert!(answers < 4 * u64::from(FLOOD), "{answers}");
    assert_eq!(pair.b().closed, []);
    pair.exchange();
}

#[test]
fn an_open_cut_off_anywhere_opens_nothing() {
    let mut pair = Pair::new(1, LAN);
    pair.connect();
    let mut said = 0;
    for len in 1..OPEN.len() {
        say(&mut pair, 100 + len as u16, Ppid::Dcep, &OPEN[..len]);
        said += 1;
    }
    // Names that are no UTF-8, a channel type that is not known, and a length that is not there.
    for (at, byte) in [
        (12, 0xff),
        (1, 3),
        (1, 0x83),
        (8, 0xff),
        (10, 0xff),
        (0, 1),
        (0, 0xff),
    ] {
        let mut open = OPEN;
        open[at] = byte;
        say(&mut pair, 200 + said, Ppid::Dcep, &open);
        said += 1;
    }
    pair.network.run_for(Duration::from_secs(2));
    let malformed = pair.b().core.counters().ignored(Ignored::MalformedDcep);
    assert_eq!(malformed, u64::from(said));
    assert_eq!(pair.b().open.len(), 1);
    // A stream on which nonsense was said is still good for a channel.
    say(&mut pair, 101, Ppid::Dcep, &OPEN);
    pair.network.run_for(Duration::from_secs(1));
    assert_eq!(pair.b().open.len(), 2);
    pair.exchange();
}
