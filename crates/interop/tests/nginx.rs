//! Two nodes behind nginx, configured with the README's text: every carrier passes, and those that poll stay with their node.

#[allow(dead_code, reason = "other tests use the rest")]
mod nodes;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ieum_interop::{Process, partner};
use ieum_signaling::client::{Channel, Event, Options, Transport};
use ieum_signaling::{Incoming, Signal};
use nodes::{Node, Redis, SOON};
use serde_json::json;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn every_carrier_passes_through_nginx_as_the_readme_has_it() {
    let redis = Redis::start();
    let nodes = [redis.node(), redis.node()];
    let nginx = Nginx::start(&nodes);
    let direct = Options::new(format!("ws://{}", nodes[0].address), "direct");
    let mut direct = joined(direct).await;
    for (scheme, transport) in [
        ("http", Transport::Auto),
        ("http", Transport::Polling),
        ("http", Transport::WebSocket),
        ("ws", Transport::Auto),
        ("http+sse", Transport::Auto),
    ] {
        let url = format!("{scheme}://127.0.0.1:{}", nginx.port);
        let through = Options {
            transport,
            ..Options::new(url, "through")
        };
        let mut through = joined(through).await;
        // Two buffers of nginx's, and more than one packet on the wire.
        let long = Signal::Other(json!("이음".repeat(5_000)));
        for n in 0..10 {
            through
                .send("direct", Signal::Other(json!(n)))
                .await
                .unwrap();
            assert_eq!(heard(&mut direct, "through").await, Signal::Other(json!(n)));
            direct.send("through", long.clone()).await.unwrap();
            assert_eq!(heard(&mut through, "direct").await, long);
        }
        through.close().await;
        assert!(matches!(
            heard(&mut direct, "through").await,
            Signal::Bye { .. }
        ));
    }
}

/// nginx on a free port, with its files in a folder of its own.
struct Nginx {
    port: u16,
    folder: PathBuf,
    _process: Process,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Nginx {
    fn start(nodes: &[Node; 2]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr());
        let port = free.expect("a free port").port();
        let folder = std::env::temp_dir().join(format!("ieum-nginx-{port}"));
        fs::create_dir_all(&folder).expect("a folder");
        let site = readme()
            .replace("127.0.0.1:3031", &nodes[0].address)
            .replace("127.0.0.1:3032", &nodes[1].address)
            .replace("listen 80;", &format!("listen 127.0.0.1:{port};"));
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let text = format!(
            "daemon off; user root; pid nginx.pid; error_log stderr; events {{}}\n\
             http {{ access_log off; {places} {site} }}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, text).expect("written");
        let mut command = partner::system("nginx", "nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&file);
        command.args(["-e", "stderr"]);
        let process = Process::spawn("nginx", command);
        let deadline = Instant::now() + SOON;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nginx listens");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            port,
            folder,
            _process: process,
        }
    }
}

/// The configuration that the README shows.
fn readme() -> String {
    let text = include_str!("../../signaling/README.md");
    let (_, rest) = text.split_once("```nginx\n").expect("it shows one");
    let (site, _) = rest.split_once("```").expect("it ends");
    site.to_owned()
}

/// A channel, once the id is free and the node is ready.
async fn joined(options: Options) -> Channel {
    let joining = async {
        loop {
            match Channel::connect(options.clone()).await {
                Ok(channel) => return channel,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    timeout(SOON, joining).await.expect("joined in time")
}

/// The next that this peer says, but for who comes.
async fn heard(channel: &mut Channel, peer: &str) -> Signal {
    loop {
        let next = timeout(SOON, channel.next()).await.expect("in time");
        match next {
            Some(Event::Message(Incoming {
                signal: Signal::Open { .. },
                ..
            })) => {}
            Some(Event::Message(Incoming { from, signal })) if from == peer => return signal,
            other => panic!("{other:?}"),
        }
    }
}
