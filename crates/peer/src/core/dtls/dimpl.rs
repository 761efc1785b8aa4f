//! The DTLS trait over `dimpl`: version 1.2 or 1.3, whichever the peer can.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dimpl::{Config, Error as DimplError, Output, ProtocolVersion, UnexpectedMessageError};

use super::numbers;
use super::{Certificate, Dtls, DtlsError, DtlsOutput, DtlsRole, RECORD_OVERHEAD};
use crate::core::transport::Settings;
use crate::core::{DtlsVersion, Error};

/// One association of `dimpl`.
pub(in crate::core) struct DimplDtls {
    inner: dimpl::Dtls,
    role: DtlsRole,
    connected: bool,
    /// Bytes taken before the handshake was done.
    handshake_bytes: usize,
    timeout: Option<Instant>,
    /// A time-out beyond this is none.
    idle: Instant,
    /// What its clock says.
    clock: Instant,
}

impl DimplDtls {
    /// A new association. A client has its ClientHello ready to be polled.
    pub(in crate::core) fn new(
        now: Instant,
        certificate: &Certificate,
        role: DtlsRole,
        settings: Settings,
    ) -> Result<Self, Error> {
        let mut inner = dimpl::Dtls::new_auto(config(settings)?, certificate.inner.clone(), now);
        inner.set_active(role == DtlsRole::Client);
        inner
            .handle_timeout(now)
            .map_err(|_| Error::Crypto("no DTLS endpoint could be made"))?;
        Ok(Self {
            inner,
            role,
            connected: false,
            handshake_bytes: 0,
            timeout: None,
            idle: now + NEVER,
            clock: now,
        })
    }
}

impl Dtls for DimplDtls {
    fn role(&self) -> DtlsRole {
        self.role
    }

    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) -> Result<(), DtlsError> {
        if !self.connected {
            self.handshake_bytes += datagram.len();
            if self.handshake_bytes > MAX_HANDSHAKE {
                return Err(DtlsError::Handshake("it is too long"));
            }
        }
        // Datagrams that came together have one time.
        if self.clock != now || !self.connected {
            self.handle_timeout(now)?;
        }
        match self.inner.handle_packet(datagram) {
            // A client that waits for the first answer calls everything else an error, though it keeps its state: it is
            // somebody's junk, or an answer whose beginning was lost and comes again.
            Err(DimplError::UnexpectedMessage(
                UnexpectedMessageError::UnrecognizedAutoServerResponse,
            )) => Ok(()),
            // What was not taken comes again.
            Err(DimplError::ReceiveQueueFull) => Ok(()),
            other => other.map_err(error),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsError> {
        // Its clock moves only here.
        self.clock = now;
        self.inner.handle_timeout(now).map_err(error)
    }

    fn seal(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<usize, DtlsError> {
        if !self.connected {
            return Err(DtlsError::Handshake("not connected yet"));
        }
        self.inner.send_application_data(plaintext).map_err(error)?;
        let start = out.len();
        let mut room = plaintext.len() + usize::from(RECORD_OVERHEAD);
        loop {
            out.resize(start + room, 0);
            match self.inner.poll_output(&mut out[start..]) {
                Output::Packet(packet) => {
                    let len = packet.len();
                    out.truncate(start + len);
                    return Ok(len);
                }
                Output::BufferTooSmall { needed } => room = needed,
                _ => {
                    out.truncate(start);
                    return Err(DtlsError::Closed);
                }
            }
        }
    }

    fn close(&mut self) {
        // An association that cannot be closed is gone already.
        let _ = self.inner.close();
    }

    fn poll<'b>(&mut self, buf: &'b mut Vec<u8>) -> Option<DtlsOutput<'b>> {
        loop {
            // `dimpl` panics where the peer's certificate is larger than the buffer; it cannot be larger than all that
            // came so far.
            let room = DATAGRAM.max(self.handshake_bytes);
            if buf.len() < room {
                buf.resize(room, 0);
            }
            // What stands in the buffer begins at its start, so that kind and length say it all; a borrow held across
            // the loop would forbid to grow the buffer.
            let (kind, len) = match self.inner.poll_output(buf) {
                Output::Packet(packet) => (Kind::Datagram, packet.len()),
                Output::PeerCert(der) => (Kind::Certificate, der.len()),
                Output::ApplicationData(data) => (Kind::Data, data.len()),
                Output::Connected => {
                    self.connected = true;
                    self.handshake_bytes = 0;
                    return Some(DtlsOutput::Connected(self.version()));
                }
                Output::CloseNotify => return Some(DtlsOutput::Closed),
                Output::Timeout(at) => {
                    self.timeout = (at < self.idle).then_some(at);
                    return None;
                }
                Output::BufferTooSmall { needed } => {
                    buf.resize(needed.max(buf.len() + 1), 0);
                    continue;
                }
                // Keys for SRTP, which a connection without media does not use.
                _ => continue,
            };
            let bytes = &buf[..len];
            return Some(match kind {
                Kind::Datagram => DtlsOutput::Datagram(bytes),
                Kind::Certificate => DtlsOutput::PeerCertificate(bytes),
                Kind::Data => DtlsOutput::Data(bytes),
            });
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timeout
    }
}

enum Kind {
    Datagram,
    Certificate,
    Data,
}

impl DimplDtls {
    fn version(&self) -> DtlsVersion {
        match self.inner.protocol_version() {
            Some(ProtocolVersion::DTLS1_2) => DtlsVersion::V1_2,
            _ => DtlsVersion::V1_3,
        }
    }
}

fn error(error: DimplError) -> DtlsError {
    match error {
        DimplError::Timeout(_) => DtlsError::TimedOut,
        DimplError::ConnectionClosed => DtlsError::Closed,
        DimplError::UnexpectedMessage(_) => DtlsError::Handshake("an unexpected message"),
        DimplError::CryptoError(_) => DtlsError::Handshake("a cryptographic proof is wrong"),
        DimplError::CertificateError(_) => DtlsError::Handshake("the certificate cannot be used"),
        DimplError::SecurityError(_) => {
            DtlsError::Handshake("no common parameters, or an alert of the peer")
        }
        _ => DtlsError::Handshake("the peer's messages cannot be used"),
    }
}

/// One configuration for all with the same settings: making one tests every primitive of the cryptography library, which
/// takes longer than a handshake.
fn config(settings: Settings) -> Result<Arc<Config>, Error> {
    static MADE: Mutex<Vec<(Key, Arc<Config>)>> = Mutex::new(Vec::new());
    let key = Key {
        mtu: MTU.min(usize::from(settings.mtu)),
        retries: retries(settings.dtls_timeout),
    };
    // Nothing panics while it is held.
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, config)) = made.iter().find(|(known, _)| *known == key) {
        return Ok(config.clone());
    }
    let config = Config::builder()
        .with_crypto_provider(numbers::provider())
        .mtu(key.mtu)
        .use_server_cookie(false)
        .flight_start_rto(FLIGHT_RTO)
        .flight_retries(key.retries)
        .handshake_timeout(HANDSHAKE.max(4 * settings.dtls_timeout).min(LONGEST))
        .max_queue_rx(QUEUE)
        .build()
        .map_err(|_| Error::Crypto("no DTLS endpoint could be made"))?;
    let config = Arc::new(config);
    if made.len() == MAX_CONFIGS {
        made.remove(0);
    }
    made.push((key, config.clone()));
    Ok(config)
}

