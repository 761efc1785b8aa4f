//! The server's answers, one request at a time.

mod allocating;
mod bench;
mod binding;
mod credentials;
mod families;
mod limits;
mod mobility;
mod relaying;
mod running;
mod streams;
mod tcp_relays;
mod workers;
