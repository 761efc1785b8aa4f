//! Names of candidates by multicast DNS (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates): asks for the peer's, and answers
//! for ours.
//!
//! It is as much of mDNS as candidates need: the address of one name, no services, no cache. Names are random, so that nobody
//! else has them and nobody has asked before they are signaled: there is no probing (RFC 6762 §8.1) and no announcement (§8.3),
//! which would only delay the first answer, for a record is told once a second (§6). A question for a unicast answer gets a multicast one, for on one port
//! several programs of a host may listen, and only one of them would hear it. It believes only who is on a link of ours
//! (§11), and looks up only names as peers make them up: a random one under `.local`. So a peer that is told by its signaling
//! to look for `printer.local` does not.
//!
//! The machine knows links by their number; its owner sends what it gives on that link, and tells from where a datagram came.

mod message;

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use message::Message;

/// A machine for the names of one connection.
#[derive(Debug)]
pub struct Mdns {
    links: Vec<Link>,
    ours: Vec<Ours>,
    asked: Vec<Asked>,
    packets: VecDeque<Packet>,
    found: VecDeque<Found>,
    ignored: [u64; MdnsIgnored::ALL.len()],
}

/// A link of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Our address on it, which says the family that is spoken on it.
    pub ip: IpAddr,
    /// How many of its first bits all addresses on the link share.
    pub prefix: u8,
    /// What the system calls it, for link-local addresses.
    pub index: u32,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// On which link, by its place in what [`Mdns::new`] was given.
    pub link: usize,
    /// A multicast group, or who has asked as plain DNS does.
    pub to: SocketAddr,
    /// The message.
    pub payload: Vec<u8>,
}

/// What became of a name of the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As it was asked for.
    pub name: String,
    /// `None`: nobody has answered.
    pub ip: Option<IpAddr>,
}

/// Why a datagram, or a name, was ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MdnsIgnored {
    /// It came from none of our links, or from a port that answers do not come from (RFC 6762 §6, §11).
    OffLink,
    /// No DNS message, or of a kind that mDNS does not have.
    Malformed,
    /// Of other names: most of what is on a link.
    OtherName,
    /// An address that no host has.
    UnusableAddress,
    /// More names or messages than are kept.
    Limit,
}

impl MdnsIgnored {
    /// All reasons, in order.
    pub const ALL: [Self; 5] = [
        Self::OffLink,
        Self::Malformed,
        Self::OtherName,
        Self::UnusableAddress,
        Self::Limit,
    ];
}

/// A name of ours.
#[derive(Debug)]
struct Ours {
    name: String,
    ip: IpAddr,
    /// For each link.
    telling: Vec<Telling>,
}

/// What is told of a name on a link, and when.
#[derive(Debug, Clone, Copy, Default)]
struct Telling {
    last: Option<Instant>,
    due: Option<Instant>,
}

/// A name of the peer.
#[derive(Debug)]
struct Asked {
    name: String,
    key: String,
    questions: [Vec<u8>; 2],
    due: Instant,
    /// Before the next question.
    wait: Duration,
    left: u8,
}

impl Mdns {
    /// A machine on these links.
    #[must_use]
    pub fn new(links: Vec<Link>) -> Self {
        Self {
            links,
            ours: Vec::new(),
            asked: Vec::new(),
            packets: VecDeque::new(),
            found: VecDeque::new(),
            ignored: Default::default(),
        }
    }

    /// Whether a candidate's name is one that peers make up for mDNS: a UUID and `.local`
    /// (draft-ietf-mmusic-mdns-ice-candidates §3.1.1).
    #[must_use]
    pub fn is_candidate_name(name: &str) -> bool {
        let Some((label, domain)) = name.split_once('.') else {
            return false;
        };
        let uuid = |(at, byte): (usize, u8)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        domain.eq_ignore_ascii_case("local")
            && label.len() == 36
            && label.bytes().enumerate().all(uuid)
    }

    /// How often something was ignored, for this reason.
    #[must_use]
    pub fn ignored(&self, reason: MdnsIgnored) -> u64 {
        self.ignored[reason as usize]
    }

