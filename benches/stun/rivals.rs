//! The rivals' codecs.

use crate::codec::{Check, Codec, ID, PASSWORD, PRIORITY, TIE_BREAKER, USERNAME};

pub(crate) struct Is {
    id: is::stun::TransId,
    buffer: [u8; 128],
}

impl Is {
    fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
        use is::Sha1HmacProvider;
        is::DefaultSha1HmacProvider.sha1_hmac(key, parts)
    }

    fn read(message: &is::stun::StunMessage<'_>) -> Option<Check> {
        Some(Check {
            username: message.username()?.len(),
            priority: message.prio()?,
            tie_breaker: message.ice_controlling()?,
        })
    }
}

impl Codec for Is {
    const NAME: &str = "is 0.12 (no fingerprint check)";

    fn new() -> Self {
        Self {
            id: is::stun::TransId::new(),
            buffer: [0; 128],
        }
    }

    fn build(&mut self) -> &[u8] {
        let request = is::stun::StunMessage::binding_request(
            USERNAME,
            self.id,
            true,
            TIE_BREAKER,
            PRIORITY,
            false,
        );
        let password = Some(PASSWORD.as_bytes());
        let len = request.to_bytes(password, &mut self.buffer, Self::hmac);
        &self.buffer[..len.unwrap()]
    }

    fn parse(&self, datagram: &[u8]) -> Option<Check> {
        Self::read(&is::stun::StunMessage::parse(datagram).ok()?)
    }

    fn verify(&self, datagram: &[u8]) -> Option<Check> {
        let message = is::stun::StunMessage::parse(datagram).ok()?;
        message
            .verify(PASSWORD.as_bytes(), Self::hmac)
            .then(|| Self::read(&message))?
    }
}

pub(crate) struct StunTypes {
    key: stun_types::message::IntegrityKey,
    buffer: [u8; 128],
}

impl StunTypes {
    fn read(message: &stun_types::message::Message<'_>) -> Option<Check> {
        use rice_stun_types::attribute::{IceControlling, Priority};
        use stun_types::attribute::Username;
        Some(Check {
            username: message.attribute::<Username>().ok()?.username().len(),
            priority: message.attribute::<Priority>().ok()?.priority(),
            tie_breaker: message.attribute::<IceControlling>().ok()?.tie_breaker(),
        })
    }
}

impl Codec for StunTypes {
    const NAME: &str = "stun-types 2.0";

    fn new() -> Self {
        use stun_types::message::{
            IntegrityAlgorithm, MessageIntegrityCredentials, ShortTermCredentials,
        };
        let password = ShortTermCredentials::new(PASSWORD.to_owned());
        let credentials = MessageIntegrityCredentials::ShortTerm(password);
        Self {
            key: credentials.make_key(IntegrityAlgorithm::Sha1),
            buffer: [0; 128],
        }
    }

    fn build(&mut self) -> &[u8] {
        use rice_stun_types::attribute::{IceControlling, Priority};
        use stun_types::attribute::Username;
        use stun_types::message::{BINDING, IntegrityAlgorithm, Message, MessageWriteMutSlice};
        use stun_types::prelude::*;
        let out = MessageWriteMutSlice::new(&mut self.buffer);
        let mut builder = Message::builder_request(BINDING, out);
        let username = Username::new(USERNAME).unwrap();
        builder.add_attribute(&username).unwrap();
        builder.add_attribute(&Priority::new(PRIORITY)).unwrap();
        let role = IceControlling::new(TIE_BREAKER);
        builder.add_attribute(&role).unwrap();
        builder
            .add_message_integrity_with_key(&self.key, IntegrityAlgorithm::Sha1)
            .unwrap();
        builder.add_fingerprint().unwrap();
        let len = builder.finish();
        &self.buffer[..len]
    }

    fn parse(&self, datagram: &[u8]) -> Option<Check> {
        Self::read(&stun_types::message::Message::from_bytes(datagram).ok()?)
    }

    fn verify(&self, datagram: &[u8]) -> Option<Check> {
        let message = stun_types::message::Message::from_bytes(datagram).ok()?;
        message.validate_integrity_with_key(&self.key).ok()?;
        Self::read(&message)
    }
}

pub(crate) struct Stun {
    integrity: stun::integrity::MessageIntegrity,
    message: stun::message::Message,
}

impl Stun {
    fn decode(datagram: &[u8]) -> Option<stun::message::Message> {
        let mut message = stun::message::Message::new();
        message.unmarshal_binary(datagram).ok()?;
        stun::fingerprint::FINGERPRINT.check(&message).ok()?;
        Some(message)
    }

