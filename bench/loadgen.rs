//! A farm of scrape targets for measurements: `loadgen PORT TARGETS SERIES` listens on one port and answers `/TARGET/metrics`
//! with SERIES lines of ten labels (a scraper adds `job` and `instance`), whose values move as counters and noisy gauges do.
//! Standard library only; `rustc -O bench/loadgen.rs` builds it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

struct Farm {
    series: usize,
    /// For each target, the texts of its lines up to the value.
    heads: Vec<Vec<String>>,
    start: Instant,
}

fn main() {
    let args: Vec<usize> =
        std::env::args().skip(1).map(|arg| arg.parse().expect("a number")).collect();
    let [port, targets, series] = args[..] else { panic!("usage: loadgen PORT TARGETS SERIES") };
    let heads = (0..targets).map(|target| (0..series).map(|i| head(target, i)).collect()).collect();
    let farm = Arc::new(Farm { series, heads, start: Instant::now() });
    let port = u16::try_from(port).expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    println!("{targets} targets of {series} series on 127.0.0.1:{port}");
    for stream in listener.incoming().flatten() {
        let farm = Arc::clone(&farm);
        std::thread::spawn(move || serve(&farm, stream));
    }
}

fn head(target: usize, i: usize) -> String {
    format!(
        "synth_metric_{:03}_total{{host=\"host-{:04}\",region=\"eu-west-{}\",zone=\"{}\",env=\"production\",service=\"service-{:02}\",version=\"1.{}.3\",pod=\"pod-{:04}-{:05}\",method=\"GET\",path=\"/api/v1/resource/{:02}\"}} ",
        i % 200, target, target % 3, ["a", "b", "c"][target % 3], target % 20, i % 7, target, i / 50, i / 200,
    )
}

/// Answers requests on one connection until the peer closes it.
fn serve(farm: &Farm, stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut writer = stream;
    let mut body = String::new();
    loop {
        let mut request = String::new();
        if !matches!(reader.read_line(&mut request), Ok(n) if n > 0) {
            return;
        }
        let mut line = String::new();
        while matches!(reader.read_line(&mut line), Ok(n) if n > 2) {
            line.clear();
        }
        let target = request.split('/').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
        fill(farm, target, &mut body);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

fn fill(farm: &Farm, target: usize, body: &mut String) {
    body.clear();
    let Some(heads) = farm.heads.get(target) else { return };
    let seconds = farm.start.elapsed().as_secs();
    let mut noise = (target as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seconds;
    for (i, head) in heads.iter().enumerate().take(farm.series) {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        body.push_str(head);
        let line = match i % 4 {
            0 => writeln!(body, "{}", seconds / 60 * (i as u64 + 1)),
            1 => writeln!(body, "{}", seconds * (10 + i as u64 % 50) + (noise >> 60)),
            2 => writeln!(body, "{}.{:03}", 100 + (noise >> 58), (noise >> 40) % 1000),
            _ => writeln!(body, "{}", i),
        };
        line.expect("writing to a String");
    }
}
