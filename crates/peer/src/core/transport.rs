//! DTLS and the SCTP above it, as one pipe: datagrams below, streams above. Nothing is delivered before the peer's
//! certificate is the one that its description names.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ieum_ice::{Agent, Role, Transmit};

use super::dtls::{
    Certificate, DimplDtls, Dtls, DtlsError, DtlsOutput, DtlsRole, Fingerprint, RECORD_OVERHEAD,
    cipher,
};
use super::sctp::{Opening, RtcSctp, Sctp, SctpConfig, SctpEvent};
use super::{Counters, DtlsVersion, Error, Ignored};

/// The pipe.
pub(super) struct Transport {
    settings: Settings,
    dtls: Option<Box<dyn Dtls>>,
    sctp: Option<Box<dyn Sctp>>,
    fingerprints: Vec<Fingerprint>,
    /// Whom the owner expects, whatever the description names; `None`: anybody.
    expected: Option<Vec<Fingerprint>>,
    /// The peer's certificate, once it was checked.
    verified: Option<Vec<u8>>,
    version: Option<DtlsVersion>,
    /// What the last ServerHello named.
    suite: Option<u16>,
    sctp_is_up: bool,
    /// DTLS datagrams that came before [`start`](Self::start): over a path whose checks went through, a peer that has
    /// our description may begin before we have its. `None` once started or over.
    early: Option<Vec<Vec<u8>>>,
    /// DTLS datagrams that wait for a pair to go over.
    flight: VecDeque<Vec<u8>>,
    /// Where DTLS puts what it gives.
    scratch: Vec<u8>,
    signals: VecDeque<Signal>,
}

/// What the pipe is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// The largest message taken from the peer, in bytes.
    pub(super) max_message_size: u32,
    /// The largest datagram that is sent, in bytes, without a relay's header; at least 576.
    pub(super) mtu: u16,
    /// How long a flight of the handshake is repeated.
    pub(super) dtls_timeout: Duration,
}

/// What the pipe tells its owner.
#[derive(Debug)]
pub(super) enum Signal {
    Secured(DtlsVersion),
    Failed(DtlsError),
    /// The peer said goodbye.
    Ended,
    Sctp(SctpEvent),
}

impl Transport {
    pub(super) fn new(settings: Settings, expected: Option<Vec<Fingerprint>>) -> Self {
        Self {
            settings,
            dtls: None,
            sctp: None,
            fingerprints: Vec::new(),
            expected,
            verified: None,
            version: None,
            suite: None,
            sctp_is_up: false,
            early: Some(Vec::new()),
            flight: VecDeque::new(),
            scratch: Vec::new(),
            signals: VecDeque::new(),
        }
    }

    /// What DTLS agreed on, once it is up.
    pub(super) fn version(&self) -> Option<DtlsVersion> {
        self.version
    }

