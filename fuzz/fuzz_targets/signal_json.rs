//! Frames of signaling, bodies, and MQTT topics: whatever is read is written and read again as the same.
#![no_main]

use ieum_signaling::Signal;
use ieum_signaling::protocol::{ClientFrame, ServerFrame, mqtt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(frame) = ClientFrame::parse(text) {
        let written = frame.to_json();
        let again = ClientFrame::parse(&written).expect("a frame of ours is one");
        assert_eq!(again.to_json(), written);
    }
    if let Ok(frame) = ServerFrame::parse(text) {
        let written = frame.to_json();
        let again = ServerFrame::parse(&written).expect("a frame of ours is one");
        assert_eq!(again.to_json(), written);
    }
    if let Ok(body) = serde_json::from_str(text) {
        let signal = Signal::from_body(body);
        let again = Signal::from_body(signal.clone().into_body());
        assert_eq!(again, signal);
    }
    if let Some(topic) = mqtt::read(mqtt::PREFIX, text)
        && let mqtt::Topic::To { room, peer } = &topic
    {
        let written = mqtt::Topics::new(mqtt::PREFIX, room).to(peer);
        assert_eq!(mqtt::read(mqtt::PREFIX, &written), Some(topic));
    }
});
