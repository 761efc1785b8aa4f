//! Sessions and descriptions.

use ieum_sdp::webrtc::Description;
use ieum_sdp::{Limits, Session};

use crate::{count, print};

pub(crate) fn table() {
    for (name, text) in [("audio-video-data", LARGE), ("data", SMALL)] {
        println!(
            "\n| {name}, {} bytes | allocations |\n|---|---|",
            text.len()
        );
        print("ieum-sdp session", || {
            Session::parse(text).unwrap().lines().len()
        });
        print("ieum-sdp description", || {
            Description::parse(text).unwrap().media.len()
        });
        #[cfg(feature = "rivals-sdp")]
        rivals(text);
    }
    println!();
    let lengths = [10, 100, 10_000, 1_000_000];
    let most = lengths.map(|lines| {
        let text = format!("v=0\r\n{}", "m=audio 9 RTP/AVP 0\na=x\r".repeat(lines / 2));
        let mut limits = Limits::default();
        (limits.lines, limits.media) = (usize::MAX, usize::MAX);
        count(|| Session::parse_with(&text, &limits).unwrap().lines().len())
    });
    println!("a lossless parse of {lengths:?} lines allocates {most:?} times (promised at most 4)");
    assert!(most.into_iter().all(|count| count <= 4));
}

const LARGE: &str =
    include_str!("../../crates/sdp/tests/samples/browsers/chromium-156-audio-video-data-offer.sdp");
const SMALL: &str =
    include_str!("../../crates/sdp/tests/samples/browsers/chromium-156-data-offer.sdp");

#[cfg(feature = "rivals-sdp")]
fn rivals(text: &str) {
    use std::io::Cursor;
    print("sdp", || {
        let session = sdp::SessionDescription::unmarshal(&mut Cursor::new(text));
        session.unwrap().media_descriptions.len()
    });
    print("rtc-sdp", || {
        let session = rtc_sdp::SessionDescription::unmarshal(&mut Cursor::new(text));
        session.unwrap().media_descriptions.len()
    });
    print("webrtc-sdp", || {
        webrtc_sdp::parse_sdp(text, false).unwrap().media.len()
    });
    print("sdp-types", || {
        let session = sdp_types::Session::parse(text.as_bytes());
        session.unwrap().medias.len()
    });
}