/// What a configuration depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    mtu: usize,
    retries: usize,
}

/// How often a flight is sent again: the time between doubles from [`FLIGHT_RTO`] on.
fn retries(timeout: Duration) -> usize {
    let times = timeout.min(LONGEST).as_millis() / FLIGHT_RTO.as_millis();
    times.max(1).ilog2() as usize
}

/// A buffer for one datagram; it grows where a record is larger.
const DATAGRAM: usize = 2048;
/// The IPv6 minimum of 1280 bytes, less IPv6 and UDP headers and a relay's four bytes, rounded down.
const MTU: usize = 1200;
/// RFC 9147 §5.8.2 recommends 1 s where nothing is known, and less where the round-trip time is: ICE has just measured
/// that the peer answers, and browsers begin with 50 ms.
const FLIGHT_RTO: Duration = Duration::from_millis(250);
/// The whole handshake, however it moves on.
const HANDSHAKE: Duration = Duration::from_secs(40);
/// A time-out beyond an hour is one of an hour.
const LONGEST: Duration = Duration::from_secs(3600);
/// Configurations kept: a program has one or two.
const MAX_CONFIGS: usize = 8;
/// All bytes of a handshake, retransmissions too; one takes about 2 kB a side.
const MAX_HANDSHAKE: usize = 128 * 1024;
/// Datagrams of a handshake that wait for one that is missing.
const QUEUE: usize = 64;
/// `dimpl` answers "in ten years" where it waits for nothing.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a client whose ClientHello nobody answers goes on.
    fn given_up_after(dtls_timeout: Duration) -> Duration {
        let settings = Settings {
            max_message_size: 1,
            mtu: 1200,
            dtls_timeout,
        };
        let certificate = Certificate::generate().unwrap();
        let begun = Instant::now();
        let client = DimplDtls::new(begun, &certificate, DtlsRole::Client, settings);
        let (mut client, mut buf) = (client.unwrap(), Vec::new());
        loop {
            while client.poll(&mut buf).is_some() {}
            let now = client.poll_timeout().expect("it waits for an answer");
            if let Err(error) = client.handle_timeout(now) {
                assert_eq!(error, DtlsError::TimedOut);
                return now - begun;
            }
        }
    }

    #[test]
    fn an_unanswered_handshake_is_given_up_when_the_configuration_says() {
        for seconds in [1, 4, 16] {
            let timeout = Duration::from_secs(seconds);
            let took = given_up_after(timeout);
            // The last flight has its time, too.
            let longest = 5 * timeout / 2;
            assert!(timeout <= took && took <= longest, "{timeout:?}: {took:?}");
        }
    }
}
