//! `cargo run -p ieum-ice --example event_loop -- a`, and `... -- b` in another terminal. Signaling is two files.
use std::time::{Duration, Instant};
use std::{env, fs, io::Read, net::UdpSocket};

use ieum_ice::{Agent, Config, Credentials, FiveTuple, Incoming, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (own, other, role) = match env::args().nth(1).as_deref() {
        Some("a") => ("a.ice", "b.ice", Role::Controlling),
        _ => ("b.ice", "a.ice", Role::Controlled),
    };
    let (own, other) = (env::temp_dir().join(own), env::temp_dir().join(other));
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let local = socket.local_addr()?;
    let mut seed = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let mut agent = Agent::new(Config::new(role, seed));
    agent.gather(Instant::now(), &[local], &[]);
    // Our description: the credentials, and our one candidate.
    let Credentials { ufrag, pwd } = agent.local_credentials();
    let candidate = agent.local_candidates().next().ok_or("no candidate")?;
    fs::write(&own, format!("{ufrag}\n{pwd}\n{candidate}\n"))?;

    let (mut out, mut buf) = (Vec::new(), [0; 2048]);
    loop {
        let now = Instant::now();
        if let (None, Ok(text)) = (agent.remote_credentials(), fs::read_to_string(&other)) {
            if let [ufrag, pwd, candidate] = text.lines().collect::<Vec<_>>()[..] {
                let (ufrag, pwd) = (ufrag.into(), pwd.into());
                agent.set_remote_credentials(now, Credentials { ufrag, pwd });
                agent.add_remote_candidate(now, candidate.parse()?);
            }
        }
        agent.handle_timeout(now);
        while let Some(transmit) = agent.poll_transmit(now, &mut out) {
            socket.send_to(&out, transmit.five_tuple.remote)?;
            out.clear();
        }
        while let Some(event) = agent.poll_event() {
            println!("{event:?}");
        }
        if agent.selected_pair().is_some_and(|pair| pair.nominated) {
            let mut hello = b"\x80 hello".to_vec();
            let transmit = agent.send(&mut hello, None).ok_or("no pair")?;
            socket.send_to(&hello, transmit.five_tuple.remote)?;
        }
        let wait = agent.poll_timeout().map_or(Duration::MAX, |at| at - now);
        let (least, most) = (Duration::from_millis(1), Duration::from_millis(100));
        socket.set_read_timeout(Some(wait.clamp(least, most)))?;
        if let Ok((len, from)) = socket.recv_from(&mut buf) {
            let (now, way) = (Instant::now(), FiveTuple::udp(local, from));
            if let Incoming::Application(hello) = agent.handle_datagram(now, way, &buf[..len]) {
                println!("from the peer: {}", String::from_utf8_lossy(hello));
                return Ok(());
            }
        }
    }
}
