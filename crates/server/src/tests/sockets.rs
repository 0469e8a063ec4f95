//! The server behind real sockets on loopback: taken ports, slow heads, many connections, the end.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::memory::{Memory, Row};
use super::{NOW_MS, Server};
use crate::config::{Config, RunError};
use crate::listen;
use crate::push::face::Face;

const SOON: Duration = Duration::from_secs(5);

/// Serves `config` with room for two connections while `client` talks to it, then stops.
fn with_server<F, Fut>(config: Config, client: F)
where
    F: FnOnce(String, Arc<crate::state::State>) -> Fut,
    Fut: Future<Output = ()>,
{
    drive(&Server::bare(config), client);
}

/// As [`with_server`], over a server that exists.
fn drive<F, Fut>(server: &Server, client: F)
where
    F: FnOnce(String, Arc<crate::state::State>) -> Fut,
    Fut: Future<Output = ()>,
{
    drive_face(server, Face::Main, client);
}

/// As [`drive`], on a listener of a face.
pub(super) fn drive_face<F, Fut>(server: &Server, face: Face, client: F)
where
    F: FnOnce(String, Arc<crate::state::State>) -> Fut,
    Fut: Future<Output = ()>,
{
    let state = Arc::clone(&server.state);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut listeners = listen::open(&["127.0.0.1:0".to_owned()]).await.unwrap();
        let listener = listeners.pop().unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let room = Arc::new(Semaphore::new(2));
        let served = tokio::spawn(listen::accept(listener, face, Arc::clone(&state), room));
        timeout(SOON, client(address, Arc::clone(&state)))
            .await
            .expect("the client is done in time");
        state.stop();
        timeout(SOON, served).await.expect("the server ends in time").unwrap();
    });
}

/// Sends `head` and reads until the server closes.
pub(super) async fn asked(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const HEALTHY: &str = "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[test]
fn a_taken_main_address_is_an_error_and_another_is_not() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
        let error = listen::open(std::slice::from_ref(&taken.1)).await.unwrap_err();
        assert!(matches!(error, RunError::Listen { .. }));
        assert!(
            error.to_string().starts_with(&format!("cannot listen on {}: ", taken.1)),
            "{error}"
        );
        let both = ["127.0.0.1:0".to_owned(), taken.1.clone()];
        assert_eq!(listen::open(&both).await.unwrap().len(), 1);
        assert!(matches!(listen::open(&[]).await, Err(RunError::NoAddress)));
    });
}

#[test]
fn answers_go_over_sockets() {
    with_server(Config::default(), async |address, _| {
        let answer = asked(&address, HEALTHY).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("Prometheus Server is Healthy.\n"), "{answer}");
    });
}

#[test]
fn targets_may_hold_what_people_type() {
    with_server(Config::default(), async |address, _| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        for target in ["/graph?a=\"b\"<c>", "/graph?a=%22"] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: \"x\"\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = [0; 1024];
            let n = stream.read(&mut answer).await.unwrap();
            let answer = std::str::from_utf8(&answer[..n]).unwrap();
            assert!(answer.starts_with("HTTP/1.1 302 "), "{target} {answer}");
            assert!(answer.contains("/query?a=%22"), "{answer}");
        }
    });
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    let config = Config { read_timeout: Duration::from_millis(100), ..Config::default() };
    with_server(config, async |address, _| {
        asked(&address, "GET /-/healthy HTTP/1.1\r\nHost: ").await;
    });
}

#[test]
fn a_body_that_never_ends_is_cut_off() {
    let config = Config { read_timeout: Duration::from_millis(100), ..Config::default() };
    with_server(config, async |address, _| {
        let head = "POST /-/quit HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab";
        let answer = asked(&address, head).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    });
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    with_server(Config::default(), async |address, _| {
        let head = format!("GET /-/healthy?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000));
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // The server may close before it has read everything.
        let _sent = stream.write_all(head.as_bytes()).await.is_ok();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer).await.is_ok();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    });
}

#[test]
fn connections_past_the_bound_wait() {
    with_server(Config::default(), async |address, _| {
        let first = TcpStream::connect(&address).await.unwrap();
        let _second = TcpStream::connect(&address).await.unwrap();
        let mut third = TcpStream::connect(&address).await.unwrap();
        third.write_all(HEALTHY.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let early = timeout(Duration::from_millis(100), third.read_exact(&mut answer)).await;
        assert!(early.is_err(), "a third connection was served");
        drop(first);
        third.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    });
}

#[test]
fn smuggled_requests_are_refused() {
    with_server(Config::default(), async |address, _| {
        for head in [
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "GET /-/healthy HTTP/1.1\r\nHost: x\r\nFolded: a\r\n b\r\n\r\n",
            "GET /-/healthy\u{0} HTTP/1.1\r\nHost: x\r\n\r\n",
        ] {
            let answer = asked(&address, head).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{head:?} {answer:?}");
        }
    });
}

/// Hundreds of series whose windows are sorted at thousands of steps: minutes of work.
fn endless() -> Server {
    let samples: Vec<(i64, f64)> = (0..1800_u32)
        .map(|i| (NOW_MS - i64::from(1800 - i) * 1000, f64::from(i * 7919 % 1801)))
        .collect();
    let names: Vec<String> = (0..400).map(|i| i.to_string()).collect();
    let labels: Vec<[(&str, &str); 2]> =
        names.iter().map(|name| [("__name__", "x"), ("i", name.as_str())]).collect();
    let rows: Vec<Row<'_>> =
        labels.iter().map(|labels| (labels.as_slice(), samples.as_slice())).collect();
    Server::over(Config::default(), Memory::with(&rows))
}

#[test]
fn a_query_stops_when_its_client_goes() {
    drive(&endless(), async |address, state| {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let end = NOW_MS / 1000;
        let head = format!(
            "GET /api/v1/query_range?query=quantile_over_time(0.5,x[30m])&start={}&end={end}&step=1 HTTP/1.1\r\nHost: x\r\n\r\n",
            end - 1800
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let running = async |wanted: f64| {
            while state.metrics.queries.value() != wanted {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        running(1.0).await;
        drop(stream);
        running(0.0).await;
    });
}
