//! How fast the store takes documents, by itself: `store FOLDER FILE.ndjson [BATCH_KB] [MB_PER_SECOND]`.
//!
//! One writer, batches of so many kilobytes, each durable when it returns; upkeep on a second thread, as in the server. Prints megabytes
//! per second of the clock and of the process' CPU, and the peak of its memory.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use logs::mapping::Mapping;
use logs::store::{Condition, Index, Limits, Op, Options, Settings, Store, Write};
use stdx::clock::{Clock, RealClock};
use stdx::fs::real::RealFs;

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn peak_rss() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or_default().replace("VmHWM:", "").trim().to_owned()
}

fn write_all(
    store: &Store,
    index: &Arc<Index>,
    clock: &dyn Clock,
    lines: &mut dyn Iterator<Item = std::io::Result<String>>,
    (batch_bytes, rate): (usize, f64),
) -> anyhow_lite::Result<(f64, Vec<Duration>)> {
    let (mut batch, mut bytes, mut total, mut times) = (Vec::new(), 0, 0.0, Vec::new());
    let began = clock.mono();
    loop {
        let line = lines.next().transpose()?;
        bytes += line.as_ref().map_or(0, String::len);
        let is_end = line.is_none();
        batch.extend(line);
        if bytes < batch_bytes && !is_end {
            continue;
        }
        let writes: Vec<Write<'_>> = batch
            .iter()
            .map(|line| Write {
                index,
                op: Op::Index,
                id: None,
                source: line.as_bytes(),
                routing: None,
                condition: Condition::None,
            })
            .collect();
        let start = clock.mono();
        while let Err(error) = store.write(&writes) {
            writeln!(std::io::stderr(), "{error}")?;
            clock.sleep(Duration::from_millis(20));
        }
        times.push(clock.mono().saturating_sub(start));
        total += f64::from(u32::try_from(bytes)?);
        batch.clear();
        bytes = 0;
        if is_end {
            return Ok((total, times));
        }
        let due = total / rate;
        let elapsed = clock.mono().saturating_sub(began).as_secs_f64();
        if due > elapsed {
            clock.sleep(Duration::from_secs_f64(due - elapsed));
        }
    }
}

mod anyhow_lite {
    //! Any error.
    pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
}

fn main() -> anyhow_lite::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let clock: Arc<dyn Clock> = Arc::new(RealClock::default());
    let (store, report) = Store::open(Options {
        fs: Arc::new(RealFs),
        clock: Arc::clone(&clock),
        dir: PathBuf::from(args.get(1).ok_or("a folder")?),
        watcher: None,
        seed: 1,
        limits: Limits::default(),
    })?;
    let mut out = std::io::stdout();
    writeln!(out, "{report:?}")?;
    let index = match store.index("bench") {
        Some(index) => index,
        None => store.create("bench", Settings::new(), Mapping::default())?,
    };
    let file = std::fs::File::open(args.get(2).ok_or("a file")?)?;
    let mut lines = std::io::BufReader::with_capacity(1 << 20, file).lines();
    let batch_kb = args.get(3).and_then(|text| text.parse().ok()).unwrap_or(1024);
    let rate = args.get(4).and_then(|text| text.parse().ok()).unwrap_or(1e6) * 1e6;
    let (began, cpu) = (clock.mono(), cpu_seconds());
    let is_done = AtomicBool::new(false);
    let (total, mut times) = std::thread::scope(|scope| {
        let upkeep = || {
            while !is_done.load(Ordering::Acquire) {
                match store.maintain() {
                    Ok(true) => {}
                    Ok(false) | Err(_) => clock.sleep(Duration::from_millis(10)),
                }
            }
        };
        scope.spawn(upkeep);
        let sizes = (batch_kb << 10, rate);
        let written = write_all(&store, &index, clock.as_ref(), &mut lines, sizes);
        is_done.store(true, Ordering::Release);
        written
    })?;
    let written = clock.mono().saturating_sub(began).as_secs_f64();
    store.flush(None)?;
    let (all, cpu) = (clock.mono().saturating_sub(began).as_secs_f64(), cpu_seconds() - cpu);
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    let mb = total / 1e6;
    writeln!(
        out,
        "{mb:.0} MB: {:.1} MB/s until acknowledged, {:.1} MB/s with the last flush; {:.1} MB per CPU second; p99 of a batch {p99:?}; peak {}; {:?}",
        mb / written,
        mb / all,
        mb / cpu,
        peak_rss(),
        index.stats(),
    )?;
    Ok(())
}
