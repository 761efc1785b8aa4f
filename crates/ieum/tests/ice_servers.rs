//! The list of ICE servers over TLS.

use axum::Router;
use axum::routing::get;
use ieum::signaling::client::TlsRoots;
use ieum::signaling::server::{Serve, Tls, serve};
use ieum::{IceServersError, ice_servers, ice_servers_trusting};
use tokio::net::TcpListener;

#[tokio::test]
async fn the_list_comes_over_https_from_a_server_whose_certificate_is_trusted_alone() {
    let folder = std::env::temp_dir().join(format!("ieum-ice-servers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.join("chain"), folder.join("key"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let how = Serve {
        tls: Some(Tls::read(&chain, &key).unwrap()),
        ..Serve::default()
    };
    let list = r#"{"iceServers":[{"urls":"turns:h","username":"u","credential":"c"}],"ttl":9}"#;
    let routes = Router::new().route("/api/ice-servers", get(move || async move { list }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    );
    tokio::spawn(serve(listener, routes, how, std::future::pending()));

    let roots = TlsRoots::Only(vec![made.cert.der().to_vec()]);
    let servers = ice_servers_trusting(&url, Some("token"), &roots)
        .await
        .unwrap();
    assert_eq!(servers[0].urls, ["turns:h"]);
    assert_eq!(servers[0].username.as_deref(), Some("u"));
    let stranger = ice_servers(&url, None).await;
    let Err(IceServersError::Unreachable { source, .. }) = stranger else {
        panic!("{stranger:?}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::InvalidData);
    std::fs::remove_dir_all(&folder).unwrap();
}
