//! A NAT laboratory in network namespaces (`netlab/nat.sh`): two hosts behind a NAT each, and a public segment.

use std::fs::File;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use nix::sched::{CloneFlags, setns};

use crate::partner;

/// The laboratory; taken down when dropped. Each has namespaces of its own, so that several can stand at a time.
#[derive(Debug)]
pub struct Lab {
    prefix: String,
}

impl Lab {
    /// Builds it with these NATs before [`Host::One`] and [`Host::Two`].
    ///
    /// # Panics
    /// When a tool is missing or the user is not root.
    #[must_use]
    pub fn up(one: Nat, two: Nat) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        for (partner, program) in [
            ("iproute2", "ip"),
            ("nftables", "nft"),
            ("conntrack", "conntrack"),
        ] {
            let _ = partner::system(partner, program);
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let lab = Self {
            prefix: format!("ieum-{}-{count}", process::id()),
        };
        lab.run(&["up"]);
        lab.set_nats(one, two);
        lab
    }

    /// Puts other NATs before [`Host::One`] and [`Host::Two`]. They know nothing of the connections that were there.
    ///
    /// # Panics
    /// When the lab is broken.
    pub fn set_nats(&self, one: Nat, two: Nat) {
        self.run(&["nat", "1", one.mode()]);
        self.run(&["nat", "2", two.mode()]);
    }

    /// `program` in the namespace of `host`.
    #[must_use]
    pub fn command(&self, host: Host, program: &std::path::Path) -> Command {
        self.inside(host, &Command::new(program))
    }

    /// A program with its arguments, in the namespace of `host`.
    #[must_use]
    pub fn inside(&self, host: Host, program: &Command) -> Command {
        let namespace = format!("{}-{}", self.prefix, host.namespace());
        let mut command = partner::system("iproute2", "ip");
        command
            .args(["netns", "exec", &namespace])
            .arg(program.get_program())
            .args(program.get_args());
        command
    }

    /// Runs `work` in a thread whose sockets, and those of the threads that it starts, are in the namespace of `host`.
    ///
    /// # Panics
    /// In the thread, when the namespace cannot be entered.
    pub fn spawn<T: Send + 'static>(
        &self,
        host: Host,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let namespace = format!("/var/run/netns/{}-{}", self.prefix, host.namespace());
        thread::spawn(move || {
            let namespace = File::open(namespace).expect("the laboratory stands");
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("the user is root");
            work()
        })
    }

    /// Lets no UDP out of the network of host one or two.
    ///
    /// # Panics
    /// For [`Host::Public`], which has no router.
    pub fn block_udp(&self, host: Host) {
        let number = match host {
            Host::One => "1",
            Host::Two => "2",
            Host::Public => panic!("the public segment has no router"),
        };
        self.run(&["udp", number, "block"]);
    }

    fn run(&self, arguments: &[&str]) {
        let output = self
            .script()
            .args(arguments)
            .output()
            .expect("bash can be started");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "netlab/nat.sh {arguments:?} (it needs root): {error}"
        );
    }

    fn script(&self) -> Command {
        let mut command = Command::new("bash");
        command
            .arg(partner::folder().join("netlab/nat.sh"))
            .env("LAB", &self.prefix);
        command
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.script().arg("down").status();
    }
}

/// A place in the laboratory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Host {
    /// 10.1.0.2, behind the NAT 203.0.113.1.
    One,
    /// 10.2.0.2, behind the NAT 203.0.113.2.
    Two,
    /// 203.0.113.10 and 203.0.113.11, before no NAT.
    Public,
}

impl Host {
    fn namespace(self) -> &'static str {
        match self {
            Self::One => "h1",
            Self::Two => "h2",
            Self::Public => "pub",
        }
    }
}

/// How a NAT maps and filters (RFC 4787 §4.1 and §5).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nat {
    /// Endpoint-independent mapping and filtering.
    FullCone,
    /// Endpoint-independent mapping, address-dependent filtering.
    AddressRestricted,
    /// Endpoint-independent mapping, address- and port-dependent filtering.
    PortRestricted,
    /// Address- and port-dependent mapping and filtering.
    Symmetric,
    /// All that comes for the public address goes to the host, TCP too: what a cloud puts before a machine.
    OneToOne,
}

impl Nat {
    /// Those that RFC 4787 tells apart.
    pub const ALL: [Self; 4] = [
        Self::FullCone,
        Self::AddressRestricted,
        Self::PortRestricted,
        Self::Symmetric,
    ];

    /// Whether hole punching can work between two of them, where each side knows the other's address as a server sees it
    /// and a check must be answered from where it was sent to (RFC 8445 §7.2.5.2.1): not where the packets of a symmetric
    /// one come from a port that the other one, filtering by ports, has never sent to.
    #[must_use]
    pub fn has_direct_path(self, other: Self) -> bool {
        let filters_ports = |nat| matches!(nat, Self::PortRestricted | Self::Symmetric);
        !(self == Self::Symmetric && filters_ports(other)
            || other == Self::Symmetric && filters_ports(self))
    }

    fn mode(self) -> &'static str {
        match self {
            Self::FullCone => "fullcone",
            Self::AddressRestricted => "addr",
            Self::PortRestricted => "port",
            Self::Symmetric => "symmetric",
            Self::OneToOne => "onetoone",
        }
    }
}
