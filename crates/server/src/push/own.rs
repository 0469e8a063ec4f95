//! What the gateway says of itself, under Pushgateway's names.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hyper::{Method, StatusCode};
use model::metadata::MetricType;
use parking_lot::Mutex;
use scrape::push::{Family, Grouping, Metric, Value};

use crate::config::Version;
use crate::http::Request;
use crate::route::Route;

/// The version of Pushgateway whose surface this is.
const PUSHGATEWAY_VERSION: &str = "1.11.2";
/// Observations that quantiles are taken from.
const WINDOW: usize = 1024;
/// The quantiles that are told.
const QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];

const BUILD: (&str, &str) = (
    "pushgateway_build_info",
    "A metric with a constant '1' value labeled by version, revision, branch, goversion from which pushgateway was built, and the goos and goarch for the build.",
);
const DURATION: (&str, &str) = (
    "pushgateway_http_push_duration_seconds",
    "HTTP request duration for pushes to the Pushgateway.",
);
const SIZE: (&str, &str) =
    ("pushgateway_http_push_size_bytes", "HTTP request size for pushes to the Pushgateway.");
const REQUESTS: (&str, &str) = (
    "pushgateway_http_requests_total",
    "Total HTTP requests processed by the Pushgateway, excluding scrapes.",
);

/// The families of the gateway itself with their types; nobody can push one of another type.
pub(crate) const FAMILIES: [((&str, &str), MetricType); 4] = [
    (BUILD, MetricType::Gauge),
    (DURATION, MetricType::Summary),
    (SIZE, MetricType::Summary),
    (REQUESTS, MetricType::Counter),
];

/// Handler, method, code.
type Kind = (&'static str, String, u16);

#[derive(Debug, Default)]
pub(crate) struct Own {
    requests: Mutex<BTreeMap<Kind, u64>>,
    /// Duration in seconds and size in bytes of pushes, by method.
    pushes: Mutex<BTreeMap<String, [Summary; 2]>>,
}

/// Observations summed up, the newest kept.
#[derive(Debug, Default)]
struct Summary {
    count: u64,
    sum: f64,
    newest: VecDeque<f64>,
}

impl Summary {
    fn observe(&mut self, value: f64) {
        self.count += 1;
        self.sum += value;
        self.newest.push_back(value);
        if self.newest.len() > WINDOW {
            self.newest.pop_front();
        }
    }

    fn value(&self) -> Value {
        let mut sorted: Vec<f64> = self.newest.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |(i, q): (usize, f64)| {
            // Tenths: 1, 5 and 9 of ten.
            let tenths = [1, 5, 9][i];
            (q, sorted[(sorted.len() * tenths / 10).min(sorted.len() - 1)])
        };
        let quantiles = QUANTILES.into_iter().enumerate().map(quantile).collect();
        Value::Summary { count: self.count, sum: self.sum, quantiles }
    }
}

/// What is counted of a request once it is answered.
#[derive(Debug)]
pub(crate) struct Seen {
    handler: &'static str,
    method: Method,
    bytes: u64,
}

impl Seen {
    /// `None`: requests of this route are not counted here.
    pub(crate) fn of(route: &Route, request: &Request) -> Option<Self> {
        let method = request.method.clone();
        let handler = match route.path {
            "/metrics/job/*" | "/metrics/job@base64/*" => {
                if method == Method::DELETE {
                    "delete"
                } else {
                    "push"
                }
            }
            _ if method == Method::OPTIONS => "api/v1/options",
            "/api/v1/metrics" => "api/v1/metrics",
            "/api/v1/status" => "api/v1/status",
            "/api/v1/admin/wipe" => "wipe",
            "/-/healthy" => "healthy",
            "/-/ready" => "ready",
            "/-/quit" => "quit",
            "/" | "/status" => "status",
            _ => return None,
        };
        Some(Self { handler, method, bytes: size(request) })
    }

    /// Whether it is counted wherever it comes in.
    pub(crate) fn is_push(&self) -> bool {
        matches!(self.handler, "push" | "delete")
    }
}

/// The bytes of a request's head, nearly; those of its body are added as they are said.
fn size(request: &Request) -> u64 {
    let headers = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    let head = request.method.as_str().len() + request.path.len() + "HTTP/1.1".len();
    let said = request.header(&hyper::header::CONTENT_LENGTH).parse().unwrap_or(0);
    (head + headers.sum::<usize>()) as u64 + said
}

impl Own {
    pub(crate) fn observe(&self, seen: &Seen, status: StatusCode, took: Duration) {
        let method = seen.method.as_str().to_lowercase();
        if seen.handler == "push" {
            let mut pushes = self.pushes.lock();
            let [duration, bytes] = pushes.entry(method.clone()).or_default();
            duration.observe(took.as_secs_f64());
            bytes.observe(stdx::metrics::float(seen.bytes));
        }
        let kind = (seen.handler, method, status.as_u16());
        *self.requests.lock().entry(kind).or_default() += 1;
    }

    /// By name.
    pub(crate) fn families(&self, version: &Version) -> Vec<Family> {
        let version_text = pushgateway_version(version);
        let build = Metric::new(
            Grouping::from_pairs([
                ("branch", version.branch.as_str()),
                ("goarch", std::env::consts::ARCH),
                ("goos", std::env::consts::OS),
                ("goversion", version.rust_version.as_str()),
                ("revision", version.revision.as_str()),
                ("tags", "unknown"),
                ("version", version_text.as_str()),
            ]),
            Value::Simple(1.0),
        );
        let mut families = vec![family(BUILD, MetricType::Gauge, vec![build])];
        let pushes = self.pushes.lock();
        for (i, of) in [DURATION, SIZE].into_iter().enumerate() {
            let metrics = pushes.iter().map(|(method, summaries)| {
                let labels = Grouping::from_pairs([("method", method.as_str())]);
                Metric::new(labels, summaries[i].value())
            });
            families.push(family(of, MetricType::Summary, metrics.collect()));
        }
        drop(pushes);
        let requests = self.requests.lock();
        let metrics = requests.iter().map(|((handler, method, code), n)| {
            let code = code.to_string();
            let labels = [("code", code.as_str()), ("handler", handler), ("method", method)];
            Metric::new(Grouping::from_pairs(labels), Value::Simple(stdx::metrics::float(*n)))
        });
        families.push(family(REQUESTS, MetricType::Counter, metrics.collect()));
        families.retain(|family| !family.metrics.is_empty());
        families
    }
}

fn family((name, help): (&str, &str), kind: MetricType, metrics: Vec<Metric>) -> Family {
    Family { name: name.to_owned(), help: help.to_owned(), kind, time_ms: 0, metrics }
}

/// Pushgateway's version with ours behind it.
pub(crate) fn pushgateway_version(version: &Version) -> String {
    let ours = version.version.split_once('+').map_or("", |(_, ours)| ours);
    format!("{PUSHGATEWAY_VERSION}+{ours}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_newest() {
        let mut summary = Summary::default();
        for i in 0..3000 {
            summary.observe(f64::from(i));
        }
        let Value::Summary { count, sum, quantiles } = summary.value() else { panic!("a summary") };
        assert_eq!((count, sum), (3000, 4_498_500.0));
        assert_eq!(quantiles, [(0.1, 2078.0), (0.5, 2488.0), (0.9, 2897.0)]);
    }
}
