//! Who comes in: TLS with and without certificates of clients, passwords, headers, limits, and files that change.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use net::client::{Bounds, Client, RequestHeaders, Session};
use net::config::{ClientConfig, Secret, Source, TlsVersion};
use net::url::Url;
use parking_lot::Mutex;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use stdx::budget::Budget;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Server;
use super::sockets::{asked, drive_face};
use crate::config::{Config, Loaded, PushConfig};
use crate::push::face::Face;
use crate::web::config::{ClientAuth, RateLimit, TlsServer, WebConfig, WebFile};
use crate::web::{Scope, Token};

// Made for these tests, valid for a hundred years; the authority's key is nowhere.
const CA: &str = include_str!("pem/ca.pem");
const SERVER: (&str, &str) = (include_str!("pem/server.pem"), include_str!("pem/server.key"));
const CLIENT: (&str, &str) = (include_str!("pem/client.pem"), include_str!("pem/client.key"));
const STRANGER: (&str, &str) = (include_str!("pem/stranger.pem"), include_str!("pem/stranger.key"));

fn inline(text: &str) -> Source {
    Source::Inline(Secret::new(text))
}

fn tls(client_auth: ClientAuth) -> TlsServer {
    TlsServer {
        cert: inline(SERVER.0),
        key: inline(SERVER.1),
        client_auth,
        client_ca: Some(inline(CA)),
        client_allowed_sans: None,
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls13,
        cipher_suites: Vec::new(),
        curves: Vec::new(),
        prefer_server_cipher_suites: true,
    }
}

fn over_tls(tls: TlsServer) -> WebConfig {
    WebConfig { tls: Some(tls), ..WebConfig::default() }
}

/// `alice` with the password `right`.
fn with_alice(web: WebConfig) -> WebConfig {
    let hash = bcrypt::hash("right", 4).unwrap();
    WebConfig { users: vec![("alice".to_owned(), Secret::new(hash))], ..web }
}

/// A server whose file says `web`, and says something else when that is changed.
fn server(
    web: Result<WebConfig, String>,
) -> (Server, Arc<Mutex<Result<WebConfig, String>>>, PathBuf) {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("mangru-web-{}-{number}.yml", std::process::id()));
    touch(&path, "1");
    let said = Arc::new(Mutex::new(web));
    let load = Arc::clone(&said);
    let file = WebFile { path: path.clone(), load: Arc::new(move || load.lock().clone()) };
    (super::push::gateway(Config { web: Some(file), ..Config::default() }), said, path)
}

fn touch(path: &std::path::Path, text: &str) {
    stdx::fs::write_atomic(&stdx::fs::real::RealFs, path, text.as_bytes()).unwrap();
}

fn head(method: &str, path: &str, more: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n")
}

/// `CODE` of an answer, or what was said instead.
fn code(answer: &str) -> String {
    answer.split(' ').nth(1).unwrap_or(answer).to_owned()
}

/// Asks over TLS as the owner of a certificate, or as nobody.
async fn asked_tls(address: &str, who: Option<(&str, &str)>, head: &str) -> Result<String, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match who {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(cert.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    let tcp = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, tcp).await.map_err(|error| error.to_string())?;
    stream.write_all(head.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(|error| error.to_string())?;
    Ok(answer)
}

const RIGHT: &str = "Authorization: Basic YWxpY2U6cmlnaHQ=\r\n";
const WRONG: &str = "Authorization: Basic YWxpY2U6d3Jvbmc=\r\n";
const UNKNOWN: &str = "Authorization: Basic Ym9iOnJpZ2h0\r\n";

#[test]
fn passwords_on_both_faces() {
    for face in [Face::Main, Face::Push] {
        let (server, _, _) = server(Ok(with_alice(WebConfig::default())));
        drive_face(&server, face, async |address, _| {
            let body = "Content-Length: 4\r\n";
            for (method, path, more, content, ok) in [
                ("GET", "/-/healthy", "", "", "200"),
                ("GET", "/metrics", "", "", "200"),
                ("PUT", "/metrics/job/x", body, "a 1\n", "200"),
                ("POST", "/metrics/job/x", body, "a 1\n", "200"),
                ("DELETE", "/metrics/job/x", "", "", "202"),
                ("GET", "/nothing", "", "", "404"),
            ] {
                for (who, want) in [("", "401"), (WRONG, "401"), (UNKNOWN, "401"), (RIGHT, ok)] {
                    let head = head(method, path, &format!("{who}{more}"));
                    let answer = asked(&address, &format!("{head}{content}")).await;
                    assert_eq!(code(&answer), want, "{face:?} {method} {path} {who}");
                    if want == "401" {
                        assert!(answer.contains("www-authenticate: Basic\r\n"), "{answer}");
                        assert!(answer.ends_with("\r\n\r\nUnauthorized\n"), "{answer}");
                    }
                }
            }
        });
    }
}

#[test]
fn a_refused_body_is_read_to_its_end() {
    let (server, _, _) = server(Ok(with_alice(WebConfig::default())));
    drive_face(&server, Face::Push, async |address, _| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let body = "x".repeat(200_000);
        for (who, want) in [("", "401"), (RIGHT, "200")] {
            let content = if want == "200" { "a 1\n" } else { &body };
            let length = content.len();
            let head = format!(
                "PUT /metrics/job/x HTTP/1.1\r\nHost: x\r\n{who}Content-Length: {length}\r\n\r\n{content}"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 2048];
            let n = stream.read(&mut answer).await.unwrap();
            assert_eq!(code(std::str::from_utf8(&answer[..n]).unwrap()), want);
        }
    });
}

