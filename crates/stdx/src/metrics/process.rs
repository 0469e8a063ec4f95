//! What the kernel says of this process, under the names of Prometheus' client libraries. Empty where there is no `/proc`.

use super::{Family, Kind, float};

/// Ticks a second of `/proc/self/stat`'s times (Linux' `USER_HZ`).
const USER_HZ: f64 = 100.0;

/// The `process_*` families as of this moment.
#[must_use]
pub fn families() -> Vec<Family> {
    let mut out = Vec::new();
    let mut gauge = |name: &str, help: &str, value: Option<f64>| {
        out.extend(value.map(|value| Family::single(name, help, Kind::Gauge, value)));
    };
    let stat = stat_fields();
    let field = |i: usize| stat.get(i).and_then(|text| text.parse::<f64>().ok());
    let page = float(rustix::param::page_size() as u64);
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", field(20));
    gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        field(21).map(|n| n * page),
    );
    gauge("process_threads", "Number of operating system threads.", field(17));
    gauge("process_open_fds", "Number of open file descriptors.", open_fds());
    gauge("process_max_fds", "Maximum number of open file descriptors.", max_fds());
    let start = field(19).zip(boot_time()).map(|(ticks, boot)| boot + ticks / USER_HZ);
    gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        start,
    );
    let cpu = field(11).zip(field(12)).map(|(user, system)| (user + system) / USER_HZ);
    let help = "Total user and system CPU time spent in seconds.";
    out.extend(
        cpu.map(|cpu| Family::single("process_cpu_seconds_total", help, Kind::Counter, cpu)),
    );
    out
}

/// The fields of `/proc/self/stat` after the program's name: 0 is the state.
fn stat_fields() -> Vec<String> {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    after.split_whitespace().map(str::to_owned).collect()
}

fn open_fds() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(float(u64::try_from(count).ok()?))
}

fn max_fds() -> Option<f64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.map(float)
}

fn boot_time() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}
