//! Whole scrapes over loopback: a target that misbehaves in one way at a time.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::labels::Labels;
use model::regex::Regex;
use model::relabel::{Action, Rule};
use stdx::budget::Budget;
use stdx::clock::RealClock;
use stdx::metrics::{PointValue, Registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{FileSd, Group, Limits, ScrapeConfig};
use crate::target::{ActiveTarget, Health};
use crate::testing::FakeStorage;
use crate::{Manager, Options};

/// A server on loopback that answers each request with the next of `answers` (the last one again and again).
struct Server {
    address: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    last_request: Arc<parking_lot::Mutex<String>>,
}

impl Server {
    async fn new(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap().to_string(),
            connections: Arc::default(),
            requests: Arc::default(),
            last_request: Arc::default(),
        };
        let (connections, requests) =
            (Arc::clone(&server.connections), Arc::clone(&server.requests));
        let last = Arc::clone(&server.last_request);
        let answers = Arc::new(answers);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (answers, requests, last) =
                    (Arc::clone(&answers), Arc::clone(&requests), Arc::clone(&last));
                tokio::spawn(async move { serve(tcp, &answers, &requests, &last).await });
            }
        });
        server
    }
}

async fn serve(
    mut tcp: TcpStream,
    answers: &[Vec<u8>],
    requests: &AtomicUsize,
    last: &parking_lot::Mutex<String>,
) {
    let mut head = Vec::new();
    while let Ok(byte) = tcp.read_u8().await {
        head.push(byte);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        *last.lock() = String::from_utf8(std::mem::take(&mut head)).unwrap();
        let n = requests.fetch_add(1, Ordering::SeqCst);
        let answer = &answers[n.min(answers.len() - 1)];
        if tcp.write_all(answer).await.is_err() {
            return;
        }
        if answer.ends_with(b"!stall!") {
            std::future::pending::<()>().await;
        }
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n", body.len())
        .into_bytes();
    out.extend_from_slice(body);
    out
}

fn text(body: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: text/plain; version=0.0.4\r\n", body.as_bytes())
}

fn manager(storage: &Arc<FakeStorage>) -> Manager {
    manager_with(storage, Registry::default())
}

fn manager_with(storage: &Arc<FakeStorage>, registry: Registry) -> Manager {
    Manager::new(Options {
        appendable: Arc::<FakeStorage>::clone(storage),
        clock: Arc::new(RealClock::default()),
        registry,
        runtime: tokio::runtime::Handle::current(),
        budget: Budget::new("scrape bodies", 64 << 20),
        parse_yaml: None,
        hostname: "h".to_owned(),
        user_agent: "Prometheus/0".to_owned(),
        append_metadata: false,
        readers_max: 2,
    })
}

fn config(address: &str) -> ScrapeConfig {
    let targets = vec![address.to_owned()];
    ScrapeConfig {
        job_name: "j".to_owned(),
        interval_ms: 40,
        timeout_ms: 40,
        static_configs: vec![Group { targets, labels: Labels::default() }],
        ..ScrapeConfig::default()
    }
}

/// Waits until the only target was scraped and `done` holds.
async fn wait_for(manager: &Manager, done: impl Fn(&ActiveTarget) -> bool) -> ActiveTarget {
    for _ in 0..400 {
        if let Some(target) = manager.targets().active.pop()
            && target.health != Health::Unknown
            && done(&target)
        {
            return target;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within two seconds: {:?}", manager.targets());
}

/// What the targets page says after the first scrape of a server that answers so.
async fn error_of(answers: Vec<Vec<u8>>, change: impl FnOnce(&mut ScrapeConfig)) -> String {
    let server = Server::new(answers).await;
    let storage = Arc::new(FakeStorage::default());
    let manager = manager(&storage);
    let mut config = config(&server.address);
    change(&mut config);
    manager.apply(vec![config], &Labels::default()).unwrap();
    let target = wait_for(&manager, |_| true).await;
    manager.stop().await;
    assert_eq!(target.health == Health::Up, target.last_error.is_empty());
    target.last_error.replace(&server.address, "ADDR")
}

fn long(config: &mut ScrapeConfig) {
    (config.interval_ms, config.timeout_ms) = (250, 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_target_keeps_its_connection() {
    let server = Server::new(vec![text("# TYPE a counter\na 1\n")]).await;
    let storage = Arc::new(FakeStorage::default());
    let manager = manager(&storage);
    manager.apply(vec![config(&server.address)], &Labels::default()).unwrap();
    let target = wait_for(&manager, |_| server.requests.load(Ordering::SeqCst) >= 3).await;
    assert_eq!((target.health, target.last_error.as_str()), (Health::Up, ""));
    assert_eq!(target.scrape_url, format!("http://{}/metrics", server.address));
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    let request = server.last_request.lock().to_lowercase();
    for line in [
        "get /metrics http/1.1\r\n",
        "accept-encoding: gzip\r\n",
        "x-prometheus-scrape-timeout-seconds: 0.04\r\n",
        "user-agent: prometheus/0\r\n",
    ] {
        assert!(request.contains(line), "{request}");
    }
    let mut seen = Vec::new();
    manager.metadata(Some("a"), &mut |labels, family, metadata| {
        seen.push(format!("{} {family} {}", labels.get("job").unwrap(), metadata.kind.as_str()));
        true
    });
    assert_eq!(seen, ["j a counter"]);
    manager.stop().await;
    assert!(manager.targets().active.is_empty());
    let stored = storage.take();
    assert!(stored.starts_with(&format!("a{{instance={},job=j}} 1 @", server.address)), "{stored}");
    assert!(!stored.contains("stale"), "no markers when the server stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_answers_are_named() {
    let garbage = vec![b"this is not HTTP\r\n\r\n".to_vec()];
    for (answers, error) in [
        (vec![answer("500 Oh No", "", b"x")], "server returned HTTP status 500 Oh No"),
        (
            vec![text("a 1\n{{{\n")],
            "expected label name, got \"{\" (\"INVALID\") while parsing: \"{{\"",
        ),
        (
            vec![answer("200 OK", "", b"a 1\n")],
            "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target",
        ),
        (
            vec![answer("301 Moved", "Location: ftp://x/\r\n", b"")],
            "Get \"ftp://x/\": unsupported protocol scheme \"ftp\"",
        ),
        (
            vec![answer("302 Found", "Location: /again\r\n", b"")],
            "Get \"/again\": stopped after 10 redirects",
        ),
        (vec![answer("302 Found", "Location: /moved\r\n", b""), text("a 1\n")], ""),
    ] {
        assert_eq!(error_of(answers, long).await, error);
    }
    let error = error_of(garbage, long).await;
    assert!(error.contains("malformed HTTP response"), "{error}");
    let error = error_of(vec![answer("302 Found", "Location: /x\r\n", b"")], |config| {
        long(config);
        config.client.follow_redirects = false;
    })
    .await;
    assert_eq!(error, "server returned HTTP status 302 Found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_targets_are_cut_off_at_the_timeout() {
    let silent = vec![b"HTTP/1.1 200 OK\r\nX: !stall!".to_vec()];
    let error = error_of(silent, |_| {}).await;
    // Whatever comes before the head is complete does not count as an answer.
    assert_eq!(error, "Get \"http://ADDR/metrics\": context deadline exceeded");
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\na 1\n!stall!";
    let error = error_of(vec![head.as_bytes().to_vec()], |_| {}).await;
    assert_eq!(error, "context deadline exceeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_port_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let storage = Arc::new(FakeStorage::default());
    let manager = manager(&storage);
    manager.apply(vec![config(&free.to_string())], &Labels::default()).unwrap();
    let target = wait_for(&manager, |_| true).await;
    let error =
        format!("Get \"http://{free}/metrics\": dial tcp {free}: connect: connection refused");
    assert_eq!(target.last_error, error);
    manager.stop().await;
    assert!(storage.take().contains("up{"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_refused_packed_or_not() {
    let small = |config: &mut ScrapeConfig| {
        long(config);
        config.limits = Limits { body_size: 1000, ..Limits::default() };
    };
    let line = "metric 1\n";
    assert_eq!(error_of(vec![text(&line.repeat(111))], small).await, "");
    assert_eq!(error_of(vec![text(&line.repeat(112))], small).await, "body size limit exceeded");
    let packed = |body: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(body).unwrap();
        let headers = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
        answer("200 OK", headers, &encoder.finish().unwrap())
    };
    assert_eq!(error_of(vec![packed(b"a 1\n")], small).await, "");
    let bomb = packed(line.repeat(10_000).as_bytes());
    assert!(bomb.len() < 1000);
    assert_eq!(error_of(vec![bomb], small).await, "body size limit exceeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_target_is_marked_stale_and_an_unchanged_one_goes_on() {
    let server = Server::new(vec![text("a 1\n")]).await;
    let storage = Arc::new(FakeStorage::default());
    let manager = manager(&storage);
    let first = config(&server.address);
    manager.apply(vec![first.clone()], &Labels::default()).unwrap();
    wait_for(&manager, |_| true).await;
    let mut second = first.clone();
    second.limits.sample = 100;
    second.static_configs[0].targets.push(server.address.clone());
    manager.apply(vec![second], &Labels::default()).unwrap();
    assert_eq!(manager.targets().active.len(), 1);
    let n = server.requests.load(Ordering::SeqCst);
    wait_for(&manager, |_| server.requests.load(Ordering::SeqCst) > n).await;
    assert!(!storage.take().contains("stale"));

    manager.apply(Vec::new(), &Labels::default()).unwrap();
    assert!(manager.targets().active.is_empty());
    let mut stored = String::new();
    for _ in 0..200 {
        stored.push_str(&storage.take());
        if stored.contains("stale") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let marked = stored.lines().filter(|line| line.contains(" stale @")).count();
    assert_eq!(marked, 6, "{stored}");
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_targets_are_all_down() {
    let server = Server::new(vec![text("a 1\n")]).await;
    let storage = Arc::new(FakeStorage::default());
    let manager = manager(&storage);
    let mut config = config(&server.address);
    config.limits.target = 1;
    config.static_configs[0].targets.push("127.0.0.1:1".to_owned());
    manager.apply(vec![config], &Labels::default()).unwrap();
    let target = wait_for(&manager, |_| true).await;
    assert_eq!(target.last_error, "target_limit exceeded (number of targets: 2, limit: 1)");
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_come_from_files_and_the_metrics_say_so() {
    let server = Server::new(vec![text("a 1\n")]).await;
    let path = std::env::temp_dir().join(format!("mangru-targets-{}.json", std::process::id()));
    let groups =
        format!(r#"[{{"targets": ["{}", "dropped:1"], "labels": {{"x": "y"}}}}]"#, server.address);
    #[expect(clippy::disallowed_methods, reason = "a test's file needs no durability")]
    std::fs::write(&path, groups).unwrap();
    let registry = Registry::default();
    let manager = manager_with(&Arc::default(), registry.clone());
    let mut config = config(&server.address);
    config.static_configs.clear();
    config.file_sd_configs =
        vec![FileSd { files: vec![path.clone()], refresh_interval_ms: 60_000 }];
    config.relabel_configs = vec![Rule {
        source_labels: vec!["__address__".to_owned()],
        regex: Arc::new(Regex::wrapped("dropped:.*").unwrap()),
        action: Action::Drop,
        ..Rule::default()
    }];
    manager.apply(vec![config], &Labels::default()).unwrap();
    let target = wait_for(&manager, |_| true).await;
    assert_eq!(target.labels.get("x"), Some("y"));
    let shown = path.display().to_string();
    assert_eq!(target.discovered_labels.get("__meta_filepath"), Some(shown.as_str()));
    let targets = manager.targets();
    assert_eq!((targets.dropped.len(), targets.dropped_counts["j"]), (1, 1));
    wait_for(&manager, |_| server.requests.load(Ordering::SeqCst) >= 3).await;
    let families = registry.gather();
    let value = |name: &str| {
        let family = families.iter().find(|family| family.name == name).unwrap();
        match family.points[0].value {
            PointValue::Number(n) => n,
            PointValue::Summary { count, .. } => stdx::metrics::float(count),
            PointValue::Histogram { .. } => panic!("{name} is a histogram"),
        }
    };
    assert_eq!(value("prometheus_sd_discovered_targets"), 2.0);
    assert_eq!(value("prometheus_target_scrape_pool_targets"), 1.0);
    assert_eq!(value("prometheus_target_scrape_pools_total"), 1.0);
    assert!(value("prometheus_target_interval_length_seconds") >= 1.0);
    manager.stop().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn configurations_that_are_refused() {
    let manager = manager(&Arc::default());
    let apply = |change: &dyn Fn(&mut ScrapeConfig)| {
        let mut one = config("h:1");
        (one.interval_ms, one.timeout_ms) = (60_000, 60_000);
        change(&mut one);
        manager.apply(vec![one], &Labels::default()).unwrap_err().to_string()
    };
    for (change, error) in [
        (
            &(|c: &mut ScrapeConfig| c.convert_classic_histograms_to_nhcb = true)
                as &dyn Fn(&mut ScrapeConfig),
            "convert_classic_histograms_to_nhcb is not supported yet",
        ),
        (&|c| c.client.unsupported = Some("oauth2"), "oauth2 is not supported yet"),
        (
            &|c| c.client.proxy.url = net::config::Secret::new("socks5://x"),
            "proxy_url: expected http://[user:password@]host:port",
        ),
    ] {
        assert_eq!(apply(change), format!("scrape config \"j\": {error}"));
    }
    let twice = vec![config("h:1"), config("h:2")];
    let error = manager.apply(twice, &Labels::default()).unwrap_err().to_string();
    assert_eq!(error, "scrape config \"j\": job_name stands twice");
    assert!(manager.targets().active.is_empty());
}
