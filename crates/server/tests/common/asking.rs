//! Requests by hand, for what the client's machine does not ask for: TCP relays (RFC 6062).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ieum_stun::{Challenge, Class, Key, Message, MessageBuilder, Method, TransactionId};

use super::SOON;

/// A connection that requests are made on, in the name of an account.
pub(crate) struct Asking {
    pub(crate) stream: TcpStream,
    name: String,
    password: String,
    challenge: Option<(Challenge, Key)>,
    number: u8,
}

impl Asking {
    pub(crate) fn new(server: SocketAddr, name: &str, password: &str) -> Self {
        let stream = TcpStream::connect(server).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("not zero");
        Self {
            stream,
            name: name.to_owned(),
            password: password.to_owned(),
            challenge: None,
            number: 0,
        }
    }

    /// The response; to a challenge it has answered.
    pub(crate) fn ask(
        &mut self,
        method: Method,
        fill: impl Fn(&mut MessageBuilder<'_>),
    ) -> Vec<u8> {
        let first = self.ask_once(method, &fill);
        let response = Message::parse(&first).expect("STUN");
        if self.challenge.is_some() || response.error_code().is_none_or(|it| it.code != 401) {
            return first;
        }
        let challenge = Challenge::read(&response).expect("a challenge");
        let key = challenge.key(&self.name, &self.password).expect("ASCII");
        self.challenge = Some((challenge, key));
        self.ask_once(method, &fill)
    }

    fn ask_once(&mut self, method: Method, fill: &impl Fn(&mut MessageBuilder<'_>)) -> Vec<u8> {
        self.number += 1;
        let id = TransactionId([self.number; 12]);
        let mut request = Vec::new();
        let mut builder = MessageBuilder::new(&mut request, Class::Request, method, id);
        fill(&mut builder);
        if let Some((challenge, key)) = &self.challenge {
            challenge.answer(&self.name, &mut builder);
            builder.integrity_as(challenge.integrity(), key);
        }
        self.stream
            .write_all(&request)
            .expect("the server is there");
        let mut response = vec![0; 20];
        self.stream.read_exact(&mut response).expect("an answer");
        let len = u16::from_be_bytes([response[2], response[3]]);
        response.resize(20 + usize::from(len), 0);
        let attributes = &mut response[20..];
        self.stream.read_exact(attributes).expect("all of it");
        response
    }
}

/// The code of an error; 0 for a success.
pub(crate) fn code(response: &[u8]) -> u16 {
    let response = Message::parse(response).expect("STUN");
    response.error_code().map_or(0, |error| error.code)
}
