//! A virtual network with a virtual clock, for tests
