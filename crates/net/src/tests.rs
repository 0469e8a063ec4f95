//! The client against servers on loopback: credentials, proxies, TLS.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use stdx::budget::Budget;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::client::{Bounds, Client, RequestHeaders, Session};
use crate::config::{BasicAuth, ClientConfig, HeaderConfig, Secret, Source};
use crate::url::Url;

/// Made for these tests, valid for a hundred years, for `target.test`.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBmDCCAT6gAwIBAgIUPbqBh7gLaYdBNKEC5zjOjhZUAUMwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLbWFuZ3J1IHRlc3QwIBcNMjYxMTI0MjI0NzM3WhgPMjEyNjEw
MzEyMjQ3MzdaMBYxFDASBgNVBAMMC21hbmdydSB0ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAElRB+qdksVAvoEU8b4op5s6WCBc168fW9VDS8DQTOTpHnMxBp
3HlfIbnKJOQcoSgwdxWvZT1nhOKUVRi/ObFXTaNoMGYwHQYDVR0OBBYEFKqPXCwD
kRQDcDncXnw77MMlvIF+MB8GA1UdIwQYMBaAFKqPXCwDkRQDcDncXnw77MMlvIF+
MBYGA1UdEQQPMA2CC3RhcmdldC50ZXN0MAwGA1UdEwEB/wQCMAAwCgYIKoZIzj0E
AwIDSAAwRQIhANTb8abNbXfa8WKWqYAtMgLPLvgcq7bkYf8+x+8Uz6D/AiBr/vJ/
bCZ4IVaaDOWw06TkK0o+q9ZuTxTASKnFbAnUBw==
-----END CERTIFICATE-----
";
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgeL7z0kMSp32ZEYbb
XdENBZRC5jF8bjsd/bWeceupKZmhRANCAASVEH6p2SxUC+gRTxviinmzpYIFzXrx
9b1UNLwNBM5OkeczEGnceV8hucok5ByhKDB3Fa9lPWeE4pRVGL85sVdN
-----END PRIVATE KEY-----
";

type Requests = Arc<Mutex<Vec<String>>>;

/// Answers each request with `answer`, and notes what was asked. Where there is `tls`, after a handshake; what comes before
/// it is `CONNECT`.
async fn serve(answer: String, tls: Option<Arc<rustls::ServerConfig>>) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let requests = Requests::default();
    let noted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let (noted, answer, tls) = (Arc::clone(&noted), answer.clone(), tls.clone());
            tokio::spawn(async move {
                let mut first = [0];
                let is_text = tcp.peek(&mut first).await.is_ok() && first[0].is_ascii_alphabetic();
                match tls {
                    None => talk(&mut tcp, &answer, &noted, usize::MAX).await,
                    Some(tls) => {
                        if is_text {
                            talk(&mut tcp, "HTTP/1.1 200 Go on\r\n\r\n", &noted, 1).await;
                        }
                        let acceptor = tokio_rustls::TlsAcceptor::from(tls);
                        if let Ok(mut stream) = acceptor.accept(tcp).await {
                            talk(&mut stream, &answer, &noted, usize::MAX).await;
                        }
                    }
                }
            });
        }
    });
    (address, requests)
}

async fn talk<S>(stream: &mut S, answer: &str, noted: &Requests, times: usize)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for _ in 0..times {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        noted.lock().push(String::from_utf8(head).unwrap().to_lowercase());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// Fetches `url`: the body, or the error.
async fn get(config: ClientConfig, url: &str) -> String {
    let url = Url::parse(url).unwrap();
    let client = Client::new(config, url.scheme() == "https").unwrap();
    let bounds = Bounds {
        deadline: Duration::from_secs(2),
        body_bytes_max: 1000,
        budget: Budget::new("bodies", 1 << 20),
    };
    let mut body = Vec::new();
    let mut session = Session::new(Arc::new(client));
    match session.get(&url, &RequestHeaders::default(), &bounds, &mut body).await {
        Ok(answer) if answer.status == 200 => String::from_utf8(body).unwrap(),
        Ok(answer) => answer.status_text,
        Err(error) => error.to_string(),
    }
}

fn secret(text: &str) -> Source {
    Source::Inline(Secret::new(text))
}

#[tokio::test]
async fn credentials_stay_with_their_host() {
    let (other, at_other) = serve(ok("moved"), None).await;
    let elsewhere = other.replace("127.0.0.1", "localhost");
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/x\r\nContent-Length: 0\r\n\r\n"
    );
    let (first, at_first) = serve(answer, None).await;
    let config = ClientConfig {
        basic_auth: Some(BasicAuth { username: secret("u"), password: secret("p") }),
        headers: vec![HeaderConfig {
            name: "X-Token".to_owned(),
            secrets: vec![Secret::new("t")],
            ..HeaderConfig::default()
        }],
        ..ClientConfig::default()
    };
    assert_eq!(get(config, &format!("http://{first}/")).await, "moved");
    let sent = at_first.lock().join("");
    assert!(
        sent.contains("authorization: basic dtpw\r\n") && sent.contains("x-token: t\r\n"),
        "{sent}"
    );
    let sent = at_other.lock().join("");
    assert!(!sent.contains("authorization") && !sent.contains("x-token"), "{sent}");
}