    /// The cipher suite as IANA names it, once DTLS is up.
    pub(super) fn cipher(&self) -> Option<&'static str> {
        self.version?;
        cipher::name(self.suite?)
    }

    /// The peer's certificate in DER, once it was checked.
    pub(super) fn remote_certificate(&self) -> Option<&[u8]> {
        self.verified.as_deref()
    }

    /// The role in DTLS, once there is one.
    pub(super) fn role(&self) -> Option<DtlsRole> {
        self.dtls.as_ref().map(|dtls| dtls.role())
    }

    /// Whether streams can be opened.
    pub(super) fn is_up(&self) -> bool {
        self.sctp_is_up && self.sctp.is_some()
    }

    /// What SCTP has measured, smoothed.
    pub(super) fn round_trip(&self) -> Duration {
        let sctp = self.sctp.as_ref();
        sctp.map_or(Duration::ZERO, |sctp| sctp.round_trip())
    }

    /// What is on its way takes up so much of a receive buffer.
    pub(super) fn flight(&self) -> usize {
        self.sctp.as_ref().map_or(0, |sctp| sctp.flight())
    }

    pub(super) fn sctp(&mut self) -> Option<&mut Box<dyn Sctp>> {
        self.sctp.as_mut()
    }

    /// Begins. A client's first message waits until there is a pair to send it over. What is returned came early: hand
    /// it to [`handle_datagram`](Self::handle_datagram) now.
    pub(super) fn start(
        &mut self,
        now: Instant,
        certificate: &Certificate,
        role: DtlsRole,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.fingerprints = fingerprints;
        self.dtls = Some(Box::new(DimplDtls::new(
            now,
            certificate,
            role,
            self.settings,
        )?));
        Ok(self.early.take().unwrap_or_default())
    }

    /// Takes one DTLS datagram.
    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        ice: Role,
        datagram: &[u8],
        counters: &mut Counters,
    ) {
        let Some(dtls) = &mut self.dtls else {
            match &mut self.early {
                Some(early) if early.len() < MAX_EARLY => early.push(datagram.to_vec()),
                _ => counters.ignore(Ignored::UnexpectedDtls),
            }
            return;
        };
        if self.version.is_none() {
            self.suite = cipher::suite(datagram).or(self.suite);
        }
        let taken = match dtls.handle_datagram(now, datagram) {
            Ok(()) => self.try_drain(now, ice, counters),
            Err(error) => Err(error),
        };
        match taken {
            Ok(0) if self.sctp_is_up => counters.ignore(Ignored::DtlsWithoutEffect),
            Ok(_) => {}
            Err(error) => self.fail(error),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, ice: Role, counters: &mut Counters) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if let Some(dtls) = self
            .dtls
            .as_mut()
            .filter(|dtls| is_due(dtls.poll_timeout()))
        {
            match dtls.handle_timeout(now) {
                Ok(()) => self.drain(now, ice, counters),
                Err(error) => self.fail(error),
            }
        }
        if let Some(sctp) = self
            .sctp
            .as_mut()
            .filter(|sctp| is_due(sctp.poll_timeout()))
        {
            sctp.handle_timeout(now);
        }
    }

    /// Takes what DTLS has to give.
    pub(super) fn drain(&mut self, now: Instant, ice: Role, counters: &mut Counters) {
        if let Err(error) = self.try_drain(now, ice, counters) {
            self.fail(error);
        }
    }

    /// Gives the buffer back: it is needed while there is something to take.
    pub(super) fn rest(&mut self) {
        self.scratch = Vec::new();
    }

    /// How much there was to take.
    fn try_drain(
        &mut self,
        now: Instant,
        ice: Role,
        counters: &mut Counters,
    ) -> Result<usize, DtlsError> {
        let mut outputs = 0;
        let Some(dtls) = &mut self.dtls else {
            return Ok(outputs);
        };
        while let Some(output) = dtls.poll(&mut self.scratch) {
            outputs += 1;
            match output {
                DtlsOutput::Datagram(datagram) => {
                    if self.version.is_none() {
                        self.suite = cipher::suite(datagram).or(self.suite);
                    }
                    // What is over the bound is lost, as it may be on any network; a flight has a handful.
                    if self.flight.len() < MAX_FLIGHT {
                        self.flight.push_back(datagram.to_vec());
                    }
                }
                DtlsOutput::PeerCertificate(certificate) => {
                    // RFC 8122 §6.2, RFC 8827 §6.5.
                    let is_among =
                        |all: &[Fingerprint]| all.iter().any(|known| known.matches(certificate));
                    if !is_among(&self.fingerprints) {
                        return Err(DtlsError::FingerprintMismatch);
                    }
                    if self.expected.as_ref().is_some_and(|all| !is_among(all)) {
                        return Err(DtlsError::UnexpectedIdentity);
                    }
                    self.verified = Some(certificate.to_vec());
                }
                DtlsOutput::Connected(version) => {
                    if self.verified.is_none() {
                        return Err(DtlsError::FingerprintMismatch);
                    }
                    self.version = Some(version);
                    let opening = Opening::new(now, dtls.role(), ice, version);
                    let config = SctpConfig {
                        max_message_size: self.settings.max_message_size,
                        max_packet: self.settings.mtu - RECORD_OVERHEAD,
                    };
                    self.sctp = Some(Box::new(RtcSctp::new(now, config, opening)));
                    self.signals.push_back(Signal::Secured(version));
                }
                DtlsOutput::Data(packet) => match &mut self.sctp {
                    Some(sctp) => sctp.handle_packet(now, packet),
                    None => counters.ignore(Ignored::Unverified),
                },
                DtlsOutput::Closed => {
                    // What SCTP said before, in a datagram that came together with this one, is told first.
                    let sctp = &mut self.sctp;
                    let said = std::iter::from_fn(|| sctp.as_mut()?.poll_event());
                    self.signals.extend(said.map(Signal::Sctp));
                    self.signals.push_back(Signal::Ended);
                }
            }
        }
        Ok(outputs)
    }

    fn fail(&mut self, error: DtlsError) {
        self.stop();
        self.signals.push_back(Signal::Failed(error));
    }

    /// Ends without a word.
    pub(super) fn stop(&mut self) {
        (self.dtls, self.sctp, self.early) = (None, None, None);
        self.flight.clear();
    }

    /// Says goodbye: an ABORT and a `close_notify`, left to be polled.
    pub(super) fn close(&mut self, now: Instant) {
        if let (Some(dtls), Some(sctp)) = (&mut self.dtls, &mut self.sctp) {
            sctp.abort(now);
            while let Some(packet) = sctp.poll_packet(now) {
                let mut datagram = Vec::new();
                // What cannot be sealed any more need not be sent.
                if self.flight.len() < MAX_FLIGHT && dtls.seal(&packet, &mut datagram).is_ok() {
                    self.flight.push_back(datagram);
                }
            }
        }
        (self.sctp, self.early) = (None, None);
        if let Some(mut dtls) = self.dtls.take() {
            dtls.close();
            while let Some(output) = dtls.poll(&mut self.scratch) {
                if let DtlsOutput::Datagram(datagram) = output {
                    self.flight.push_back(datagram.to_vec());
                }
            }
        }
    }

    pub(super) fn poll_signal(&mut self) -> Option<Signal> {
        let signal = match self.signals.pop_front() {
            Some(signal) => signal,
            None => Signal::Sctp(self.sctp.as_mut()?.poll_event()?),
        };
        match signal {
            Signal::Sctp(SctpEvent::Connected) => self.sctp_is_up = true,
            Signal::Sctp(SctpEvent::Lost) => self.sctp_is_up = false,
            _ => {}
        }
        Some(signal)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(|dtls| dtls.poll_timeout());
        let sctp = self.sctp.as_ref().and_then(|sctp| sctp.poll_timeout());
        dtls.into_iter().chain(sctp).min()
    }

    /// Everything that leaves over the selected pair, as many equal segments at a time as one send may have.
    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        agent: &mut Agent,
        buf: &mut Vec<u8>,
    ) -> Option<Transmit> {
        let headroom = agent.headroom()?;
        let start = buf.len();
        let segment = self.append(now, headroom, buf)?;
        let mut segments = 1;
        while segments < MAX_SEGMENTS && buf.len() - start + segment <= MAX_BATCH {
            let at = buf.len();
            let Some(len) = self.append(now, headroom, buf) else {
                break;
            };
            if len > segment {
                self.flight.push_front(buf[at + headroom..].to_vec());
                buf.truncate(at);
                break;
            }
            segments += 1;
            if len < segment {
                break;
            }
        }
        let transmit = agent.send(&mut buf[start..], (segments > 1).then_some(segment));
        if transmit.is_none() {
            buf.truncate(start);
        }
        transmit
    }

    /// Sends something that SCTP would not, under DTLS.
    #[cfg(test)]
    pub(super) fn inject(&mut self, plaintext: &[u8]) {
        let mut datagram = Vec::new();
        self.dtls
            .as_mut()
            .unwrap()
            .seal(plaintext, &mut datagram)
            .unwrap();
        self.flight.push_back(datagram);
    }

    /// Appends the next datagram behind `headroom` free bytes; returns the length of both.
    fn append(&mut self, now: Instant, headroom: usize, buf: &mut Vec<u8>) -> Option<usize> {
        let start = buf.len();
        if let Some(datagram) = self.flight.pop_front() {
            buf.resize(start + headroom, 0);
            buf.extend_from_slice(&datagram);
            return Some(buf.len() - start);
        }
        let dtls = self.dtls.as_mut()?;
        let packet = self.sctp.as_mut()?.poll_packet(now)?;
        buf.resize(start + headroom, 0);
        if dtls.seal(&packet, buf).is_err() {
            buf.truncate(start);
            return None;
        }
        Some(buf.len() - start)
    }
}

/// What the kernel takes in one send: `UDP_MAX_SEGMENTS` is 64 on older kernels.
const MAX_SEGMENTS: usize = 44;
/// Below what a UDP length field can say.
const MAX_BATCH: usize = 60_000;
/// Datagrams kept that came early: a ClientHello in fragments, twice.
const MAX_EARLY: usize = 8;
/// Handshake datagrams that wait.
const MAX_FLIGHT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_comes_before_there_is_an_answer_a_handful_is_kept_and_the_rest_counted() {
        let settings = Settings {
            max_message_size: 65_536,
            mtu: 1200,
            dtls_timeout: Duration::from_secs(30),
        };
        let mut transport = Transport::new(settings, None);
        let mut counters = Counters::default();
        let now = Instant::now();
        for _ in 0..1000 {
            transport.handle_datagram(now, Role::Controlled, &[22; 1200], &mut counters);
        }
        let refused = counters.ignored(Ignored::UnexpectedDtls);
        assert_eq!(refused, 1000 - MAX_EARLY as u64);
        let certificate = Certificate::generate().unwrap();
        let kept = transport.start(now, &certificate, DtlsRole::Server, Vec::new());
        assert_eq!(kept.unwrap().len(), MAX_EARLY);
    }
}