    /// Whether there is nothing to ask or to answer for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.ours.is_empty() && self.asked.is_empty()
    }

    /// Takes a datagram that came to port 5353.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some(link) = self.links.iter().position(|link| link.has(from)) else {
            return self.ignore(MdnsIgnored::OffLink);
        };
        match message::read(datagram) {
            None => self.ignore(MdnsIgnored::Malformed),
            Some(Message::Query { id, names }) => {
                for name in names {
                    self.answer(now, link, from, id, &name);
                }
            }
            // RFC 6762 §6: answers come from the port that they go to.
            Some(Message::Response(_)) if from.port() != PORT => self.ignore(MdnsIgnored::OffLink),
            Some(Message::Response(records)) => {
                for (name, ip) in records {
                    self.learn(&name, ip);
                }
            }
        }
        self.handle_timeout(now);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for at in 0..self.ours.len() {
            self.tell(now, at);
        }
        for at in 0..self.asked.len() {
            self.ask(now, at);
        }
        let over = |asked: &Asked| asked.left == 0 && asked.due <= now;
        while let Some(at) = self.asked.iter().position(over) {
            let name = self.asked.swap_remove(at).name;
            self.found.push_back(Found { name, ip: None });
        }
    }

    /// Looks for a name of the peer. It is asked for three times, over three seconds, and given up after four more.
    pub fn resolve(&mut self, now: Instant, name: &str) {
        let key = name.to_ascii_lowercase();
        if self.asked.iter().any(|asked| asked.key == key) {
            return;
        }
        let questions = message::questions(name).filter(|_| self.asked.len() < MAX_NAMES);
        let Some(questions) = questions else {
            return self.ignore(MdnsIgnored::Limit);
        };
        self.asked.push(Asked {
            name: name.to_owned(),
            key,
            questions,
            due: now,
            wait: SECOND,
            left: QUESTIONS,
        });
        self.handle_timeout(now);
    }

    /// Answers for a name of ours from now on.
    pub fn register(&mut self, name: &str, ip: IpAddr) {
        let name = name.to_ascii_lowercase();
        if self.ours.len() >= MAX_NAMES || self.ours.iter().any(|ours| ours.name == name) {
            return self.ignore(MdnsIgnored::Limit);
        }
        self.ours.push(Ours {
            name,
            ip,
            telling: vec![Telling::default(); self.links.len()],
        });
    }

    /// Ends: nothing is looked for any more, and our names are taken back (RFC 6762 §10.1).
    pub fn close(&mut self) {
        self.asked.clear();
        for ours in std::mem::take(&mut self.ours) {
            for (link, telling) in ours.telling.iter().enumerate() {
                // Where nobody was told there is nobody to tell.
                if telling.last.is_some() {
                    let goodbye = message::response(&ours.name, ours.ip, 0);
                    self.multicast(link, goodbye);
                }
            }
        }
    }

    /// The next message to send.
    pub fn poll_packet(&mut self) -> Option<Packet> {
        self.packets.pop_front()
    }

    /// The next name that was found, or given up.
    pub fn poll_found(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None`: there is nothing to wait for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let asked = self.asked.iter().map(|asked| asked.due);
        let telling = self.ours.iter().flat_map(|ours| &ours.telling);
        asked.chain(telling.filter_map(|it| it.due)).min()
    }

    fn answer(&mut self, now: Instant, link: usize, from: SocketAddr, id: u16, name: &str) {
        let Some(ours) = self.ours.iter_mut().find(|ours| ours.name == name) else {
            return self.ignore(MdnsIgnored::OtherName);
        };
        if from.port() != PORT {
            let response = message::legacy_response(id, name, ours.ip);
            return self.send(link, from, response);
        }
        let telling = &mut ours.telling[link];
        // RFC 6762 §6: on one link not more often than once a second.
        let earliest = telling.last.map_or(now, |last| now.max(last + SECOND));
        telling.due = Some(telling.due.map_or(earliest, |due| due.min(earliest)));
    }

    fn learn(&mut self, name: &str, ip: IpAddr) {
        let Some(at) = self.asked.iter().position(|asked| asked.key == name) else {
            return self.ignore(MdnsIgnored::OtherName);
        };
        if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return self.ignore(MdnsIgnored::UnusableAddress);
        }
        // One address for each name: the first.
        let name = self.asked.swap_remove(at).name;
        let ip = Some(ip);
        self.found.push_back(Found { name, ip });
    }

    fn tell(&mut self, now: Instant, at: usize) {
        for link in 0..self.links.len() {
            let ours = &mut self.ours[at];
            let telling = &mut ours.telling[link];
            if telling.due.is_none_or(|due| due > now) {
                continue;
            }
            (telling.last, telling.due) = (Some(now), None);
            let response = message::response(&ours.name, ours.ip, TTL);
            self.multicast(link, response);
        }
    }

    fn ask(&mut self, now: Instant, at: usize) {
        let asked = &mut self.asked[at];
        if asked.due > now || asked.left == 0 {
            return;
        }
        asked.left -= 1;
        asked.due = now + asked.wait;
        // RFC 6762 §5.2: a second at first, and each time at least twice as long.
        asked.wait *= 2;
        for question in asked.questions.clone() {
            for link in 0..self.links.len() {
                self.multicast(link, Some(question.clone()));
            }
        }
    }

    fn multicast(&mut self, link: usize, payload: Option<Vec<u8>>) {
        let to = match self.links[link].ip {
            IpAddr::V4(_) => (GROUP_V4, PORT).into(),
            IpAddr::V6(_) => (GROUP_V6, PORT).into(),
        };
        self.send(link, to, payload);
    }

    fn send(&mut self, link: usize, to: SocketAddr, payload: Option<Vec<u8>>) {
        match payload {
            Some(payload) if self.packets.len() < MAX_PACKETS => {
                self.packets.push_back(Packet { link, to, payload });
            }
            _ => self.ignore(MdnsIgnored::Limit),
        }
    }

    fn ignore(&mut self, reason: MdnsIgnored) {
        self.ignored[reason as usize] += 1;
    }
}

impl Link {
    /// Whether who sends from this address is on the link (RFC 6762 §11).
    fn has(&self, from: SocketAddr) -> bool {
        match (self.ip, from) {
            (IpAddr::V4(ours), SocketAddr::V4(from)) => {
                let differ = u32::from(ours) ^ u32::from(*from.ip());
                differ.leading_zeros() >= u32::from(self.prefix.min(32))
            }
            (IpAddr::V6(ours), SocketAddr::V6(from)) => {
                let differ = u128::from(ours) ^ u128::from(*from.ip());
                let shared = differ.leading_zeros() >= u32::from(self.prefix.min(128));
                shared || from.ip().is_unicast_link_local() && from.scope_id() == self.index
            }
            _ => false,
        }
    }
}

/// RFC 6762 §3.
pub const PORT: u16 = 5353;
/// RFC 6762 §3.
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
/// RFC 6762 §3.
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
/// RFC 6762 §10: of records that a host's address is in.
const TTL: u32 = 120;
const SECOND: Duration = Duration::from_secs(1);
/// After the last one and the wait that follows it the name is given up.
const QUESTIONS: u8 = 3;
/// Names of either side. A browser has one for each of its addresses.
const MAX_NAMES: usize = 32;
/// Messages that wait to be sent.
const MAX_PACKETS: usize = 1024;

#[cfg(test)]
mod tests;