#[test]
fn a_refused_body_that_never_ends_is_cut_off() {
    let (server, _, _) = server(Ok(with_alice(WebConfig::default())));
    drive_face(&server, Face::Push, async |address, _| {
        let head = head("PUT", "/metrics/job/x", "Content-Length: 100\r\n");
        assert_eq!(code(&asked(&address, &format!("{head}a")).await), "401");
        // More than is read: the answer is there before the body is.
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let head = "PUT /metrics/job/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; 300_000]).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
    });
}

#[test]
fn tls_with_the_client_of_scrapes() {
    let (server, _, _) = server(Ok(with_alice(over_tls(tls(ClientAuth::None)))));
    drive_face(&server, Face::Main, async |address, _| {
        let url = Url::parse(&format!("https://{address}/-/healthy")).unwrap();
        let get = async |config: ClientConfig| {
            let mut session = Session::new(Arc::new(Client::new(config, true).unwrap()));
            let bounds = Bounds {
                deadline: Duration::from_secs(2),
                body_bytes_max: 1000,
                budget: Budget::new("test", 1 << 20),
            };
            let mut body = Vec::new();
            match session.get(&url, &RequestHeaders::default(), &bounds, &mut body).await {
                Ok(answer) if answer.status == 200 => String::from_utf8(body).unwrap(),
                Ok(answer) => answer.status_text,
                Err(error) => error.to_string(),
            }
        };
        let mut config = ClientConfig::default();
        assert!(get(config.clone()).await.contains("x509: "));
        config.tls.ca = Some(inline(CA));
        assert!(get(config.clone()).await.contains("401 Unauthorized"));
        config.basic_auth =
            Some(net::config::BasicAuth { username: inline("alice"), password: inline("right") });
        assert_eq!(get(config).await, "Prometheus Server is Healthy.\n");
    });
}

#[test]
fn http_where_tls_is_spoken() {
    let (server, _, _) = server(Ok(over_tls(tls(ClientAuth::None))));
    drive_face(&server, Face::Main, async |address, _| {
        let answer = asked(&address, &head("GET", "/", "")).await;
        assert_eq!(
            answer,
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
        );
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"\x00\x01\x02\x03\x04\x05\x06\x07").await.unwrap();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer).await.is_ok();
        assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
        let answer = asked_tls(&address, None, &head("GET", "/-/healthy", "")).await.unwrap();
        assert_eq!(code(&answer), "200");
    });
}

