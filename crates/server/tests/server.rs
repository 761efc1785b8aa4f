//! The server as a program that starts it sees it: ports, page, API, self-check, shutdown.

mod common;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use ieum_server::{Options, Server, StartError, Turns};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn free_ports() -> Options {
    Options {
        port: 0,
        stun_port: 0,
        ..Options::default()
    }
}

async fn start() -> Server {
    Server::start(free_ports())
        .await
        .expect("a server on free ports")
}

struct Response {
    status: u16,
    head: String,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// One request on a connection of its own; `headers` are whole lines.
async fn get(at: SocketAddr, path: &str, headers: &[&str]) -> Response {
    let host = format!("Host: {at}");
    let own_host = headers.iter().any(|line| line.starts_with("Host:"));
    let mut lines = vec![
        format!("GET {path} HTTP/1.1"),
        "Connection: close".to_owned(),
    ];
    lines.extend((!own_host).then_some(host));
    lines.extend(headers.iter().map(|&line| line.to_owned()));
    let request = lines.join("\r\n") + "\r\n\r\n";

    let exchange = async {
        let mut stream = TcpStream::connect(at).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(Duration::from_secs(10), exchange)
        .await
        .expect("an answer in time");
    let answer = answer.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Response {
        status: status.expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn the_page_and_everything_that_it_names_is_served() {
    let server = start().await;
    let page = get(server.http_addr(), "/", &[]).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );

    let named = page.body.split(['"', '\'']).filter(|text| {
        [".js", ".css", ".svg"]
            .iter()
            .any(|end| text.ends_with(end))
            && !text.contains(' ')
    });
    let mut files: Vec<String> = named.map(str::to_owned).collect();
    assert!(files.iter().any(|file| file == "app.js"), "{files:?}");
    let mut next = 0;
    while let Some(file) = files.get(next).cloned() {
        let served = get(server.http_addr(), &format!("/{file}"), &[]).await;
        assert_eq!(served.status, 200, "{file}");
        let imports = served
            .body
            .split("from \"./")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for import in imports {
            if !files.iter().any(|file| file == import) {
                files.push(import.to_owned());
            }
        }
        next += 1;
    }
    assert!(next >= 8, "{files:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn ice_servers_are_for_this_servers_own_page() {
    let server = start().await;
    let (http, stun) = (server.http_addr(), server.stun_addr());
    let answer = get(http, "/api/ice-servers", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.header("access-control-allow-origin").is_none(),
        "{}",
        answer.head
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    let made: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(made["iceServers"][0]["urls"][0], format!("stun:{stun}"));
    assert_eq!(
        made["iceServers"][1]["urls"],
        serde_json::json!([
            format!("turn:{stun}?transport=udp"),
            format!("turn:{stun}?transport=tcp")
        ])
    );
    assert!(
        made["iceServers"][1]["username"].is_string()
            && made["iceServers"][1]["credential"].is_string()
    );
    assert!(made["ttl"].as_u64().is_some_and(|seconds| seconds > 0));

    let localhost = format!("Host: localhost:{}", http.port());
    assert_eq!(
        get(http, "/api/ice-servers", &[&localhost]).await.status,
        200
    );
    for refused in ["Host: evil.example", "Origin: https://evil.example"] {
        let answer = get(http, "/api/ice-servers", &[refused]).await;
        assert_eq!(answer.status, 403, "{refused}");
        assert!(!answer.body.contains("credential"));
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_configured_token_is_asked_for() {
    let options = Options {
        token: Some("s3cret".to_owned()),
        ..free_ports()
    };
    assert!(!format!("{options:?}").contains("s3cret"));
    let server = Server::start(options).await.expect("a server");
    let at = server.http_addr();
    assert_eq!(get(at, "/", &[]).await.status, 200);
    assert_eq!(get(at, "/api/ice-servers", &[]).await.status, 401);
    assert_eq!(
        get(at, "/api/ice-servers", &["Authorization: Bearer wrong1"])
            .await
            .status,
        401
    );
    assert_eq!(
        get(at, "/api/ice-servers", &["Authorization: Bearer s3cret"])
            .await
            .status,
        200
    );
    assert!(!format!("{server:?}").contains("s3cret"));
    server.shutdown().await;
}

#[tokio::test]
async fn the_echo_peer_is_registered() {
    let server = start().await;
    let connections = get(server.http_addr(), "/connections", &[]).await;
    let peers: serde_json::Value = serde_json::from_str(&connections.body).expect("JSON");
    assert_eq!(peers.as_array().map(Vec::len), Some(1), "{peers}");
    assert_eq!(peers[0]["peerId"], "ieum");
    server.shutdown().await;
}

#[tokio::test]
async fn the_metrics_tell_of_signaling_and_of_turn() {
    let server = start().await;
    let metrics = get(server.http_addr(), "/metrics", &[]).await;
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("content-type");
    assert!(kind.is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    let line = |start: &str| metrics.body.lines().any(|line| line.starts_with(start));
    assert!(line("ieum_signaling_"), "{}", metrics.body);
    assert!(line("ieum_turn_allocations"), "{}", metrics.body);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_to_newcomers() {
    let ((old, old_der), (new, new_der)) = (common::certificate(), common::certificate());
    let turns = Turns {
        certificate: old,
        port: 0,
    };
    let options = Options {
        turns: Some(turns),
        ..free_ports()
    };
    let server = Server::start(options).await.expect("a server");
    let at = server.turns_addr().expect("it has a certificate");
    let shown = move |der: &CertificateDer<'static>| common::handshake(at, der).is_ok();
    assert!(shown(&old_der) && !shown(&new_der));
    server.renew(&new);
    let deadline = Instant::now() + common::SOON;
    while !shown(&new_der) {
        assert!(Instant::now() < deadline, "the new one is never shown");
    }
    assert!(!shown(&old_der), "the old one is gone");
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_self_check_passes() {
    for token in [None, Some("s3cret".to_owned())] {
        let server = Server::start(Options {
            token,
            ..free_ports()
        })
        .await
        .expect("a server");
        let report = server
            .self_check()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(report.echoed, 1000);
        assert_eq!(report.timeline.missing(), None, "{report}");
        for step in ieum_internals::Step::ALL {
            assert!(report.timeline.step(step).is_some(), "{report}");
        }
        assert!(
            report.timeline.local().relay > 0,
            "our own TURN took the credentials: {report}"
        );
        assert!(report.timeline.chosen().is_some(), "{report}");
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_flag() {
    let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = tcp.local_addr().expect("an address").port();
    let error = Server::start(Options {
        port,
        ..free_ports()
    })
    .await
    .expect_err("the port is in use");
    assert!(matches!(error, StartError::HttpPortInUse(at) if at.port() == port));
    let line = error.to_string();
    assert!(
        line.contains(&port.to_string()) && line.contains("--port") && !line.contains('\n'),
        "{line}"
    );

    let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let stun_port = udp.local_addr().expect("an address").port();
    let error = Server::start(Options {
        stun_port,
        ..free_ports()
    })
    .await
    .expect_err("the port is in use");
    assert!(matches!(error, StartError::StunPortInUse(at) if at.port() == stun_port));
    assert!(error.to_string().contains("--stun-port"), "{error}");

    // TURN has the same number over TCP.
    let error = Server::start(Options {
        stun_port: port,
        ..free_ports()
    })
    .await
    .expect_err("the port is in use");
    assert!(matches!(error, StartError::TurnPortInUse(at) if at.port() == port));
    assert!(error.to_string().contains("--stun-port"), "{error}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let bind = Ipv4Addr::new(192, 0, 2, 1).into();
    let error = Server::start(Options {
        bind,
        ..free_ports()
    })
    .await
    .expect_err("not our address");
    assert!(matches!(error, StartError::AddressNotOurs(_)));
    assert!(
        error.to_string().contains("--bind") && error.to_string().contains("192.0.2.1"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_frees_the_ports() {
    let server = start().await;
    let (http, stun) = (server.http_addr(), server.stun_addr());
    // A connection that idles must not hold the server up.
    let idle = TcpStream::connect(http).await.expect("a connection");
    timeout(Duration::from_secs(10), server.shutdown())
        .await
        .expect("an end in time");
    drop(idle);
    let options = Options {
        port: http.port(),
        stun_port: stun.port(),
        ..Options::default()
    };
    let again = Server::start(options).await.expect("both ports are free");
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_frees_the_ports_too() {
    let server = start().await;
    let stun = server.stun_addr();
    drop(server);
    // The tasks are aborted and end at their next step.
    let freed = timeout(Duration::from_secs(10), async {
        while UdpSocket::bind(stun).is_err() {
            tokio::task::yield_now().await;
        }
    });
    freed.await.expect("the port is free again");
}
