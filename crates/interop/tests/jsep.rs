//! Offer and answer with real stacks: our offers answered by them, and theirs by us. Descriptions only: no media flows.
//!
//! Each partner is started once, and goes through all scenarios. What a partner cannot do is listed by name at its test.

use std::process::Command;
use std::time::Duration;

use ieum_ice::{Credentials, Options};
use ieum_interop::{Process, partner};
use ieum_peer::core::jsep::{
    Capabilities, Direction, Local, MediaCapabilities, Negotiator, TrackKind, TransceiverInit,
};
use ieum_peer::core::{SessionDescription, SignalingState};
use ieum_sdp::webrtc::{Codec, Description, RtpMap};
use serde_json::{Value, json};

#[test]
fn chromium() {
    let mut command = partner::node("jsep_browser.mjs");
    command.arg("chromium");
    Partner::start("Chromium", command).run_all(&[]);
}

#[test]
fn firefox() {
    let _ = partner::system("firefox", "firefox-esr");
    let mut command = partner::node("jsep_browser.mjs");
    command.arg("firefox");
    Partner::start("Firefox", command).run_all(&[]);
}

#[test]
fn aiortc() {
    let command = partner::python("crates/interop/partners/jsep_aiortc.py");
    Partner::start("aiortc", command).run_all(&[
        // addTransceiver takes no encodings.
        TheirSimulcast,
        // It answers with the credentials that it had, and has no restartIce.
        OurIceRestart,
        TheirIceRestart,
        // It has no rollback.
        GlareTheyPolite,
        // It wants ICE credentials in a rejected section, too.
        OurStoppedAndRecycled,
    ]);
}

#[test]
fn node_datachannel() {
    let command = partner::node("jsep_datachannel.mjs");
    Partner::start("node-datachannel", command).run_all(&[
        // It offers no encodings by name.
        TheirSimulcast,
        // It refuses other ICE credentials ("Invalid ICE settings from remote SDP"), and cannot change its own.
        OurIceRestart,
        TheirIceRestart,
        // It accepts the section of its track though it is offered as rejected, which RFC 3264 §6 forbids.
        OurStoppedAndRecycled,
    ]);
}