#[test]
fn certificates_of_clients() {
    let sans = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    // Nobody, somebody of the authority, a stranger.
    for (kind, names, want) in [
        (ClientAuth::None, None, [true, true, true]),
        (ClientAuth::Request, None, [true, true, true]),
        (ClientAuth::RequireAny, None, [false, true, true]),
        (ClientAuth::VerifyIfGiven, None, [true, true, false]),
        (ClientAuth::RequireAndVerify, None, [false, true, false]),
        (ClientAuth::RequireAndVerify, sans(&["other", "10.0.0.1"]), [false, true, false]),
        (ClientAuth::RequireAndVerify, sans(&["spiffe://x/y"]), [false, true, false]),
        (ClientAuth::RequireAndVerify, sans(&["a@b.test"]), [false, true, false]),
        (ClientAuth::RequireAndVerify, sans(&["other"]), [false, false, false]),
        (ClientAuth::RequireAny, sans(&["client.test"]), [false, true, true]),
        (ClientAuth::RequireAny, sans(&[]), [false, false, false]),
    ] {
        let web = over_tls(TlsServer { client_allowed_sans: names.clone(), ..tls(kind) });
        let (server, _, _) = server(Ok(web));
        drive_face(&server, Face::Main, async |address, _| {
            let mut got = Vec::new();
            for who in [None, Some(CLIENT), Some(STRANGER)] {
                let answer = asked_tls(&address, who, &head("GET", "/-/healthy", "")).await;
                got.push(answer.is_ok_and(|answer| code(&answer) == "200"));
            }
            assert_eq!(got, want, "{kind:?} {names:?}");
        });
    }
}

#[test]
fn a_certificate_that_is_its_own_authority() {
    let own = (include_str!("pem/selfmade.pem"), include_str!("pem/selfmade.key"));
    for (authority, want) in [(own.0, true), (CA, false)] {
        let client_ca = Some(inline(authority));
        let web = over_tls(TlsServer { client_ca, ..tls(ClientAuth::RequireAndVerify) });
        let (server, _, _) = server(Ok(web));
        drive_face(&server, Face::Main, async |address, _| {
            let answer = asked_tls(&address, Some(own), &head("GET", "/-/healthy", "")).await;
            assert_eq!(answer.is_ok_and(|answer| code(&answer) == "200"), want);
        });
    }
}

