//! A signaling server on a free port, endpoints on loopback, and a peer that does what the test's script says.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of it"
)]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use ieum::peer::{
    Configuration, DataChannel, DataChannelInit, Events, IceCandidateInit, IceServer, Interfaces,
    PeerConnection, SdpType, SessionDescription,
};
use ieum::signaling::client::{self, Channel};
use ieum::signaling::{DescriptionKind, Incoming, Signal, server};
use ieum::stun::{Class, Message, MessageBuilder, Method};
use ieum::{Call, CallError, Endpoint, Options};
use tokio::net::{TcpListener, UdpSocket};

/// Only a broken run takes this long.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {DEADLINE:?}: {what}"),
    }
}

/// The URL of a signaling server of its own.
pub async fn signaling() -> String {
    let (router, _handle) = server::router(server::Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

pub fn configuration() -> Configuration {
    let interfaces = Interfaces {
        loopback: true,
        ..Interfaces::default()
    };
    Configuration {
        interfaces,
        ..Configuration::default()
    }
}

/// A STUN server that sees everybody at 203.0.113.5: each base gets one more candidate, and gets it late.
pub async fn stun_server() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let url = format!("stun:{}", socket.local_addr().unwrap());
    tokio::spawn(async move {
        let mut datagram = [0; 1500];
        while let Ok((len, from)) = socket.recv_from(&mut datagram).await {
            let Ok(request) = Message::parse(&datagram[..len]) else {
                continue;
            };
            let mut answer = Vec::new();
            let id = request.transaction_id();
            MessageBuilder::new(&mut answer, Class::Success, Method::BINDING, id)
                .xor_mapped_address(SocketAddr::new([203, 0, 113, 5].into(), from.port()))
                .finish();
            socket.send_to(&answer, from).await.unwrap();
        }
    });
    url
}

/// Options whose connections ask this STUN server, over IPv4 loopback alone.
pub fn options_with_stun(url: &str, id: &str, stun: String) -> Options {
    let mut options = options(url, id);
    options.configuration = Box::new(move || Configuration {
        ice_servers: vec![IceServer::stun(&stun)],
        interfaces: Interfaces {
            loopback: true,
            ipv6: false,
            ..Interfaces::default()
        },
        ..Configuration::default()
    });
    options
}

pub fn options(url: &str, id: &str) -> Options {
    let mut options = Options::new(url, id);
    options.configuration = Box::new(configuration);
    options
}

pub async fn endpoint(url: &str, id: &str) -> Endpoint {
    within("an endpoint registers", Endpoint::connect(options(url, id)))
        .await
        .unwrap()
}

/// Calls a peer whose registration may not have been announced yet.
pub async fn call(endpoint: &Endpoint, peer: &str) -> Call {
    within("the peer is announced", async {
        loop {
            match endpoint.call(peer).await {
                Err(CallError::NoSuchPeer { .. }) => tokio::task::yield_now().await,
                result => return result.unwrap(),
            }
        }
    })
    .await
}

pub async fn connected(call: &Call) {
    within("the call connects", call.connected()).await.unwrap();
}

/// The next channel of a call, open.
pub async fn channel(call: &mut Call) -> DataChannel {
    let channel = within("a channel comes", call.channel()).await.unwrap();
    within("the channel opens", channel.opened()).await.unwrap();
    channel
}

/// What is sent on one channel arrives on the other.
pub async fn delivers(from: &DataChannel, to: &mut DataChannel, text: &str) {
    from.send_text(text).await.unwrap();
    assert_eq!(
        within("a message arrives", to.recv()).await,
        Some(ieum::peer::Message::from(text))
    );
}

/// A peer whose every message the test decides on.
pub struct Scripted {
    pub channel: Channel,
    pub connection: PeerConnection,
    pub events: Events,
    pub data: DataChannel,
}

impl Scripted {
    pub async fn register(url: &str, id: &str) -> Self {
        let channel = Channel::connect(client::Options::new(url, id))
            .await
            .unwrap();
        let (connection, events) = PeerConnection::new(configuration()).unwrap();
        let data = connection
            .create_data_channel("scripted", DataChannelInit::default())
            .await
            .unwrap();
        Self {
            channel,
            connection,
            events,
            data,
        }
    }

    /// The same registration with a new connection, as a page that was reloaded has; gives the old one, which is not
    /// told to close.
    pub async fn reload(&mut self) -> (PeerConnection, Events, DataChannel) {
        let (connection, events) = PeerConnection::new(configuration()).unwrap();
        let data = connection
            .create_data_channel("scripted", DataChannelInit::default())
            .await
            .unwrap();
        (
            std::mem::replace(&mut self.connection, connection),
            std::mem::replace(&mut self.events, events),
            std::mem::replace(&mut self.data, data),
        )
    }

    /// An offer, applied on this side; with or without candidates in it.
    pub async fn offer(&self, with_candidates: bool) -> String {
        let offer = self.connection.create_offer().await.unwrap();
        let bare = offer.sdp.clone();
        self.connection.set_local_description(offer).await.unwrap();
        if !with_candidates {
            return bare;
        }
        within("gathering completes", self.connection.gathering_complete()).await;
        self.connection.local_description().unwrap().sdp
    }

    pub async fn apply(&self, kind: SdpType, sdp: String) {
        self.connection
            .set_remote_description(SessionDescription { kind, sdp })
            .await
            .unwrap();
    }

    /// Applies an offer and answers it; all candidates are in the answer.
    pub async fn answer(&self, to: &str, offer: String) {
        self.apply(SdpType::Offer, offer).await;
        let answer = self.connection.create_answer().await.unwrap();
        self.connection.set_local_description(answer).await.unwrap();
        within("gathering completes", self.connection.gathering_complete()).await;
        let sdp = self.connection.local_description().unwrap().sdp;
        self.say(to, Signal::answer(sdp)).await;
    }

    pub async fn say(&self, to: &str, signal: Signal) {
        self.channel.send(to, signal).await.unwrap();
    }

    /// The next thing that the other peer itself says.
    pub async fn hear(&mut self) -> Signal {
        within("the other peer says something", async {
            loop {
                match self.channel.next().await.expect("signaling lives") {
                    client::Event::Message(Incoming {
                        signal: Signal::Open { .. },
                        ..
                    }) => {}
                    client::Event::Message(Incoming { signal, .. }) => return signal,
                    other => panic!("{other:?}"),
                }
            }
        })
        .await
    }

    /// The next description of this kind; candidates before it are applied if they can be.
    pub async fn hear_description(&mut self, wanted: DescriptionKind) -> String {
        loop {
            match self.hear().await {
                Signal::Description { kind, sdp, .. } if kind == wanted => return sdp,
                Signal::Description { kind, .. } => panic!("{kind} instead of {wanted}"),
                signal => self.apply_candidate(signal).await,
            }
        }
    }

    /// Applies candidates as they come, until connected.
    pub async fn connect(&mut self) {
        let Self {
            channel,
            connection,
            ..
        } = self;
        let connected =
            connection.wait_for_state(|state| state == ieum::peer::ConnectionState::Connected);
        tokio::pin!(connected);
        within("the scripted peer connects", async {
            loop {
                tokio::select! {
                    _ = &mut connected => return,
                    event = channel.next() => if let Some(client::Event::Message(message)) = event
                        && let Some(candidate) = candidate(message.signal)
                    {
                        let _ = connection.add_ice_candidate(candidate).await;
                    },
                }
            }
        })
        .await;
    }

    /// All candidates of this side, one by one.
    pub async fn own_candidates(&self) -> Vec<IceCandidateInit> {
        within("gathering completes", self.connection.gathering_complete()).await;
        let sdp = self.connection.local_description().unwrap().sdp;
        let lines = sdp
            .lines()
            .filter_map(|line| line.strip_prefix("a=candidate:"));
        let init = |line| IceCandidateInit {
            candidate: format!("candidate:{line}"),
            sdp_m_line_index: Some(0),
            ..IceCandidateInit::default()
        };
        lines.map(init).collect()
    }

    async fn apply_candidate(&self, signal: Signal) {
        if let Some(candidate) = candidate(signal) {
            // Those ahead of their description are lost to this simple peer.
            let _ = self.connection.add_ice_candidate(candidate).await;
        }
    }
}

pub fn candidate(signal: Signal) -> Option<IceCandidateInit> {
    match signal {
        Signal::Candidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
            username_fragment,
            ..
        } => Some(IceCandidateInit {
            candidate,
            sdp_mid,
            sdp_m_line_index,
            username_fragment,
        }),
        Signal::EndOfCandidates { .. } => Some(IceCandidateInit::default()),
        _ => None,
    }
}

pub fn wire(candidate: IceCandidateInit) -> Signal {
    let IceCandidateInit {
        candidate,
        sdp_mid,
        sdp_m_line_index,
        username_fragment,
    } = candidate;
    Signal::Candidate {
        candidate,
        sdp_mid,
        sdp_m_line_index,
        username_fragment,
        extra: serde_json::Map::new(),
    }
}
