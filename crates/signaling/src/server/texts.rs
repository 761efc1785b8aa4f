//! What people read of an error, where there is no more to say than its name says.

use crate::protocol::Code;

/// The text.
pub(super) fn of(code: Code) -> &'static str {
    match code {
        Code::Malformed => "The message cannot be read.",
        Code::Forged => "The message names a sender that is not its own.",
        Code::NoTarget => "The message names no target.",
        Code::NoSuchPeer => "The peer is not connected to the signalling server.",
        Code::Full => "Messages are not read fast enough.",
        Code::TooLong => "The message is over the server's limit.",
        Code::TooFast => "More messages a second than a client may send; this one was not relayed.",
        Code::Taken => "The peer ID is taken.",
        Code::Reserved => "The peer ID is reserved for the server.",
        Code::TooMany => "One client may not have so many.",
        // The wording that existing clients know.
        Code::Unauthorized => "Authentication error",
        Code::Expired => "The token has expired.",
        Code::Forbidden => "The token is for another peer ID or another room.",
        Code::NotJoined => "A join must come first.",
        Code::TooSlow => "The join did not come in time.",
        Code::RoomFull => "The room is full.",
        Code::ServerFull => "The signalling server is full",
        Code::Busy => "The signalling server cannot take this now; try again.",
        Code::Gone => "The peer did not come back for the message.",
        Code::Replaced => "Another connection has taken this session over.",
        Code::Restart => "The signalling server restarts; join again.",
        Code::Left => "The client has left.",
        Code::NoSession => "The session is not there, or its time is over.",
        Code::Unknown => "An error without a name.",
    }
}
