//! What an operator relies on: TLS and its reload, time-outs, signed tokens, ICE servers, routes that can be switched off, metrics.
#![cfg(all(feature = "client", feature = "server"))]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::BodyExt;
use hyper::Method;
use ieum_signaling::client::{Channel, Options, TlsRoots};
use ieum_signaling::protocol::{Code, IceServer};
use ieum_signaling::server::{Config, IceOffer, Jwt, Origins, Serve, Tls, router, serve};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;
use support::frames::{Http, Ws, call, request};
use support::{Server, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn certificate(name: &str, kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
    folder.join(format!("{name}.{kind}"))
}

/// What `GET /health` answers over TLS to a client that trusts only that certificate.
async fn health(address: std::net::SocketAddr, trusted: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let leaf = CertificateDer::from_pem_file(certificate(trusted, "crt")).unwrap();
    roots.add(leaf).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(format!("{trusted}.test")).unwrap();
    let stream = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    // The server may close without TLS' own farewell.
    let _ = stream.read_to_string(&mut answer).await;
    Ok(answer)
}

#[tokio::test]
async fn https_is_served_and_a_new_certificate_is_read_while_it_runs() {
    let folder = std::env::temp_dir().join(format!("ieum-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (chain, key) = (folder.join("chain"), folder.join("key"));
    let put = |name: &str| {
        std::fs::copy(certificate(name, "crt"), &chain).unwrap();
        std::fs::copy(certificate(name, "key"), &key).unwrap();
    };
    put("one");
    let tls = Tls::read(&chain, &key).unwrap();
    let how = Serve {
        tls: Some(tls.clone()),
        ..Serve::default()
    };
    let (routes, _handle) = router(Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, routes, how, async { drop(stopped.await) }));
    assert!(
        within(health(address, "one"))
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    assert!(within(health(address, "two")).await.is_err());
    put("two");
    tls.reload().unwrap();
    assert!(
        within(health(address, "two"))
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    std::fs::write(&chain, "no certificate").unwrap();
    assert!(tls.reload().unwrap_err().to_string().contains("chain"));
    assert!(
        within(health(address, "two")).await.is_ok(),
        "the old one stays"
    );
    stop.send(()).unwrap();
    within(serving).await.unwrap();
    assert!(
        TcpStream::connect(address).await.is_err(),
        "the port is free"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_one_more_is_told_and_counted() {
    let (routes, handle) = router(Config::default());
    let how = Serve {
        per_address: 2,
        refusals: handle.refusals(),
        ..Serve::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, routes, how, std::future::pending()));
    let first = TcpStream::connect(address).await.unwrap();
    let _second = TcpStream::connect(address).await.unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    let mut told = String::new();
    within(third.read_to_string(&mut told)).await.unwrap();
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 429"), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], "too-many");
    assert_eq!(handle.counters().refused(Code::TooMany), 1);
    drop(first);
    support::frames::until(async || {
        let mut next = TcpStream::connect(address).await.unwrap();
        let request = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        // One that is refused is closed before it is read.
        let _ = next.write_all(request).await;
        let mut told = String::new();
        let _ = within(next.read_to_string(&mut told)).await;
        told.starts_with("HTTP/1.1 200")
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed() {
    let how = Serve {
        header: Duration::from_millis(100),
        ..Serve::default()
    };
    let config = Config {
        handshake: Duration::from_millis(100),
        ..Config::default()
    };
    let (routes, handle) = router(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, routes, how, std::future::pending()));
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    for stream in [&mut idle, &mut slow] {
        // It may say why before it closes.
        let _ = within(stream.read_to_end(&mut rest)).await;
    }
    let server = Server {
        address,
        url: format!("http://{address}"),
        handle,
    };
    let mut ws = Ws::open(&server).await;
    assert_eq!(ws.expect("refused").await["code"], "too-slow");
    assert_eq!(ws.closed().await, Some(1008));
}

#[tokio::test]
async fn a_signed_token_lets_its_peer_into_its_room_on_every_carrier() {
    let config = Config {
        jwt: Some(Jwt::default().with_hs256(b"a secret of thirty-two bytes, or so")),
        ..Config::default()
    };
    let server = Server::start(config).await;
    let exp = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let token = |exp: u64| {
        let key = EncodingKey::from_secret(b"a secret of thirty-two bytes, or so");
        let claims = json!({ "sub": "alice", "room": "r", "exp": exp });
        encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    };
    let (good, old) = (token(exp + 60), token(exp - 60));
    for (peer, room, token, code) in [
        ("bob", "r", &good, "forbidden"),
        ("alice", "s", &good, "forbidden"),
        ("alice", "r", &old, "expired"),
        ("alice", "r", &"x".to_owned(), "unauthorized"),
    ] {
        let join = json!({ "peer": peer, "room": room, "token": token });
        let (_, refused) = Ws::join(&server, join.clone()).await;
        assert_eq!(refused["code"], code);
        assert_eq!(
            call(&server, Method::POST, "/signal", join).await.1["code"],
            code
        );
    }
    let (_ws, _) = Ws::peer(
        &server,
        json!({ "peer": "alice", "room": "r", "token": good }),
    )
    .await;
    let mut io = server.raw_session().await;
    io.send(&format!("40{}", json!({ "token": good, "room": "s" })))
        .await;
    io.expect(r#"44{"message":"The token is for another peer ID or another room."}"#)
        .await;
    let mut io = server.raw_session().await;
    io.send(&format!("40{}", json!({ "token": good, "room": "r" })))
        .await;
    io.expect("40").await;
    io.send(r#"42["ready","bob"]"#).await;
    io.event("uniquenessError").await;
    io.expect("41").await;
}

/// A server at the host that the client called, with the client's id as the name.
fn for_each_its_own() -> IceOffer {
    IceOffer::new(|request| {
        let server = IceServer {
            urls: vec![format!("turn:{}", request.host.unwrap_or_default())],
            username: Some(request.peer.to_owned()),
            credential: Some("c".into()),
        };
        (vec![server], 60)
    })
}

#[tokio::test]
async fn each_client_is_told_its_own_ice_servers_when_it_joins() {
    let server = Server::start(Config {
        ice: Some(for_each_its_own()),
        ..Config::default()
    })
    .await;
    let wanted =
        |peer: &str| json!([{ "urls": ["turn:127.0.0.1"], "username": peer, "credential": "c" }]);
    let (_ws, joined) = Ws::peer(&server, json!({ "peer": "ws" })).await;
    assert_eq!(
        (&joined["iceServers"], &joined["iceTtl"]),
        (&wanted("ws"), &json!(60))
    );
    let http = Http::join(&server, json!({ "peer": "http" })).await;
    assert_eq!(http.joined["iceServers"], wanted("http"));
    let mut io = server.raw().await;
    let joined = io.ask(1, &json!(["ready", "io"])).await;
    assert_eq!(joined["iceServers"], wanted("io"));
}

#[tokio::test]
async fn over_tls_too_each_carrier_brings_a_client_its_own_ice_servers() {
    let folder = std::env::temp_dir().join(format!("ieum-ice-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.join("chain"), folder.join("key"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let how = Serve {
        tls: Some(Tls::read(&chain, &key).unwrap()),
        ..Serve::default()
    };
    let config = Config {
        ice: Some(for_each_its_own()),
        ..Config::default()
    };
    let (routes, _handle) = router(config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(serve(listener, routes, how, std::future::pending()));
    for scheme in ["https", "wss", "https+sse"] {
        let options = Options {
            roots: TlsRoots::Only(vec![made.cert.der().to_vec()]),
            ..Options::new(format!("{scheme}://localhost:{port}"), scheme)
        };
        let channel = within(Channel::connect(options)).await.unwrap();
        let wanted = IceServer {
            urls: vec!["turn:localhost".into()],
            username: Some(scheme.into()),
            credential: Some("c".into()),
        };
        assert_eq!(channel.ice_servers(), [wanted]);
        channel.close().await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn the_list_of_peers_can_be_switched_off_and_origins_be_named() {
    let server = Server::start(Config {
        connections: false,
        origins: Origins::Only(vec!["https://ours.example".into()]),
        ..Config::default()
    })
    .await;
    let get = async |path: &str, origin: &str| {
        request(
            &server,
            Method::GET,
            path,
            &[("origin", origin)],
            String::new(),
        )
        .await
    };
    assert_eq!(
        get("/connections", "https://ours.example").await.status(),
        404
    );
    let path = "/socket.io/?EIO=4&transport=polling";
    let allowed = |response: &hyper::Response<hyper::body::Incoming>| {
        let value = response.headers().get("access-control-allow-origin");
        value.map(|value| value.to_str().unwrap().to_owned())
    };
    let ours = get(path, "https://ours.example").await;
    assert_eq!(allowed(&ours).as_deref(), Some("https://ours.example"));
    assert_eq!(allowed(&get(path, "https://other.example").await), None);
}

#[tokio::test]
async fn health_readiness_and_metrics_say_how_it_is() {
    let server = Server::start(Config::default()).await;
    let (mut ws, _) = Ws::peer(&server, json!({ "peer": "ws", "resume": true })).await;
    ws.say("1", json!({ "from": "ws", "target": "nobody" }))
        .await;
    for path in ["/health", "/ready"] {
        let response = request(&server, Method::GET, path, &[], String::new()).await;
        assert_eq!(response.status(), 200, "{path}");
    }
    let response = request(&server, Method::GET, "/metrics", &[], String::new()).await;
    let body = within(response.into_body().collect())
        .await
        .unwrap()
        .to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    for line in [
        "ieum_signaling_connections{carrier=\"websocket\"} 1",
        "ieum_signaling_registered_total 1",
        "ieum_signaling_refused_total{code=\"no-such-peer\"} 1",
        "ieum_signaling_sessions 1",
    ] {
        assert!(
            text.lines().any(|written| written == line),
            "{line} in {text}"
        );
    }
}