    fn read(message: &stun::message::Message) -> Option<Check> {
        use stun::message::Getter;
        let mut priority = webrtc_ice::priority::PriorityAttr::default();
        let mut role = webrtc_ice::control::AttrControlling::default();
        priority.get_from(message).ok()?;
        role.get_from(message).ok()?;
        let kind = stun::attributes::ATTR_USERNAME;
        let username = stun::textattrs::TextAttribute::get_from_as(message, kind).ok()?;
        Some(Check {
            username: username.text.len(),
            priority: priority.0,
            tie_breaker: role.0,
        })
    }
}

impl Codec for Stun {
    const NAME: &str = "stun 0.17";

    fn new() -> Self {
        let password = PASSWORD.to_owned();
        Self {
            integrity: stun::integrity::MessageIntegrity::new_short_term_integrity(password),
            message: stun::message::Message::new(),
        }
    }

    fn build(&mut self) -> &[u8] {
        let kind = stun::attributes::ATTR_USERNAME;
        let username = stun::textattrs::Username::new(kind, USERNAME.to_owned());
        self.message = stun::message::Message::new();
        self.message
            .build(&[
                Box::new(stun::message::BINDING_REQUEST),
                Box::new(stun::agent::TransactionId(ID)),
                Box::new(username),
                Box::new(webrtc_ice::priority::PriorityAttr(PRIORITY)),
                Box::new(webrtc_ice::control::AttrControlling(TIE_BREAKER)),
                Box::new(self.integrity.clone()),
                Box::new(stun::fingerprint::FINGERPRINT),
            ])
            .unwrap();
        &self.message.raw
    }

    fn parse(&self, datagram: &[u8]) -> Option<Check> {
        Self::read(&Self::decode(datagram)?)
    }

    fn verify(&self, datagram: &[u8]) -> Option<Check> {
        let mut message = Self::decode(datagram)?;
        self.integrity.check(&mut message).ok()?;
        Self::read(&message)
    }
}

pub(crate) struct RtcStun {
    provider: std::sync::Arc<dyn rtc_crypto::RTCCryptoProvider>,
    message: rtc_stun::message::Message,
}

impl RtcStun {
    fn decode(datagram: &[u8]) -> Option<rtc_stun::message::Message> {
        let mut message = rtc_stun::message::Message::new();
        message.unmarshal_binary(datagram).ok()?;
        rtc_stun::fingerprint::FINGERPRINT.check(&message).ok()?;
        Some(message)
    }

    fn read(message: &rtc_stun::message::Message) -> Option<Check> {
        use rtc_stun::message::Getter;
        let mut priority = rtc_ice::attributes::priority::PriorityAttr::default();
        let mut role = rtc_ice::attributes::control::AttrControlling::default();
        priority.get_from(message).ok()?;
        role.get_from(message).ok()?;
        let kind = rtc_stun::attributes::ATTR_USERNAME;
        let username = rtc_stun::textattrs::TextAttribute::get_from_as(message, kind).ok()?;
        Some(Check {
            username: username.text.len(),
            priority: priority.0,
            tie_breaker: role.0,
        })
    }
}

impl Codec for RtcStun {
    const NAME: &str = "rtc-stun 0.21";

    fn new() -> Self {
        Self {
            provider: rtc_crypto::default_provider().unwrap(),
            message: rtc_stun::message::Message::new(),
        }
    }

    fn build(&mut self) -> &[u8] {
        use rtc_stun::integrity::MessageIntegrity;
        let kind = rtc_stun::attributes::ATTR_USERNAME;
        let username = rtc_stun::textattrs::Username::new(kind, USERNAME.to_owned());
        let password = PASSWORD.to_owned();
        let crypto = self.provider.crypto();
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password, crypto);
        self.message = rtc_stun::message::Message::new();
        self.message
            .build(&[
                Box::new(rtc_stun::message::BINDING_REQUEST),
                Box::new(rtc_stun::message::TransactionId(ID)),
                Box::new(username),
                Box::new(rtc_ice::attributes::priority::PriorityAttr(PRIORITY)),
                Box::new(rtc_ice::attributes::control::AttrControlling(TIE_BREAKER)),
                Box::new(integrity),
                Box::new(rtc_stun::fingerprint::FINGERPRINT),
            ])
            .unwrap();
        &self.message.raw
    }

    fn parse(&self, datagram: &[u8]) -> Option<Check> {
        Self::read(&Self::decode(datagram)?)
    }

    fn verify(&self, datagram: &[u8]) -> Option<Check> {
        use rtc_stun::integrity::MessageIntegrity;
        let mut message = Self::decode(datagram)?;
        let crypto = self.provider.crypto();
        MessageIntegrity::check(&mut message, PASSWORD.as_bytes(), crypto).ok()?;
        Self::read(&message)
    }
}