#[test]
fn a_silent_client_does_not_hold_the_end() {
    let (server, _, _) = server(Ok(over_tls(tls(ClientAuth::None))));
    let mut silent = None;
    drive_face(&server, Face::Main, async |address, state| {
        silent = Some(TcpStream::connect(&address).await.unwrap());
        while state.metrics.connections.value() != 1.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(silent.is_some());
}

#[test]
fn settings_of_handshakes() {
    let base = tls(ClientAuth::None);
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (tls, want) in [
        (TlsServer { max_version: TlsVersion::Tls12, ..base.clone() }, true),
        (TlsServer { min_version: TlsVersion::Tls13, ..base.clone() }, true),
        (TlsServer { curves: texts(&["CurveP384"]), ..base.clone() }, true),
        // The certificate is of another kind.
        (
            TlsServer {
                max_version: TlsVersion::Tls12,
                cipher_suites: texts(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]),
                ..base.clone()
            },
            false,
        ),
        (
            TlsServer {
                max_version: TlsVersion::Tls12,
                cipher_suites: texts(&["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"]),
                ..base.clone()
            },
            true,
        ),
        (
            TlsServer { cipher_suites: texts(&["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]), ..base },
            true,
        ),
    ] {
        let (server, _, _) = server(Ok(over_tls(tls.clone())));
        drive_face(&server, Face::Main, async |address, _| {
            let answer = asked_tls(&address, None, &head("GET", "/-/healthy", "")).await;
            assert_eq!(answer.is_ok(), want, "{tls:?} {answer:?}");
        });
    }
}

#[test]
fn headers_are_added_to_everything() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![header("X-Frame-Options", "deny"), header("Content-Security-Policy", "x")];
    let web = with_alice(WebConfig { headers, ..WebConfig::default() });
    let (server, _, _) = server(Ok(web));
    drive_face(&server, Face::Main, async |address, _| {
        for who in [RIGHT, ""] {
            for path in ["/-/healthy", "/nothing", "/"] {
                let answer = asked(&address, &head("GET", path, who)).await;
                assert!(answer.contains("x-frame-options: deny\r\n"), "{answer}");
                assert_eq!(answer.matches("content-security-policy: ").count(), 1, "{answer}");
            }
        }
    });
}

#[test]
fn more_requests_than_allowed() {
    let limit = RateLimit { interval: Duration::from_secs(1), burst: 2 };
    let web = WebConfig { rate_limit: Some(limit), ..with_alice(WebConfig::default()) };
    let (server, _, _) = server(Ok(web));
    drive_face(&server, Face::Main, async |address, _| {
        let mut codes = Vec::new();
        for _ in 0..3 {
            codes.push(code(&asked(&address, &head("GET", "/-/healthy", RIGHT)).await));
        }
        assert_eq!(codes, ["200", "200", "429"]);
        let answer = asked(&address, &head("GET", "/-/healthy", "")).await;
        assert!(answer.ends_with("\r\n\r\nToo Many Requests\n"), "{answer}");
    });
}

#[test]
fn a_changed_file_counts_from_the_next_request() {
    let (server, said, path) = server(Ok(WebConfig::default()));
    drive_face(&server, Face::Main, async |address, _| {
        let ask = async |who: &str| code(&asked(&address, &head("GET", "/-/healthy", who)).await);
        assert_eq!(ask("").await, "200");
        *said.lock() = Ok(with_alice(WebConfig::default()));
        assert_eq!(ask("").await, "200");
        touch(&path, "22");
        assert_eq!((ask("").await, ask(RIGHT).await), ("401".to_owned(), "200".to_owned()));
        *said.lock() = Err("nonsense".to_owned());
        touch(&path, "333");
        let answer = asked(&address, &head("GET", "/-/healthy", RIGHT)).await;
        assert_eq!(code(&answer), "500");
        assert!(answer.ends_with("\r\n\r\nInternal Server Error\n"), "{answer}");
        *said.lock() = Ok(WebConfig::default());
        touch(&path, "4444");
        assert_eq!(ask("").await, "200");
    });
}

#[test]
fn changed_certificates_count_from_the_next_handshake() {
    let dir = std::env::temp_dir().join(format!("mangru-web-{}-certs", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (cert, key) = (dir.join("s.pem"), dir.join("s.key"));
    touch(&cert, SERVER.0);
    touch(&key, SERVER.1);
    let files = TlsServer {
        cert: Source::File(cert.clone()),
        key: Source::File(key.clone()),
        ..tls(ClientAuth::None)
    };
    let (server, said, path) = server(Ok(over_tls(files.clone())));
    drive_face(&server, Face::Main, async |address, _| {
        let ask = async || asked_tls(&address, None, &head("GET", "/-/healthy", "")).await.is_ok();
        assert!(ask().await);
        touch(&cert, STRANGER.0);
        assert!(!ask().await, "the key is another's");
        touch(&key, STRANGER.1);
        assert!(!ask().await, "the client knows no stranger");
        touch(&cert, SERVER.0);
        touch(&key, SERVER.1);
        assert!(ask().await);
        *said.lock() = Ok(WebConfig::default());
        touch(&path, "without TLS");
        assert!(!ask().await, "TLS is never left out quietly");
        *said.lock() = Ok(over_tls(files.clone()));
        touch(&path, "with TLS again");
        assert!(ask().await);
    });
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn what_a_server_does_not_start_with() {
    let (server, _, path) = server(Ok(WebConfig::default()));
    drop(server);
    let start = |web: Result<WebConfig, String>| {
        let file = WebFile { path: path.clone(), load: Arc::new(move || web.clone()) };
        crate::web::Guard::new(file)
            .err()
            .unwrap_or_default()
            .replace(&*path.to_string_lossy(), "W")
    };
    let base = tls(ClientAuth::RequireAndVerify);
    let with = |tls: TlsServer| start(Ok(over_tls(tls)));
    let missing = Source::File(PathBuf::from("/nowhere/x.pem"));
    for (error, want) in [
        (start(Err("W:1:1: nonsense".to_owned())), "W:1:1: nonsense"),
        (
            with(TlsServer { cert: missing.clone(), ..base.clone() }),
            "W: failed to read cert_file (/nowhere/x.pem): open /nowhere/x.pem: no such file or directory",
        ),
        (
            with(TlsServer { key: missing, ..base.clone() }),
            "W: failed to read key_file (/nowhere/x.pem): open /nowhere/x.pem: no such file or directory",
        ),
        (
            with(TlsServer { cert: inline("x"), ..base.clone() }),
            "W: failed to load X509KeyPair: tls: failed to find any PEM data in certificate input (cert)",
        ),
        (
            with(TlsServer { key: inline("x"), ..base.clone() }),
            "W: failed to load X509KeyPair: tls: failed to find any PEM data in key input (key)",
        ),
        (
            with(TlsServer { key: inline(CLIENT.1), ..base.clone() }),
            "W: failed to load X509KeyPair: tls: private key does not match public key",
        ),
        (
            with(TlsServer { client_ca: Some(inline("x")), ..base.clone() }),
            "W: client_ca: no PEM certificate found",
        ),
        (with(TlsServer { client_ca: None, ..base }), ""),
    ] {
        assert_eq!(error, want);
    }
}

/// A server with a token for each scope, and alice when there are passwords.
fn with_tokens(passwords: bool) -> Server {
    let token = |name: &str, scopes: &[Scope]| {
        Token::new(name.to_owned(), &format!("{name}-0123456789"), scopes.to_vec())
    };
    let tokens = vec![
        token("reader", &[Scope::Read]),
        token("writer", &[Scope::Write]),
        token("admin", &[Scope::Admin]),
        token("all", &[Scope::Read, Scope::Write, Scope::Admin]),
    ];
    let path = std::env::temp_dir().join(format!("mangru-web-{}-tokens.yml", std::process::id()));
    touch(&path, "1");
    let web = with_alice(WebConfig::default());
    let file = WebFile { path, load: Arc::new(move || Ok(web.clone())) };
    let web = passwords.then_some(file);
    let write_token = Some(Secret::new("the-write-token"));
    let push =
        PushConfig { write_token: write_token.filter(|_| passwords), ..PushConfig::default() };
    let config = Config { web, push, lifecycle: true, ..Config::default() };
    let loaded = Loaded { tokens, ..Loaded::default() };
    let server = Server::starting_with(config, loaded, Box::new(|| Err("not now".to_owned())));
    server.state.enter(crate::state::Phase::Ready);
    super::push::with_gateway(server)
}

/// Status codes of the same requests by `who`.
fn codes(server: &Server, who: &str) -> String {
    let mut codes = Vec::new();
    for (method, path) in [
        ("GET", "/-/healthy"),
        ("OPTIONS", "/api/v1/query"),
        ("GET", "/metrics"),
        ("PUT", "/metrics/job/x"),
        ("POST", "/api/v1/write"),
        ("POST", "/-/reload"),
        ("GET", "/nothing"),
    ] {
        let mut request = hyper::Request::builder().method(method).uri(path);
        if !who.is_empty() {
            request = request.header("Authorization", who);
        }
        let got = server.send(request.body(http_body_util::Full::default()).unwrap());
        codes.push(got.status.to_string());
    }
    codes.join(" ")
}

#[test]
fn tokens_open_what_their_scopes_say() {
    let server = with_tokens(false);
    for (who, want) in [
        ("", "200 204 401 401 401 401 401"),
        ("Bearer reader-0123456789", "200 204 200 403 403 403 404"),
        ("Bearer writer-0123456789", "200 204 403 200 404 403 404"),
        ("Bearer admin-0123456789", "200 204 403 403 403 500 404"),
        ("Bearer all-0123456789", "200 204 200 200 404 500 404"),
        ("bearer all-0123456789", "200 204 200 200 404 500 404"),
        // all-0123456789 as a password
        ("Basic eDphbGwtMDEyMzQ1Njc4OQ==", "200 204 200 200 404 500 404"),
        ("Bearer all-012345678", "200 204 401 401 401 401 401"),
        ("Bearer ", "200 204 401 401 401 401 401"),
        ("Basic YWxpY2U6cmlnaHQ=", "200 204 401 401 401 401 401"),
    ] {
        assert_eq!(codes(&server, who), want, "{who}");
    }
    let refused = server.get("/metrics");
    let ways: Vec<_> = refused.headers.get_all("www-authenticate").iter().collect();
    assert_eq!(ways, ["Bearer", "Basic"]);
    let request =
        hyper::Request::get("/metrics").header("Authorization", "Bearer admin-0123456789");
    let got = server.send(request.body(http_body_util::Full::default()).unwrap());
    assert_eq!(got.line(), "403 token \"admin\" has no scope read\n");
}

#[test]
fn passwords_and_tokens_together() {
    let server = with_tokens(true);
    for (who, want) in [
        ("", "401 401 401 401 401 401 401"),
        ("Bearer reader-0123456789", "200 204 200 403 403 403 404"),
        ("Basic YWxpY2U6cmlnaHQ=", "200 204 200 200 404 500 404"),
        ("Basic YWxpY2U6d3Jvbmc=", "401 401 401 401 401 401 401"),
        // The gateway's own token opens the gateway alone.
        ("Bearer the-write-token", "401 401 401 200 401 401 401"),
    ] {
        assert_eq!(codes(&server, who), want, "{who}");
    }
}

#[test]
fn every_route_has_its_scope() {
    for (face, want) in [
        (
            Face::Main,
            expect![[r#"
        Read GET,POST /api/v1/query
        Read GET,POST /api/v1/query_range
        Read GET,POST /api/v1/parse_query
        Read GET,POST /api/v1/format_query
        Read GET,POST /api/v1/query_exemplars
        Read GET,POST /api/v1/labels
        Read GET,POST /api/v1/series
        Admin POST,PUT /api/v1/admin/tsdb/snapshot
        Admin POST,PUT /api/v1/admin/tsdb/delete_series
        Admin POST,PUT /api/v1/admin/tsdb/clean_tombstones
        Write POST /api/v1/write
        Open OPTIONS /api/v1/*
        Write PUT,POST,DELETE /metrics/job/*
        Write PUT,POST,DELETE /metrics/job@base64/*
        Open GET,HEAD /-/healthy
        Open GET,HEAD /-/ready
        Admin POST,PUT /-/reload
        Admin POST,PUT /-/quit
    "#]],
        ),
        (
            Face::Push,
            expect![[r#"
                Write PUT,POST,DELETE /metrics/job/*
                Write PUT,POST,DELETE /metrics/job@base64/*
                Admin PUT /api/v1/admin/wipe
                Admin POST,PUT /api/v1/admin/delete_groups
                Open OPTIONS /api/v1/metrics
                Open OPTIONS /api/v1/status
                Open GET /-/healthy
                Open GET /-/ready
                Admin POST,PUT /-/quit
            "#]],
        ),
    ] {
        let mut lines = String::new();
        for route in face.routes() {
            let methods: Vec<&str> = route.methods.iter().map(hyper::Method::as_str).collect();
            // What only reads is the rule.
            if route.scope != Scope::Read || methods != ["GET"] {
                lines.push_str(&format!(
                    "{:?} {} {}\n",
                    route.scope,
                    methods.join(","),
                    route.path
                ));
            }
        }
        want.assert_eq(&lines);
    }
}

#[test]
fn the_page_says_what_is_open() {
    const OPEN: &str = "listening on an open address without authentication: 0.0.0.0:9090";
    const PLAIN: &str = "passwords and tokens go over plain HTTP on an open address: 0.0.0.0:9090";
    let config = || Config { web: None, ..Config::default() };
    let push = PushConfig { write_token: Some(Secret::new("t0ken")), ..PushConfig::default() };
    let secure = |web: WebConfig| {
        let path = std::env::temp_dir().join(format!("mangru-web-{}-open.yml", std::process::id()));
        touch(&path, "1");
        WebFile { path, load: Arc::new(move || Ok(web.clone())) }
    };
    let over_tls = || over_tls(tls(ClientAuth::None));
    for (server, want) in [
        (Server::bare(config()), vec![OPEN]),
        (Server::bare(Config { push, ..config() }), vec![OPEN, PLAIN]),
        (with_tokens(false), vec![PLAIN]),
        (with_tokens(true), vec![PLAIN]),
        (Server::bare(Config { web: Some(secure(over_tls())), ..config() }), vec![OPEN]),
        (Server::bare(Config { web: Some(secure(with_alice(over_tls()))), ..config() }), vec![]),
    ] {
        let at = |text: &str| text.parse().unwrap();
        server.state.listen_at(vec![
            at("127.0.0.1:1"),
            at("[::ffff:127.0.0.2]:1"),
            at("0.0.0.0:9090"),
        ]);
        assert_eq!(crate::exposure::warnings(&server.state), want);
        let page = server.send_to(
            Face::Push,
            hyper::Request::get("/status").body(http_body_util::Full::default()).unwrap(),
        );
        let shown = page.text().matches("<p class=bad>").count();
        assert_eq!(shown, if page.status == 200 { want.len() } else { 0 });
    }
    let server = Server::bare(config());
    let info = |server: &Server| server.get("/api/v1/status/runtimeinfo").text().to_owned();
    assert!(!info(&server).contains("warning"));
    server.state.listen_at(vec!["0.0.0.0:9090".parse().unwrap()]);
    assert!(info(&server).contains(&format!("\"warning\":\"{OPEN}\"")), "{}", info(&server));
}
