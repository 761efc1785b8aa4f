//! `get_stats`.

use sha2::{Digest, Sha256};

use super::{Connection, Ending};
use crate::core::ConnectionState;
use crate::core::stats::{
    CandidatePairStats, CandidateStats, CertificateStats, DataChannelStats, LOCAL_CERTIFICATE_ID,
    REMOTE_CERTIFICATE_ID, Side, Stats, TRANSPORT_ID, TransportStats,
};

impl Connection {
    /// What is known of the connection (W3C getStats).
    #[must_use]
    pub fn stats(&self) -> Stats {
        let report = self.agent.report();
        let candidate_pairs = report.pairs.iter().map(CandidatePairStats::new).collect();
        let selected = report.pairs.iter().find(|pair| pair.selected);
        let local = self.agent.local_candidates();
        let remote = self.agent.remote_candidates();
        Stats {
            peer_connection: self.traffic.channels,
            transport: self.transport_stats(selected.map(|pair| CandidatePairStats::new(pair).id)),
            candidate_pairs,
            local_candidates: local
                .map(|it| CandidateStats::new(Side::Local, it))
                .collect(),
            remote_candidates: remote
                .map(|it| CandidateStats::new(Side::Remote, it))
                .collect(),
            certificates: self.certificate_stats(),
            data_channels: self.channel_stats(),
        }
    }

    fn transport_stats(&self, selected_candidate_pair_id: Option<String>) -> TransportStats {
        let remote = self.transport.remote_certificate();
        TransportStats {
            id: TRANSPORT_ID.to_owned(),
            packets_sent: self.traffic.packets_sent,
            packets_received: self.traffic.packets_received,
            bytes_sent: self.traffic.bytes_sent,
            bytes_received: self.traffic.bytes_received,
            ice_role: self.agent.role(),
            ice_local_username_fragment: self.agent.local_credentials().ufrag.clone(),
            ice_state: self.ice_connection_state(),
            dtls_state: self.dtls_state(),
            dtls_role: self.transport.role(),
            tls_version: self.transport.version(),
            dtls_cipher: self.transport.cipher(),
            selected_candidate_pair_id,
            selected_candidate_pair_changes: self.traffic.pair_changes,
            local_certificate_id: LOCAL_CERTIFICATE_ID.to_owned(),
            remote_certificate_id: remote.map(|_| REMOTE_CERTIFICATE_ID.to_owned()),
        }
    }

    fn dtls_state(&self) -> ConnectionState {
        match self.ending {
            Ending::Leaving | Ending::Closed => ConnectionState::Closed,
            _ if self.dtls_failed => ConnectionState::Failed,
            _ if self.transport.version().is_some() => ConnectionState::Connected,
            _ if self.transport.role().is_some() => ConnectionState::Connecting,
            _ => ConnectionState::New,
        }
    }

    fn certificate_stats(&self) -> Vec<CertificateStats> {
        let ours = (LOCAL_CERTIFICATE_ID, Some(self.certificate.der()));
        let theirs = (REMOTE_CERTIFICATE_ID, self.transport.remote_certificate());
        let known = [ours, theirs].into_iter();
        let known = known.filter_map(|(id, der)| der.map(|der| (id, der)));
        let stats = known.map(|(id, der)| CertificateStats {
            id: id.to_owned(),
            fingerprint: Sha256::digest(der).to_vec(),
            fingerprint_algorithm: "sha-256",
            der: der.to_vec(),
        });
        stats.collect()
    }

    fn channel_stats(&self) -> Vec<DataChannelStats> {
        let stats = self.channels.iter().map(|(id, channel)| DataChannelStats {
            id: format!("D{}", id.0),
            label: channel.open.label.clone(),
            protocol: channel.open.protocol.clone(),
            data_channel_identifier: channel.stream,
            state: channel.state,
            messages_sent: channel.traffic.messages_sent,
            bytes_sent: channel.traffic.bytes_sent,
            messages_received: channel.traffic.messages_received,
            bytes_received: channel.traffic.bytes_received,
        });
        stats.collect()
    }
}
