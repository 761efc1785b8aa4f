//! The client, against a server that is written out here.

mod answers;
mod bench;
mod credentials;
mod families;
mod peers;
mod recovery;
mod streams;
