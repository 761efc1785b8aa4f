//! Candidate lines.

use ieum_candidate::CandidateLine;

use crate::{count, print};

pub(crate) fn table() {
    for (name, line) in LINES {
        println!("\n| candidate line, {name} | allocations |\n|---|---|");
        print("ieum-candidate, view", || {
            CandidateLine::parse(line).unwrap()
        });
        print("ieum-candidate, value", || {
            CandidateLine::parse(line).unwrap().to_owned()
        });
        #[cfg(feature = "rivals-ice")]
        rivals(line);
        let view = count(|| CandidateLine::parse(line).unwrap());
        assert_eq!(view, 0, "promised: none");
    }
}

const LINES: [(&str, &str); 4] = [
    (
        "host",
        "candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0 network-id 1 network-cost 10",
    ),
    (
        "srflx",
        "candidate:1853887674 1 udp 1686052607 47.61.61.61 36768 typ srflx raddr 192.168.0.196 rport 36768 generation 0 network-id 1 network-cost 10",
    ),
    (
        "IPv6 relay",
        "candidate:1 1 udp 41885695 2001:db8::7 50000 typ relay raddr 2001:db8::2 rport 46243 generation 0",
    ),
    (
        "TCP",
        "candidate:2 1 tcp 1518214911 192.168.0.196 9 typ host tcptype active generation 0",
    ),
];

#[cfg(feature = "rivals-ice")]
fn rivals(line: &str) {
    use std::str::FromStr;
    let bare = line.trim_start_matches("candidate:");
    let attribute = format!("a={line}");
    print("is", || is::Candidate::from_sdp_string(line).ok());
    print("rice-proto", || {
        rice_proto::candidate::Candidate::from_str(&attribute).ok()
    });
    print("rtc-ice", || {
        rtc_ice::candidate::unmarshal_candidate(bare).ok()
    });
    print("webrtc-ice", || {
        webrtc_ice::candidate::candidate_base::unmarshal_candidate(bare).ok()
    });
}
