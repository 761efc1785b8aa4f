//! Real sockets on loopback; which of its addresses there seem to be is scripted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use if_addrs::{IfAddr, IfOperStatus, Ifv4Addr, Ifv6Addr, Interface};

use crate::core::{ConnectionState, DataChannelInit};
use crate::runtime::interfaces::Machine;
use crate::{Configuration, DataChannel, Event, Events, Interfaces, PeerConnection, Timing};

fn configuration(watch_interfaces: bool) -> Configuration {
    Configuration {
        interfaces: Interfaces::only_loopback(),
        watch_interfaces,
        timing: Timing {
            consent_interval: Duration::from_millis(100),
            disconnected_after: Duration::from_millis(400),
            ..Timing::default()
        },
        ..Configuration::default()
    }
}

fn interface(ip: IpAddr) -> Interface {
    let addr = match ip {
        IpAddr::V4(ip) => IfAddr::V4(Ifv4Addr {
            ip,
            netmask: [255, 0, 0, 0].into(),
            prefixlen: 8,
            broadcast: None,
        }),
        IpAddr::V6(ip) => IfAddr::V6(Ifv6Addr {
            ip,
            netmask: Ipv6Addr::LOCALHOST,
            prefixlen: 128,
            broadcast: None,
        }),
    };
    Interface {
        name: "lo".to_owned(),
        addr,
        index: None,
        oper_status: IfOperStatus::Up,
        is_p2p: false,
        #[cfg(windows)]
        adapter_name: String::new(),
    }
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A machine that has them.
fn of(found: fn() -> Vec<Interface>) -> Machine {
    Machine {
        now: found,
        recently: found,
    }
}

fn both() -> Vec<Interface> {
    vec![interface(V4), interface(V6)]
}

/// What there is at each stage.
fn at(stage: usize) -> Vec<Interface> {
    match stage {
        0 => vec![interface(V4)],
        1 => both(),
        2 => vec![interface(V6)],
        _ => Vec::new(),
    }
}

struct Call {
    a: PeerConnection,
    a_events: Events,
    b: PeerConnection,
    b_events: Events,
    channel: DataChannel,
}

impl Call {
    /// `a` finds what `found` says, `b` has both addresses.
    async fn connected(found: fn() -> Vec<Interface>, watch: bool) -> Self {
        let (a, a_events) = PeerConnection::on(configuration(watch), of(found)).unwrap();
        let (b, b_events) = PeerConnection::on(configuration(false), of(both)).unwrap();
        let init = DataChannelInit::default();
        let channel = a.create_data_channel("test", init).await.unwrap();
        let mut call = Self {
            a,
            a_events,
            b,
            b_events,
            channel,
        };
        call.negotiate().await;
        call.channel.opened().await.unwrap();
        call.a_events
            .next_of(|event| {
                matches!(
                    event,
                    Event::ConnectionStateChange(ConnectionState::Connected)
                )
            })
            .await;
        call
    }

    async fn negotiate(&mut self) {
        let (a, b) = (&self.a, &self.b);
        a.set_implicit_local_description().await.unwrap();
        a.gathering_complete().await;
        let offer = a.local_description().unwrap();
        b.set_remote_description(offer).await.unwrap();
        b.set_implicit_local_description().await.unwrap();
        b.gathering_complete().await;
        let answer = b.local_description().unwrap();
        a.set_remote_description(answer).await.unwrap();
    }

    /// The addresses that `a` tells.
    async fn addresses(&self) -> Vec<IpAddr> {
        let report = self.a.report().await.unwrap();
        let udp = report.local_candidates.iter();
        let mut ips: Vec<_> = udp.filter_map(|candidate| candidate.address.ip()).collect();
        ips.dedup();
        ips
    }

    /// Until the next offer is asked for; the channel then works over the new address.
    async fn goes_on_over_v6(&mut self) {
        self.a_events
            .next_of(|event| matches!(event, Event::NegotiationNeeded))
            .await;
        self.negotiate().await;
        assert_eq!(self.addresses().await, [V6]);
        self.channel.send_text("here again").await.unwrap();
        let channel = self
            .b_events
            .next_of(|event| matches!(event, Event::DataChannel(_)))
            .await;
        let Event::DataChannel(mut channel) = channel else {
            unreachable!()
        };
        assert!(channel.recv().await.is_some());
        let pair = self.a.report().await.unwrap().selected_pair.unwrap();
        assert_eq!(pair.local.address.ip(), Some(V6));
    }
}

trait Next {
    async fn next_of(&mut self, wanted: impl Fn(&Event) -> bool) -> Event;
}

impl Next for Events {
    async fn next_of(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().await.expect("the events ended");
            if wanted(&event) {
                return event;
            }
        }
    }
}

async fn within<T>(test: impl Future<Output = T>) -> T {
    let deadline = Duration::from_secs(30);
    tokio::time::timeout(deadline, test)
        .await
        .expect("the test took too long")
}

#[tokio::test]
async fn when_the_address_in_use_is_gone_ice_restarts_on_the_one_that_has_come() {
    static STAGE: AtomicUsize = AtomicUsize::new(0);
    within(async {
        let mut call = Call::connected(|| at(STAGE.load(Ordering::Relaxed)), false).await;
        STAGE.store(2, Ordering::Relaxed);
        call.a.network_changed().await.unwrap();
        call.goes_on_over_v6().await;
    })
    .await;
}

#[tokio::test]
async fn an_address_that_goes_is_noticed_without_being_told() {
    static STAGE: AtomicUsize = AtomicUsize::new(0);
    within(async {
        let mut call = Call::connected(|| at(STAGE.load(Ordering::Relaxed)), true).await;
        STAGE.store(2, Ordering::Relaxed);
        call.goes_on_over_v6().await;
    })
    .await;
}

#[tokio::test]
async fn without_any_address_a_restart_waits_for_one() {
    static STAGE: AtomicUsize = AtomicUsize::new(0);
    within(async {
        let mut call = Call::connected(|| at(STAGE.load(Ordering::Relaxed)), false).await;
        STAGE.store(3, Ordering::Relaxed);
        call.a.network_changed().await.unwrap();
        assert_eq!(call.addresses().await, [] as [IpAddr; 0]);
        STAGE.store(2, Ordering::Relaxed);
        call.a.network_changed().await.unwrap();
        call.goes_on_over_v6().await;
    })
    .await;
}

/// RFC 8838 §13: no candidate follows the last one, so that a new address waits for a restart.
#[tokio::test]
async fn an_address_that_comes_while_the_connection_works_is_told_with_the_next_restart() {
    static STAGE: AtomicUsize = AtomicUsize::new(0);
    within(async {
        let mut call = Call::connected(|| at(STAGE.load(Ordering::Relaxed)), false).await;
        STAGE.store(1, Ordering::Relaxed);
        call.a.network_changed().await.unwrap();
        assert_eq!(call.addresses().await, [V4]);
        call.a.restart_ice().await.unwrap();
        call.a_events
            .next_of(|event| matches!(event, Event::NegotiationNeeded))
            .await;
        call.negotiate().await;
        let mut addresses = call.addresses().await;
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses, [V4, V6]);
    })
    .await;
}
