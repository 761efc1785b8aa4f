//! Clients, a server and a peer on a virtual network.

mod allocating;
mod nodes;
mod relaying;
