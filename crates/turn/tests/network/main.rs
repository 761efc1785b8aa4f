//! Clients, a server and a peer on a virtual network.

mod allocating;
mod hardship;
mod nodes;
mod relaying;
