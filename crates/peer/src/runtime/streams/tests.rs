use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Our end of a connection between a listener of ours and somebody, and the other end.
async fn accepted(streams: &mut Streams) -> (StreamId, FiveTuple, TcpStream) {
    let local = streams.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let other = TcpStream::connect(local).await.unwrap();
    let Happened::Accepted(io, local, remote) = poll_fn(|cx| streams.poll_happened(cx)).await
    else {
        panic!("nobody was accepted");
    };
    let id = agent_id(local, remote);
    streams.accept(id, io, local, remote);
    let transport = Transport::Tcp;
    (
        id,
        FiveTuple {
            transport,
            local,
            remote,
        },
        other,
    )
}

/// Numbers are the agent's to give.
fn agent_id(local: SocketAddr, remote: SocketAddr) -> StreamId {
    let mut agent =
        ieum_ice::Agent::new(ieum_ice::Config::new(ieum_ice::Role::Controlled, [1; 32]));
    let now = std::time::Instant::now();
    agent.gather_on(now, &[ieum_ice::Base::TcpPassive(local)], &[]);
    agent.stream_accepted(now, local, remote).unwrap()
}

fn message(five_tuple: FiveTuple, len: usize) -> Transmit {
    Transmit {
        five_tuple,
        len,
        segment_size: None,
    }
}

#[tokio::test]
async fn for_an_end_that_does_not_read_a_bounded_amount_is_kept_and_the_rest_is_lost() {
    let mut streams = Streams::new(&TlsRoots::Only(Vec::new()));
    let (id, way, mut other) = accepted(&mut streams).await;
    let bytes = vec![7; 1200];
    for _ in 0..20_000 {
        streams.send(message(way, bytes.len()), &bytes);
        poll_fn(|cx| {
            streams.poll_write(cx);
            Poll::Ready(())
        })
        .await;
        assert!(streams.open[&id].out.len() <= 2 * MAX_UNWRITTEN + 2);
    }
    assert!(!streams.has_room());
    // Whole messages only: what was taken can still be read.
    let reader = tokio::spawn(async move {
        let mut deframer = Deframer::new(Framing::Rfc4571);
        let (mut buffer, mut count) = (vec![0; 65_536], 0);
        while let Ok(read @ 1..) = other.read(&mut buffer).await {
            deframer.push(&buffer[..read]);
            while let Ok(Some(message)) = deframer.next_frame() {
                assert_eq!(message, vec![7; 1200]);
                count += 1;
            }
        }
        count
    });
    let happened = poll_fn(|cx| streams.poll_happened(cx)).await;
    assert!(matches!(happened, Happened::Room), "{happened:?}");
    streams.handle(StreamRequest::Close(id));
    streams.finish().await;
    assert!(streams.open.is_empty());
    assert!(reader.await.unwrap() > 100);
}

#[tokio::test]
async fn what_arrives_is_cut_into_messages_and_the_end_is_told() {
    let mut streams = Streams::new(&TlsRoots::Only(Vec::new()));
    let (id, way, mut other) = accepted(&mut streams).await;
    other.write_all(b"\0\x02ab\0\x01").await.unwrap();
    let happened = poll_fn(|cx| streams.poll_happened(cx)).await;
    assert!(matches!(happened, Happened::Readable(its) if its == id));
    let mut got = Vec::new();
    let mut take = |from, message: &[u8]| got.push((from, message.to_vec()));
    streams.receive(id, &mut take).unwrap();
    assert_eq!(got, [(way, b"ab".to_vec())]);
    drop(other);
    let happened = poll_fn(|cx| streams.poll_happened(cx)).await;
    assert!(matches!(happened, Happened::Closed(its) if its == id));
}
