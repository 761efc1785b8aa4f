//! Payload protocol identifiers as `rtc-sctp` names them.

use rtc_sctp::PayloadProtocolIdentifier;

use super::Ppid;

impl From<PayloadProtocolIdentifier> for Ppid {
    fn from(ppi: PayloadProtocolIdentifier) -> Self {
        match ppi {
            PayloadProtocolIdentifier::Dcep => Self::Dcep,
            PayloadProtocolIdentifier::String => Self::String,
            PayloadProtocolIdentifier::Binary => Self::Binary,
            PayloadProtocolIdentifier::StringEmpty => Self::StringEmpty,
            PayloadProtocolIdentifier::BinaryEmpty => Self::BinaryEmpty,
            _ => Self::Unknown,
        }
    }
}

impl From<Ppid> for PayloadProtocolIdentifier {
    fn from(ppid: Ppid) -> Self {
        match ppid {
            Ppid::Dcep => Self::Dcep,
            Ppid::String => Self::String,
            Ppid::Binary => Self::Binary,
            Ppid::StringEmpty => Self::StringEmpty,
            Ppid::BinaryEmpty => Self::BinaryEmpty,
            Ppid::Unknown => Self::Unknown,
        }
    }
}
