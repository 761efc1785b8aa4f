//! Two peers of `str0m`, each driven by a thread that blocks on its socket; with DTLS 1.3 and SNAP, its fastest way.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::ChannelId;
use str0m::config::DtlsVersion;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::child::Buffers;
use crate::measure::Meter;
use crate::stack::Stack;
use crate::wire::{Side, Wire};

pub(crate) struct Str0m {
    peers: Option<[Peer; 2]>,
    /// Ends the threads that keep idle peers alive.
    ended: Arc<AtomicBool>,
    _wire: Option<Arc<Wire>>,
}

impl Stack for Str0m {
    async fn connect(wire: Option<Arc<Wire>>) -> (Self, Duration) {
        let (mut a, mut b) = (Peer::new(), Peer::new());
        let start = Instant::now();
        let mut change = a.rtc.sdp_api();
        change.add_channel("x".into());
        let (offer, pending) = change.apply().unwrap();
        let offer = match &wire {
            Some(wire) => wire.rewrite(Side::A, &offer.to_sdp_string()),
            None => offer.to_sdp_string(),
        };
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = b.rtc.sdp_api().accept_offer(offer).unwrap();
        let answer = match &wire {
            Some(wire) => wire.rewrite(Side::B, &answer.to_sdp_string()),
            None => answer.to_sdp_string(),
        };
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        a.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let open = &AtomicUsize::new(0);
        let opened = std::thread::scope(|scope| {
            let both = [&mut a, &mut b].map(|peer| {
                scope.spawn(move || {
                    let mut opened = None;
                    peer.drive(|_, event| {
                        if let Some(Event::ChannelOpen(id, _)) = event {
                            opened = Some((*id, Instant::now()));
                            open.fetch_add(1, Ordering::Relaxed);
                        }
                        // The other side may still need an answer from this one.
                        opened.is_some() && open.load(Ordering::Relaxed) == 2
                    });
                    let (id, at) = opened.unwrap();
                    peer.channel = Some(id);
                    at
                })
            });
            both.map(|thread| thread.join().unwrap())
        });
        let pair = Self {
            peers: Some([a, b]),
            ended: Arc::default(),
            _wire: wire,
        };
        (pair, opened[0].max(opened[1]) - start)
    }

    fn flood(&mut self, size: usize, meter: Arc<Meter>) {
        let [mut a, mut b] = self.peers.take().unwrap();
        let ended = self.ended.clone();
        std::thread::spawn(move || {
            b.drive(|_, event| {
                if let Some(Event::ChannelData(data)) = event {
                    meter.received(data.data.len());
                }
                ended.load(Ordering::Relaxed)
            });
        });
        let ended = self.ended.clone();
        let message = vec![0x5a; size];
        std::thread::spawn(move || {
            let channel = a.channel.unwrap();
            a.drive(|rtc, event| {
                if event.is_none() {
                    let mut wrote = false;
                    if let Some(mut channel) = rtc.channel(channel) {
                        while channel.write(true, &message).unwrap() {
                            wrote = true;
                        }
                    }
                    if wrote {
                        let _ = rtc.handle_input(Input::Timeout(Instant::now()));
                    }
                }
                ended.load(Ordering::Relaxed)
            });
        });
    }

    async fn close(self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
    channel: Option<ChannelId>,
}

impl Peer {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Some(bytes) = Buffers::of_this_process().bytes() {
            let socket = socket2::SockRef::from(&socket);
            socket.set_recv_buffer_size(bytes).unwrap();
            socket.set_send_buffer_size(bytes).unwrap();
        }
        let local = socket.local_addr().unwrap();
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .set_sctp_max_message_size(256 * 1024)
            .set_snap_enabled(true)
            .set_dtls_version(DtlsVersion::Dtls13)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
        Self {
            rtc,
            socket,
            local,
            buffer: vec![0; 2000],
            channel: None,
        }
    }

    /// Gives every event to `f`, and nothing whenever there is none left, until it says that it is done.
    fn drive(&mut self, mut f: impl FnMut(&mut Rtc, Option<&Event>) -> bool) {
        loop {
            let timeout = match self.rtc.poll_output().unwrap() {
                Output::Transmit(packet) => {
                    // A full socket loses it, as a network may.
                    let _ = self.socket.send_to(&packet.contents, packet.destination);
                    continue;
                }
                Output::Event(event) => {
                    if f(&mut self.rtc, Some(&event)) {
                        return;
                    }
                    continue;
                }
                Output::Timeout(timeout) => timeout,
            };
            if f(&mut self.rtc, None) {
                return;
            }
            self.wait(timeout.saturating_duration_since(Instant::now()));
        }
    }

    fn wait(&mut self, timeout: Duration) {
        // What is due is done at once: the kernel would round the shortest wait up to some milliseconds.
        if timeout.is_zero() {
            self.rtc
                .handle_input(Input::Timeout(Instant::now()))
                .unwrap();
            return;
        }
        let timeout = timeout.min(Duration::from_millis(5));
        self.socket.set_read_timeout(Some(timeout)).unwrap();
        let input = match self.socket.recv_from(&mut self.buffer) {
            Ok((len, source)) => {
                let contents = self.buffer[..len].try_into().unwrap();
                let (proto, destination) = (Protocol::Udp, self.local);
                Input::Receive(
                    Instant::now(),
                    Receive {
                        proto,
                        source,
                        destination,
                        contents,
                    },
                )
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Input::Timeout(Instant::now())
            }
            Err(error) => panic!("{error}"),
        };
        self.rtc.handle_input(input).unwrap();
    }
}
