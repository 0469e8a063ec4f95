//! Clients of a push gateway for measurements: `pushload ADDRESS CLIENTS GROUPS METRICS SECONDS RATE`. Each client keeps one
//! connection and puts METRICS metrics in one of its groups after the other: for SECONDS, or once through all GROUPS when that is 0.
//! RATE is pushes a second of all clients together; 0: as fast as the answers come. Prints one line of JSON; latencies in microseconds,
//! counted from when a push was due. Standard library only; `rustc -O bench/pushload.rs` builds it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[derive(Clone)]
struct Plan {
    address: String,
    clients: usize,
    groups: usize,
    metrics: usize,
    seconds: u64,
    rate: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, numbers @ ..] = &args[..] else { panic!("usage: see the head of the source") };
    let numbers: Vec<usize> = numbers.iter().map(|one| one.parse().expect("a number")).collect();
    let [clients, groups, metrics, seconds, rate] = numbers[..] else { panic!("five numbers") };
    let plan = Plan { address: address.clone(), clients, groups, metrics, seconds: seconds as u64, rate: rate as u64 };
    let start = Instant::now();
    let threads: Vec<_> = (0..clients)
        .map(|client| {
            let plan = plan.clone();
            let body = std::thread::Builder::new().stack_size(256 << 10);
            body.spawn(move || run(&plan, client, start)).expect("a thread")
        })
        .collect();
    let mut micros = Vec::new();
    let mut refused = 0;
    for thread in threads {
        let (took, failed) = thread.join().expect("a client that ends");
        micros.extend(took);
        refused += failed;
    }
    let seconds = start.elapsed().as_secs_f64();
    micros.sort_unstable();
    let at = |part: usize| micros.get((micros.len() * part / 1000).min(micros.len().saturating_sub(1))).copied().unwrap_or(0);
    println!(
        "{{\"pushes\": {}, \"refused\": {refused}, \"seconds\": {seconds:.3}, \"a_second\": {:.0}, \"p50\": {}, \"p90\": {}, \"p99\": {}, \"max\": {}}}",
        micros.len(), micros.len() as f64 / seconds, at(500), at(900), at(990), at(1000),
    );
}

/// The latencies of a client's pushes, and how many had another answer than 2xx.
fn run(plan: &Plan, client: usize, start: Instant) -> (Vec<u32>, usize) {
    let mut stream = TcpStream::connect(&plan.address).expect("a server");
    stream.set_nodelay(true).expect("a socket");
    let own: Vec<usize> = (client..plan.groups).step_by(plan.clients).collect();
    let gap = if plan.rate == 0 { Duration::ZERO } else { Duration::from_secs(plan.clients as u64) / plan.rate as u32 };
    let (mut took, mut failed, mut request, mut answer) = (Vec::new(), 0, String::new(), Vec::new());
    let mut due = gap * client as u32 / plan.clients as u32;
    for n in 0.. {
        let is_over = if plan.seconds == 0 { n >= own.len() } else { start.elapsed().as_secs() >= plan.seconds };
        if is_over || own.is_empty() {
            break;
        }
        fill(plan, own[n % own.len()], n, &mut request);
        let before = start.elapsed();
        if before < due {
            std::thread::sleep(due - before);
        }
        let begun = if plan.rate > 0 && before >= due { due } else { start.elapsed() };
        stream.write_all(request.as_bytes()).expect("a connection that stays");
        failed += usize::from(!read_answer(&mut stream, &mut answer));
        took.push((start.elapsed() - begun).as_micros() as u32);
        due += gap;
    }
    (took, failed)
}

/// Reads one answer; says whether it is 2xx.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> bool {
    answer.clear();
    let mut piece = [0; 4096];
    loop {
        let n = stream.read(&mut piece).expect("an answer");
        assert!(n > 0, "the server closed the connection");
        answer.extend_from_slice(&piece[..n]);
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length = head.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        if answer.len() >= end + 4 + length {
            return head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        }
    }
}

fn fill(plan: &Plan, group: usize, n: usize, request: &mut String) {
    let mut body = String::new();
    for i in 0..plan.metrics {
        let (kind, ending) = if i % 2 == 0 { ("gauge", "bytes") } else { ("counter", "total") };
        let name = format!("load_job_{i:02}_{ending}");
        writeln!(body, "# HELP {name} What a job of the night has done.\n# TYPE {name} {kind}\n{name}{{stage=\"load\"}} {}.5", group * 1000 + n + i)
            .expect("writing to a String");
    }
    request.clear();
    write!(
        request,
        "PUT /metrics/job/load/instance/host-{group:05} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\r\n{body}",
        plan.address, body.len(),
    )
    .expect("writing to a String");
}
