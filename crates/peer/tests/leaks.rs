//! A thousand connections, ended in every way and at every time: tasks, sockets and memory return to the start.
//!
//! Alone in its process, since it counts what the process has.

mod common;

use std::time::Duration;

use common::{Peer, binary, configuration, negotiate};
use ieum_peer::{Certificate, Configuration, DataChannelInit};

/// How far a pair of peers comes, and how it ends.
#[derive(Debug, Clone, Copy)]
enum End {
    DroppedWhileGathering,
    DroppedDuringDtls,
    DroppedDuringTransfer,
    OneDropped,
    Closed,
}

const ENDS: [End; 5] = [
    End::DroppedWhileGathering,
    End::DroppedDuringDtls,
    End::DroppedDuringTransfer,
    End::OneDropped,
    End::Closed,
];

async fn live(certificate: Certificate, end: End) {
    let configuration = || Configuration {
        certificate: Some(certificate.clone()),
        ..configuration()
    };
    let (a, mut b) = (Peer::new(configuration()), Peer::new(configuration()));
    let init = DataChannelInit::default();
    let ours = a.connection.create_data_channel("x", init).await.unwrap();
    if let End::DroppedWhileGathering = end {
        return a.connection.set_implicit_local_description().await.unwrap();
    }
    negotiate(&a, &b).await;
    if let End::DroppedDuringDtls = end {
        return;
    }
    ours.opened().await.unwrap();
    let mut theirs = b.channels.recv().await.unwrap();
    ours.send(vec![7; 50_000]).await.unwrap();
    if let End::DroppedDuringTransfer = end {
        return;
    }
    assert_eq!(binary(&mut theirs).await.len(), 50_000);
    match end {
        End::OneDropped => {
            drop(a);
            while theirs.recv().await.is_some() {}
        }
        _ => {
            tokio::join!(a.connection.close(), b.connection.close());
        }
    }
}

/// So many pairs, a few at a time, in turn with each end.
async fn lives(certificate: &Certificate, pairs: usize) {
    let mut running = tokio::task::JoinSet::new();
    for index in 0..pairs {
        if running.len() == AT_ONCE {
            running.join_next().await.unwrap().unwrap();
        }
        running.spawn(live(certificate.clone(), ENDS[index % ENDS.len()]));
    }
    while let Some(ended) = running.join_next().await {
        ended.unwrap();
    }
}

fn tasks() -> usize {
    let runtime = tokio::runtime::Handle::current();
    runtime.metrics().num_alive_tasks()
}

/// `None` where the system does not say.
fn sockets() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

/// Memory in use, in kB; `None` where the system does not say.
fn memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn a_thousand_connections_leave_nothing_behind() {
    let all = async {
        let certificate = Certificate::generate().unwrap();
        let before = (tasks(), sockets());
        // What a thread keeps for all connections is there after a few.
        lives(&certificate, 100).await;
        let memory_before = memory();
        lives(&certificate, 500).await;
        while tasks() > before.0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(sockets(), before.1);
        if let (Some(before), Some(after)) = (memory_before, memory()) {
            let grown = after.saturating_sub(before);
            println!("memory: {before} kB, and {grown} more after 1,000 connections");
            // Four kB of each would be as much.
            assert!(grown < 4_000, "{grown} kB");
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(300), all).await;
    done.expect("the test took too long");
}

/// Pairs at a time.
const AT_ONCE: usize = 10;