#[tokio::test]
async fn plain_requests_go_through_a_proxy_as_they_are() {
    let (proxy, requests) = serve(ok("by proxy"), None).await;
    let mut config = ClientConfig::default();
    config.proxy.url = Secret::new(format!("http://u:p@{proxy}"));
    assert_eq!(get(config, "http://target.test:81/x?y").await, "by proxy");
    let sent = requests.lock().join("");
    assert!(sent.starts_with("get http://target.test:81/x?y http/1.1\r\n"), "{sent}");
    assert!(sent.contains("host: target.test:81\r\n"), "{sent}");
    assert!(sent.contains("proxy-authorization: basic dtpw\r\n"), "{sent}");
}

fn tls_server() -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap())
}

#[tokio::test]
async fn certificates_are_checked() {
    let (address, _) = serve(ok("secret"), Some(tls_server())).await;
    let url = format!("https://{address}/");
    let unknown = get(ClientConfig::default(), &url).await;
    assert!(unknown.contains("tls: failed to verify certificate: x509: "), "{unknown}");
    let mut config = ClientConfig::default();
    config.tls.insecure_skip_verify = true;
    assert_eq!(get(config.clone(), &url).await, "secret");
    config.tls.insecure_skip_verify = false;
    config.tls.ca = Some(secret(CERTIFICATE));
    let wrong_name = get(config.clone(), &url).await;
    assert!(wrong_name.contains("tls: failed to verify certificate: x509: "), "{wrong_name}");
    config.tls.server_name = "target.test".to_owned();
    assert_eq!(get(config, &url).await, "secret");
}

#[tokio::test]
async fn tls_goes_through_a_tunnel() {
    let (proxy, requests) = serve(ok("tunnelled"), Some(tls_server())).await;
    let mut config = ClientConfig::default();
    config.tls.ca = Some(secret(CERTIFICATE));
    config.proxy.url = Secret::new(format!("http://{proxy}"));
    config.proxy.connect_headers = vec![("X-Via".to_owned(), vec![Secret::new("v")])];
    assert_eq!(get(config, "https://target.test/x").await, "tunnelled");
    let sent = requests.lock().clone();
    assert!(sent[0].starts_with("connect target.test:443 http/1.1\r\n"), "{sent:?}");
    assert!(sent[0].contains("x-via: v\r\n"), "{sent:?}");
    assert!(sent[1].starts_with("get /x http/1.1\r\n"), "{sent:?}");
}

#[tokio::test]
async fn a_proxy_that_says_no() {
    let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let (proxy, _) = serve(refused.to_owned(), None).await;
    let mut config = ClientConfig::default();
    config.proxy.url = Secret::new(proxy);
    let error = get(config, "https://target.test/").await;
    assert_eq!(
        error,
        "Get \"https://target.test/\": proxyconnect: 407 Proxy Authentication Required"
    );
}

#[tokio::test]
async fn plain_http_where_tls_was_expected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _gone = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let error = get(ClientConfig::default(), &format!("https://{plain}/")).await;
    let expected =
        format!("Get \"https://{plain}/\": http: server gave HTTP response to HTTPS client");
    assert_eq!(error, expected);
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let error = |change: &dyn Fn(&mut ClientConfig)| {
        let mut config = ClientConfig::default();
        change(&mut config);
        Client::new(config, true).unwrap_err().to_string()
    };
    let missing = error(&|c| c.tls.ca = Some(Source::File("/nonexistent/ca.pem".into())));
    assert!(missing.starts_with("unable to read /nonexistent/ca.pem: "), "{missing}");
    assert_eq!(error(&|c| c.tls.ca = Some(secret("x"))), "ca: no PEM certificate found");
    assert_eq!(
        error(&|c| c.tls.cert = Some(secret(CERTIFICATE))),
        "tls_config: a client certificate and its key must be given together"
    );
}
