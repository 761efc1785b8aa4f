//! Two peers of `str0m`, each driven by a thread that blocks on its socket.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

pub(crate) fn connect() -> Duration {
    let (mut a, mut b) = (Peer::new(), Peer::new());
    let (offers, offer) = mpsc::channel::<SdpOffer>();
    let (answers, answer) = mpsc::channel::<SdpAnswer>();
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let answering = scope.spawn(move || {
            let offer = offer.recv().unwrap();
            answers
                .send(b.rtc.sdp_api().accept_offer(offer).unwrap())
                .unwrap();
            let opened = b.drive_until_open(|| false);
            // The other side may still need an answer from this one.
            b.drive_until(|| done.load(Ordering::Relaxed));
            opened
        });
        let start = Instant::now();
        let mut change = a.rtc.sdp_api();
        change.add_channel("x".into());
        let (offer, pending) = change.apply().unwrap();
        offers.send(offer).unwrap();
        a.rtc
            .sdp_api()
            .accept_answer(pending, answer.recv().unwrap())
            .unwrap();
        let opened = a.drive_until_open(|| false).unwrap();
        let finishing = Instant::now();
        a.drive_until(|| finishing.elapsed() > Duration::from_millis(20));
        done.store(true, Ordering::Relaxed);
        let theirs = answering.join().unwrap().unwrap();
        opened.max(theirs) - start
    })
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    buffer: Vec<u8>,
}

impl Peer {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let local = socket.local_addr().unwrap();
        let mut rtc = RtcConfig::new().clear_codecs().build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").unwrap())
            .unwrap();
        Self {
            rtc,
            socket,
            local,
            buffer: vec![0; 2000],
        }
    }

    fn drive_until(&mut self, done: impl Fn() -> bool) {
        self.drive_until_open(done);
    }

    /// When the channel opened; `None` where `done` came first.
    fn drive_until_open(&mut self, done: impl Fn() -> bool) -> Option<Instant> {
        loop {
            if done() {
                return None;
            }
            let timeout = match self.rtc.poll_output().unwrap() {
                Output::Transmit(packet) => {
                    self.socket
                        .send_to(&packet.contents, packet.destination)
                        .unwrap();
                    continue;
                }
                Output::Event(Event::ChannelOpen(..)) => return Some(Instant::now()),
                Output::Event(_) => continue,
                Output::Timeout(timeout) => timeout,
            };
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