/// The enum and the list of all that it has.
macro_rules! scenarios {
    ($($(#[$note:meta])* $name:ident,)*) => {
        /// What is negotiated, and by whose offer.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        enum Scenario {
            $($(#[$note])* $name,)*
        }

        const ALL: &[Scenario] = &[$($name),*];
    };
}

scenarios! {
    OurData,
    TheirData,
    OurAudioVideoData,
    TheirAudioVideoData,
    OurRecvonly,
    TheirRecvonly,
    TheirSimulcast,
    /// Every partner takes one layer: browsers send simulcast, and none of the four receives it, which is for media servers.
    OurSimulcast,
    OurAddedVideo,
    TheirAddedVideo,
    OurIceRestart,
    TheirIceRestart,
    /// Both have offered; ours gives way.
    GlareWePolite,
    /// Both have offered; theirs gives way.
    GlareTheyPolite,
    /// A section of theirs is rejected, and taken again by our next offer.
    OurStoppedAndRecycled,
}

use Scenario::*;

/// A partner's program.
struct Partner {
    process: Process,
}

impl Partner {
    fn start(name: &str, command: Command) -> Self {
        let mut process = Process::spawn(name, command);
        process.expect("ready", SOON);
        Self { process }
    }

    fn run_all(mut self, unsupported: &[Scenario]) {
        for &scenario in ALL.iter().filter(|it| !unsupported.contains(it)) {
            println!("{scenario:?}");
            self.ask(&json!({ "op": "new" }));
            let mut pair = Pair::new(&mut self);
            pair.run(scenario);
        }
        let status = self.process.finish(SOON);
        assert!(status.success(), "{status}");
    }

    fn ask(&mut self, command: &Value) -> Value {
        self.process.say(&command.to_string());
        let reply = self.process.expect("reply ", SOON);
        let reply: Value = serde_json::from_str(reply.trim_start_matches("reply ")).expect("JSON");
        assert!(reply.get("error").is_none(), "{command} -> {reply}");
        reply
    }
}

/// Our negotiator and the partner's connection.
struct Pair<'p> {
    ours: Negotiator,
    ufrag: &'static str,
    theirs: &'p mut Partner,
}

impl<'p> Pair<'p> {
    fn new(theirs: &'p mut Partner) -> Self {
        Self {
            ours: Negotiator::new(4_611_731_400_430_051_336, capabilities()),
            ufrag: "8hhY",
            theirs,
        }
    }

    fn run(&mut self, scenario: Scenario) {
        match scenario {
            OurData => {
                self.ours.want_data();
                self.we_offer(&["application"]);
            }
            TheirData => {
                self.they("channel");
                self.they_offer(&["application"]);
            }
            OurAudioVideoData => {
                self.we_add(TrackKind::Audio, Direction::SendRecv);
                self.we_add(TrackKind::Video, Direction::SendRecv);
                self.ours.want_data();
                self.we_offer(&["audio", "video", "application"]);
            }
            TheirAudioVideoData => {
                self.they_add("audio", "sendrecv");
                self.they_add("video", "sendrecv");
                self.they("channel");
                self.they_offer(&["audio", "video", "application"]);
            }
            OurRecvonly => {
                self.we_add(TrackKind::Audio, Direction::RecvOnly);
                self.we_add(TrackKind::Video, Direction::RecvOnly);
                self.we_offer(&["audio", "video"]);
            }
            TheirRecvonly => {
                self.they_add("audio", "recvonly");
                self.they_add("video", "recvonly");
                for kind in [TrackKind::Audio, TrackKind::Video] {
                    self.ours.add_track(kind, vec!["ours".into()]).unwrap();
                }
                self.they_offer(&["audio", "video"]);
                let directions = self.ours.transceivers().iter();
                let directions: Vec<_> = directions.map(|it| it.current_direction()).collect();
                assert_eq!(directions, [Some(Direction::SendOnly); 2]);
            }
            TheirSimulcast => self.their_simulcast(),
            OurSimulcast => self.our_simulcast(),
            OurAddedVideo => {
                self.run(OurData);
                self.we_add(TrackKind::Video, Direction::SendRecv);
                self.we_offer(&["application", "video"]);
            }
            TheirAddedVideo => {
                self.run(TheirData);
                self.they_add("video", "sendrecv");
                self.they_offer(&["application", "video"]);
            }
            OurIceRestart => self.our_restart(),
            TheirIceRestart => {
                self.run(TheirData);
                self.they("restart");
                let offer = self.they("offer");
                assert!(self.ours.set_remote(offer).unwrap().restarts_ice);
                self.ufrag = "ETEn";
                self.we_answer(&["application"]);
            }
            GlareWePolite => self.we_give_way(),
            GlareTheyPolite => {
                self.ours.want_data();
                self.they_add("audio", "sendrecv");
                self.they("offer");
                // Their answer to ours takes theirs back; their audio is offered after it.
                self.we_offer(&["application"]);
                self.they_offer(&["application", "audio"]);
            }
            OurStoppedAndRecycled => self.our_recycled(),
        }
    }

    fn their_simulcast(&mut self) {
        let command = json!({ "op": "transceiver", "kind": "video", "direction": "sendonly", "rids": ["h", "l"] });
        self.theirs.ask(&command);
        let offer = self.they("offer");
        let offered = Description::parse(&offer.sdp).unwrap();
        assert!(offered.media[0].simulcast.is_some());
        self.ours.set_remote(offer).unwrap();
        self.we_answer(&["video"]);
        let received = self.ours.transceivers()[0].current_direction();
        assert_eq!(received, Some(Direction::RecvOnly));
    }

    /// Of three layers the first is taken, and stays through another negotiation.
    fn our_simulcast(&mut self) {
        let init = TransceiverInit {
            direction: Direction::SendOnly,
            streams: vec!["ours".into()],
            send_encodings: ["h", "m", "l"].map(Into::into).to_vec(),
        };
        let video = self.ours.add_transceiver(TrackKind::Video, init).unwrap();
        self.we_offer(&["video"]);
        assert_eq!(self.ours.transceivers()[0].send_encodings(), ["h"]);
        self.we_add(TrackKind::Audio, Direction::SendRecv);
        self.we_offer(&["video", "audio"]);
        let video = self.ours.transceiver(video).unwrap();
        assert_eq!(video.send_encodings(), ["h"]);
        assert_eq!(video.current_direction(), Some(Direction::SendOnly));
    }

    fn our_restart(&mut self) {
        self.run(OurAudioVideoData);
        let before = self.their_ufrag();
        self.ours.restart_ice();
        assert!(self.ours.negotiation_needed());
        self.ufrag = "ETEn";
        self.we_offer(&["audio", "video", "application"]);
        assert_ne!(before, self.their_ufrag(), "they restart, too");
    }

    fn we_give_way(&mut self) {
        self.we_add(TrackKind::Audio, Direction::SendRecv);
        let ours = self.with_local(|it, local| it.create_offer(local).unwrap());
        self.ours.set_local(ours).unwrap();
        self.they("channel");
        let offer = self.they("offer");
        assert!(self.ours.set_remote(offer).unwrap().rolled_back);
        self.we_answer(&["application"]);
        assert!(self.ours.negotiation_needed());
        self.we_offer(&["application", "audio"]);
    }

    fn our_recycled(&mut self) {
        self.run(OurAudioVideoData);
        let video = self.ours.transceivers()[1].id();
        self.ours.stop(video).unwrap();
        let answer = self.we_offer(&["audio", "video", "application"]);
        assert!(Description::parse(&answer).unwrap().media[1].is_rejected());
        self.we_add(TrackKind::Audio, Direction::SendRecv);
        self.we_offer(&["audio", "audio", "application"]);
    }

    fn we_add(&mut self, kind: TrackKind, direction: Direction) {
        let streams = vec!["ours".to_owned()];
        let init = TransceiverInit {
            direction,
            streams,
            ..TransceiverInit::default()
        };
        self.ours.add_transceiver(kind, init).unwrap();
    }

    fn they_add(&mut self, kind: &str, direction: &str) {
        self.theirs
            .ask(&json!({ "op": "transceiver", "kind": kind, "direction": direction }));
    }

    /// An operation without arguments; their local description after it, as an offer.
    fn they(&mut self, operation: &str) -> SessionDescription {
        let reply = self.theirs.ask(&json!({ "op": operation }));
        SessionDescription::offer(reply["sdp"].as_str().unwrap_or_default())
    }

    /// A whole negotiation by our offer, which has these sections; their answer.
    fn we_offer(&mut self, sections: &[&str]) -> String {
        let offer = self.with_local(|it, local| it.create_offer(local).unwrap());
        self.ours.set_local(offer.clone()).unwrap();
        let reply = self
            .theirs
            .ask(&json!({ "op": "answer", "sdp": offer.sdp }));
        let answer = reply["sdp"].as_str().unwrap();
        if let Err(error) = self.ours.set_remote(SessionDescription::answer(answer)) {
            panic!("{error}: {answer}");
        }
        self.settled(&reply, sections);
        assert!(!self.ours.negotiation_needed());
        answer.to_owned()
    }

    /// A whole negotiation by their offer, which has these sections.
    fn they_offer(&mut self, sections: &[&str]) {
        let offer = self.they("offer");
        if let Err(error) = self.ours.set_remote(offer.clone()) {
            panic!("{error}: {}", offer.sdp);
        }
        self.we_answer(sections);
    }

    fn we_answer(&mut self, sections: &[&str]) {
        let answer = self.with_local(|it, local| it.create_answer(local, None).unwrap());
        self.ours.set_local(answer.clone()).unwrap();
        let reply = self
            .theirs
            .ask(&json!({ "op": "accept", "sdp": answer.sdp }));
        let rejected = Description::parse(&answer.sdp).unwrap().media;
        assert!(rejected.iter().all(|it| !it.is_rejected()), "{answer:?}");
        self.settled(&reply, sections);
    }

    /// Both are stable, and say the same of every transceiver.
    fn settled(&self, theirs: &Value, sections: &[&str]) {
        assert_eq!(self.ours.signaling_state(), SignalingState::Stable);
        assert_eq!(theirs["state"], "stable");
        let local = self.ours.local_description().unwrap().sdp;
        let local = Description::parse(&local).unwrap();
        let kinds: Vec<_> = local.media.iter().map(|it| it.kind.as_str()).collect();
        assert_eq!(kinds, sections);
        for theirs in theirs["transceivers"].as_array().into_iter().flatten() {
            let mid = theirs["mid"].as_str();
            let mut ours = self.ours.transceivers().iter();
            let Some(ours) = ours.find(|it| mid.is_some() && it.mid() == mid) else {
                continue;
            };
            let direction = ours.current_direction().unwrap().reversed();
            assert_eq!(theirs["direction"], direction.as_str(), "{mid:?}");
        }
    }

    fn their_ufrag(&self) -> String {
        let remote = self.ours.remote_description().unwrap().sdp;
        let remote = Description::parse(&remote).unwrap();
        let mut ice = remote.media.iter().filter_map(|it| it.ice.as_ref());
        ice.next().unwrap().ufrag.to_string()
    }

    fn with_local<T>(&mut self, run: impl FnOnce(&mut Negotiator, &Local<'_>) -> T) -> T {
        let credentials = Credentials {
            ufrag: self.ufrag.to_owned(),
            pwd: format!("asd88fgpdd777uzjYhag{}", self.ufrag),
        };
        let local = Local {
            credentials: &credentials,
            ice: Options {
                pacing: Some(Duration::from_millis(5)),
                ice2: true,
                ..Options::default()
            },
            fingerprint: &[7; 32],
            max_message_size: 262_144,
            candidates: Vec::new(),
            end_of_candidates: false,
        };
        run(&mut self.ours, &local)
    }
}

/// What a WebRTC endpoint has: RFC 7874 §3 and RFC 7742 §5, and VP9.
fn capabilities() -> Capabilities {
    let codec =
        |payload_type, name: &'static str, clock_rate, channels, parameters: &'static str| Codec {
            rtpmap: Some(RtpMap {
                name: name.into(),
                clock_rate,
                channels,
            }),
            parameters: (!parameters.is_empty()).then(|| parameters.into()),
            ..Codec::new(payload_type)
        };
    let mut video = vec![
        codec(96, "VP8", 90_000, None, ""),
        codec(97, "rtx", 90_000, None, "apt=96"),
        codec(98, "VP9", 90_000, None, "profile-id=0"),
        codec(99, "rtx", 90_000, None, "apt=98"),
        codec(
            102,
            "H264",
            90_000,
            None,
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
    ];
    for codec in &mut video {
        if codec.repairs().is_none() {
            codec.feedback = vec!["nack".into(), "nack pli".into(), "ccm fir".into()];
        }
    }
    let extension = |uri: &str| format!("urn:ietf:params:rtp-hdrext:{uri}");
    Capabilities {
        audio: MediaCapabilities {
            codecs: vec![
                codec(111, "opus", 48_000, Some(2), "minptime=10;useinbandfec=1"),
                codec(0, "PCMU", 8_000, None, ""),
                codec(8, "PCMA", 8_000, None, ""),
            ],
            header_extensions: vec![extension("sdes:mid"), extension("ssrc-audio-level")],
        },
        video: MediaCapabilities {
            codecs: video,
            header_extensions: vec![
                extension("sdes:mid"),
                extension("sdes:rtp-stream-id"),
                extension("sdes:repaired-rtp-stream-id"),
                extension("toffset"),
            ],
        },
    }
}

/// More than a browser takes to start on a loaded machine.
const SOON: Duration = Duration::from_secs(60);
