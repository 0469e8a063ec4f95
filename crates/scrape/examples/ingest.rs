//! Measures what a sample costs from the body's bytes to the call of the storage:
//! `cargo run --release -p scrape --example ingest`.

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::labels::Labels;
use model::metadata::Metadata;
use model::port::{AppendError, Appendable, Appender, Durability, SeriesRef};
use scrape::config::ScrapeConfig;
use scrape::offline::OfflineTarget;
use stdx::clock::{Clock, RealClock};

const FAMILIES: usize = 50;
const SERIES_PER_FAMILY: usize = 40;
const ROUNDS: u32 = 500;

/// Takes everything and keeps nothing.
struct Nowhere;

struct Batch(u64);

impl Appendable for Nowhere {
    fn appender(&self) -> Box<dyn Appender + '_> {
        Box::new(Batch(0))
    }
}

impl Appender for Batch {
    fn append(
        &mut self,
        series: SeriesRef,
        labels: &dyn Fn() -> Labels,
        _t: i64,
        _v: f64,
    ) -> Result<SeriesRef, AppendError> {
        if series == SeriesRef(0) {
            self.0 = labels().hash64().max(1);
            return Ok(SeriesRef(self.0));
        }
        Ok(series)
    }

    fn append_histogram(
        &mut self,
        series: SeriesRef,
        _labels: &dyn Fn() -> Labels,
        _t: i64,
        _h: &Histogram,
    ) -> Result<SeriesRef, AppendError> {
        Ok(series)
    }

    fn append_float_histogram(
        &mut self,
        series: SeriesRef,
        _labels: &dyn Fn() -> Labels,
        _t: i64,
        _h: &FloatHistogram,
    ) -> Result<SeriesRef, AppendError> {
        Ok(series)
    }

    fn append_exemplar(&mut self, _: SeriesRef, _: &Exemplar) -> Result<(), AppendError> {
        Ok(())
    }

    fn update_metadata(&mut self, _: SeriesRef, _: &Metadata) -> Result<(), AppendError> {
        Ok(())
    }

    fn commit(self: Box<Self>, _: Durability) -> Result<(), AppendError> {
        Ok(())
    }
}

/// A body of 2,000 samples, about 100 bytes each; `shuffle` changes the order of families.
fn body(round: u32, shuffle: bool) -> String {
    let mut out = String::new();
    for i in 0..FAMILIES {
        let family =
            if shuffle { (i * 7 + usize::try_from(round).unwrap_or(0)) % FAMILIES } else { i };
        out.push_str(&format!("# HELP app_requests_{family}_total What the application did.\n"));
        out.push_str(&format!("# TYPE app_requests_{family}_total counter\n"));
        for series in 0..SERIES_PER_FAMILY {
            out.push_str(&format!("app_requests_{family}_total{{handler=\"/api/v1/thing/{series}\",code=\"200\",method=\"GET\"}} {}.{series}\n",
                round * 17 + 1000));
        }
    }
    out
}

/// Nanoseconds that this thread has been on a processor: other programs do not count. Elsewhere than on Linux, time as such.
fn busy_ns(clock: &RealClock) -> u128 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let busy = stat.split(' ').next().and_then(|first| first.parse().ok());
    busy.unwrap_or_else(|| clock.mono().as_nanos())
}

#[expect(clippy::print_stdout, reason = "a program that shows figures")]
fn main() -> Result<(), String> {
    let clock = RealClock::default();
    let config = ScrapeConfig { job_name: "bench".to_owned(), ..ScrapeConfig::default() };
    let n = u128::try_from(FAMILIES * SERIES_PER_FAMILY).unwrap_or(1);
    for (what, shuffle) in [("same order", false), ("families in another order each time", true)] {
        for content_type in ["text/plain", "application/openmetrics-text"] {
            let mut target = OfflineTarget::new(&config, "h:1")?;
            let bodies: Vec<String> = (0..10)
                .map(|round| {
                    let mut text = body(round, shuffle);
                    if content_type.contains("openmetrics") {
                        text = text
                            .replace("_total counter", " counter")
                            .replace("_total What", " What");
                        text.push_str("# EOF\n");
                    }
                    text
                })
                .collect();
            let began = busy_ns(&clock);
            target.scrape(&Nowhere, 1, content_type, bodies[0].as_bytes())?;
            let first = busy_ns(&clock) - began;
            let began = busy_ns(&clock);
            for (round, text) in (0..ROUNDS).zip(bodies.iter().cycle()) {
                target.scrape(&Nowhere, i64::from(round) + 2, content_type, text.as_bytes())?;
            }
            let took = busy_ns(&clock) - began;
            println!(
                "{content_type}, {what}: {} ns/sample, first scrape {} ns/sample, {} bytes/sample",
                took / n / u128::from(ROUNDS),
                first / n,
                u128::try_from(bodies[0].len()).unwrap_or(0) / n,
            );
        }
    }
    Ok(())
}
