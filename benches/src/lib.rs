//! Benchmarks of ieum.
