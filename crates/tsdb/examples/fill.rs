//! Measures appending and memory: fills a database as a scraper does and tells CPU per sample and anonymous memory per series.
//!
//! `cargo run --release -p tsdb --example fill -- [SERIES] [SCRAPES] [DIR]`; defaults: 200000 series in groups of 2000 with 12 labels
//! each, 40 scrapes. Then reads all of it once, and starts again on what it has written. DIR is
//! emptied first and kept.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::labels::Labels;
use model::matcher::{MatchOp, Matcher};
use model::port::{Appendable, Durability, Queryable, SelectHints, SeriesRef};
use model::sample::Samples;
use stdx::clock::{Clock, RealClock};
use stdx::fs::real::RealFs;
use stdx::metrics::Registry;
use tsdb::{Db, Options};

/// Series of one scrape.
const GROUP: usize = 2000;

fn labels(group: usize, series: usize) -> Labels {
    let family = series % 50;
    let (instance, pod) = (format!("10.0.{group}.1:9100"), format!("pod-{group}"));
    let (name, path) = (format!("metric_family_{family}_total"), format!("/path/{}", series / 50));
    Labels::from_pairs([
        ("__name__", name.as_str()),
        ("job", "synthetic"),
        ("instance", &instance),
        ("namespace", "production"),
        ("pod", &pod),
        ("container", "server"),
        ("node", "node-1"),
        ("cluster", "eu-1"),
        ("service", "checkout"),
        ("method", if series.is_multiple_of(2) { "GET" } else { "POST" }),
        ("code", "200"),
        ("path", &path),
    ])
}

/// A value that behaves like a counter, a constant or a gauge.
fn value(series: usize, scrape: usize, random: &mut u64) -> f64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    let small = u32::try_from(*random % 1000).unwrap_or(0);
    let scrape = f64::from(u32::try_from(scrape).unwrap_or(0));
    match series % 10 {
        0..4 => 42.0,
        4..8 => scrape * 1000.0 + f64::from(small),
        _ => f64::from(small) / 7.0,
    }
}

/// CPU milliseconds of this process so far, and kilobytes of anonymous memory.
fn usage() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let anon = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let anon = anon.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0);
    ((ticks(11) + ticks(12)) * 10, anon)
}

fn open(dir: &Path) -> Result<Arc<Db>, Box<dyn std::error::Error>> {
    let clock: Arc<dyn Clock> = Arc::new(RealClock::default());
    Ok(Db::open(Arc::new(RealFs), clock, dir, Options::default(), &Registry::default())?)
}

fn scrape(
    db: &Db,
    refs: &mut [SeriesRef],
    (group, scrape): (usize, usize),
    random: &mut u64,
) -> Result<(), model::port::AppendError> {
    let t = 1_700_000_000_000 + i64::try_from(scrape).unwrap_or(0) * 15_000;
    let mut appender = db.appender();
    for (i, series) in refs.iter_mut().enumerate() {
        let v = value(i, scrape, random);
        *series = appender.append(*series, &|| labels(group, i), t, v)?;
    }
    appender.commit(Durability::Soon)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let series: usize = args.next().map_or(Ok(200_000), |arg| arg.parse())?;
    let scrapes: usize = args.next().map_or(Ok(40), |arg| arg.parse())?;
    let kept = args.next().map(PathBuf::from);
    let dir = kept.clone().unwrap_or_else(|| std::env::temp_dir().join("mangru-fill"));
    drop(std::fs::remove_dir_all(&dir));
    let mut out = io::stdout().lock();
    let db = open(&dir)?;
    let groups = series / GROUP;
    let mut refs = vec![SeriesRef(0); groups * GROUP];
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let (start, anon_start) = usage();
    for n in 0..scrapes {
        if n == 1 {
            let (cpu, _) = usage();
            let each = (cpu - start) * 1_000_000 / refs.len() as u64;
            writeln!(out, "first scrape: {each} ns CPU per new series")?;
        }
        for (group, refs) in refs.chunks_mut(GROUP).enumerate() {
            scrape(&db, refs, (group, n), &mut random)?;
        }
    }
    let (cpu, anon) = usage();
    let samples = (refs.len() * scrapes) as u64;
    writeln!(
        out,
        "{samples} samples: {} ns CPU per sample, log included",
        (cpu - start) * 1_000_000 / samples
    )?;
    let bytes = (anon - anon_start) * 1024 / refs.len() as u64;
    writeln!(
        out,
        "{bytes} B RssAnon per series ({} MiB; refs of the scrapes included)",
        anon / 1024
    )?;
    read_all(&db, &mut out)?;
    db.close()?;
    drop(db);
    let (before, _) = usage();
    let db = open(&dir)?;
    let (after, anon) = usage();
    let (ns, mib) = ((after - before) * 1_000_000 / samples, anon / 1024);
    writeln!(
        out,
        "restart: {ns} ns CPU per sample, {} series, {mib} MiB RssAnon",
        db.stats(0).series
    )?;
    db.close()?;
    if kept.is_none() {
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(())
}

fn read_all(db: &Db, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let (before, _) = usage();
    let querier = db.querier(i64::MIN, i64::MAX)?;
    let matcher = Matcher::new(MatchOp::Equal, "job", "synthetic")?;
    let matchers = [matcher];
    let first = querier.select(&SelectHints::default(), &matchers)?;
    let (once, _) = usage();
    drop(first);
    let set = querier.select(&SelectHints::default(), &matchers)?;
    let (selected, _) = usage();
    let mut n = 0;
    let mut samples = Samples::default();
    for i in 0..set.len() {
        samples.clear();
        set.read(i, i64::MIN, i64::MAX, &mut samples)?;
        n += samples.len() as u64;
    }
    let (after, _) = usage();
    let (select, again) = (once - before, selected - once);
    let read = (after - selected) * 1_000_000 / n.max(1);
    writeln!(
        out,
        "select of {} series: {select} ms CPU, again {again} ms; reading {n} samples: {read} ns each",
        set.len()
    )?;
    Ok(())
}
