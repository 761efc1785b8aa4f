//! What a configuration says to the core; the rest is the driver's.

use crate::core::{self, Certificate};
use crate::runtime::{Configuration, Error, IceTransportPolicy, RtcpMuxPolicy};

/// The core's part, and what is left.
pub(super) fn core(
    mut configuration: Configuration,
) -> Result<(core::Config, Configuration), Error> {
    if configuration.rtcp_mux_policy == RtcpMuxPolicy::Negotiate {
        return Err(Error::NotSupported("RTCP has no port of its own"));
    }
    let seed = match configuration.seed.take() {
        Some(seed) => seed,
        None => random_seed()?,
    };
    let certificate = match configuration.certificate.take() {
        Some(certificate) => certificate,
        None => Certificate::generate()?,
    };
    let mut config = core::Config::new(seed, certificate);
    config.transport_policy = match configuration.ice_transport_policy {
        IceTransportPolicy::All => ieum_ice::TransportPolicy::All,
        IceTransportPolicy::Relay => ieum_ice::TransportPolicy::Relay,
    };
    config.ice_lite = configuration.ice_lite;
    config.renomination = configuration.renomination;
    config.hide_host_addresses = configuration.hide_host_addresses;
    config.address_mappings = std::mem::take(&mut configuration.address_mappings);
    config.timing = configuration.timing.clone();
    config.ice_candidate_pool_size = configuration.ice_candidate_pool_size;
    config.mtu = configuration.mtu;
    config.dtls_timeout = configuration.dtls_timeout;
    config.close_timeout = configuration.close_timeout;
    config.max_message_size = configuration.max_message_size;
    config.expected_fingerprints = configuration.expected_fingerprints.take();
    config.observer = configuration.observer.take();
    Ok((config, configuration))
}

fn random_seed() -> Result<[u8; 32], Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| Error::NoRandomness)?;
    Ok(seed)
}
