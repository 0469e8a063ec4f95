//! What the machine has.

/// Bytes of memory that this process may use: the machine's, or its control group's limit where that is lower. `None` where
/// neither is known.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| mem_total(&text));
    let limits = [
        "/sys/fs/cgroup/memory.max",
        // The first version of control groups.
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let limits = limits
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    total.into_iter().chain(limits).min()
}

/// Bytes of the line `MemTotal:  16384 kB`.
fn mem_total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read() {
        for (text, bytes) in [
            ("MemTotal:       24684084 kB\nMemFree: 1 kB\n", Some(24_684_084 << 10)),
            ("MemFree: 1 kB\n", None),
            ("MemTotal: x kB\n", None),
            ("MemTotal: 18446744073709551615 kB\n", None),
        ] {
            assert_eq!(mem_total(text), bytes, "{text}");
        }
    }
}
