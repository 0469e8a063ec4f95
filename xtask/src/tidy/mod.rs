//! Tidy: the rules of the house that no compiler holds.
//!
//! 1. A crate depends only on the crates that [`ARROWS`] allows it, and on third parties that [`KEPT_IN`] leaves it.
//! 2. Every Rust file opens with a `//!` head.
//! 3. No function is longer than [`FUNCTION_LINES_MAX`], but for those on `long-functions.txt`, which may only shrink.
//! 4. `Cargo.lock` holds at most [`PACKAGES_MAX`] packages.
//! 5. Nothing half-done is left over ([`LEFTOVERS`]).

mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which crates of ours each crate may use (the table in ARCHITECTURE.md).
const ARROWS: &[(&str, &[&str])] = &[
    ("stdx", &[]),
    ("model", &["stdx"]),
    ("wire", &["model", "stdx"]),
    ("net", &["stdx"]),
    ("tsdb", &["model", "stdx"]),
    ("promql", &["model", "stdx"]),
    ("logs", &["model", "stdx"]),
    ("elastic", &["logs", "model", "stdx"]),
    ("scrape", &["wire", "net", "model", "stdx"]),
    ("ui", &[]),
    (
        "server",
        &["elastic", "logs", "scrape", "promql", "tsdb", "wire", "net", "ui", "model", "stdx"],
    ),
    (
        "mangru",
        &["server", "elastic", "logs", "scrape", "promql", "tsdb", "wire", "net", "model", "stdx"],
    ),
    ("xtask", &[]),
];

/// Third parties that only the named crates may use directly.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("tokio", &["net", "scrape", "server", "mangru"]),
    ("hyper", &["net", "server"]),
    ("rustls", &["net", "server"]),
    ("axum", &["server"]),
    ("saphyr", &["mangru"]),
    ("saphyr-parser", &["mangru"]),
    ("clap", &["mangru"]),
    ("anyhow", &["mangru", "xtask"]),
];

/// Longest function, in lines from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Most packages in `Cargo.lock`, ours included.
/// 170: the first light with tokio, hyper and rustls resolves to 159; each rise is written down here.
/// 185: the log store (time zones, word boundaries, xxh3) and bcrypt resolve to 174.
const PACKAGES_MAX: usize = 185;

/// Words that mark unfinished work. Split so that this file does not hold them.
const LEFTOVERS: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("#[ign", "ore"),
    concat!("unimpl", "emented!("),
];

/// The workspace's folder.
pub(crate) fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// Everything that breaks a rule, a line each.
pub(crate) fn problems(root: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    for dir in member_dirs(root) {
        let name = dir.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        match std::fs::read_to_string(dir.join("Cargo.toml")) {
            Ok(manifest) => problems.extend(arrow_problems(&name, &manifest)),
            Err(error) => problems.push(format!("{}: {error}", dir.display())),
        }
    }
    let allowed = long_functions(root);
    let mut seen = BTreeMap::new();
    for path in source::rust_files(root) {
        let Ok(text) = std::fs::read_to_string(&path) else {
            problems.push(format!("{}: not readable as UTF-8", path.display()));
            continue;
        };
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        problems.extend(file_problems(&name, &text));
        for (function, lines) in source::long_functions(&text, FUNCTION_LINES_MAX) {
            seen.insert(format!("{name} {function}"), lines);
        }
    }
    problems.extend(ratchet_problems(&allowed, &seen));
    problems.extend(lock_problems(root));
    problems
}

fn member_dirs(root: &Path) -> Vec<PathBuf> {
    let mut dirs = vec![root.join("xtask")];
    if let Ok(entries) = std::fs::read_dir(root.join("crates")) {
        dirs.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    dirs.sort();
    dirs
}

/// The dependencies of a manifest, dev and build ones included.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((name, _)) = line.split_once(['.', '=', ' ']) {
            names.push(name.trim());
        }
    }
    names
}

pub(crate) fn arrow_problems(name: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(have, _)| *have == name) else {
        return vec![format!(
            "crates/{name}: not in the table of arrows (xtask/src/tidy/mod.rs, ARCHITECTURE.md)"
        )];
    };
    let mut problems = Vec::new();
    for dependency in dependencies(manifest) {
        let ours = ARROWS.iter().any(|(have, _)| *have == dependency);
        if ours && !allowed.contains(&dependency) {
            problems.push(format!(
                "crates/{name}: may not use {dependency}; allowed: {}",
                allowed.join(", ")
            ));
        }
        if let Some((_, homes)) = KEPT_IN.iter().find(|(have, _)| *have == dependency)
            && !homes.contains(&name)
        {
            problems.push(format!("crates/{name}: {dependency} is kept in {}", homes.join(", ")));
        }
    }
    problems
}

pub(crate) fn file_problems(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") && !text.starts_with("#!") {
        problems.push(format!("{name}: no `//!` head that says what the file is"));
    }
    for (i, line) in text.lines().enumerate() {
        for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(**leftover)) {
            problems.push(format!("{name}:{}: left over: {leftover}", i + 1));
        }
    }
    problems
}

/// `path function lines` a row: functions that were too long when the list was made.
fn long_functions(root: &Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(root.join("xtask/long-functions.txt")).unwrap_or_default();
    let rows = text.lines().filter_map(|row| {
        let (key, lines) = row.rsplit_once(' ')?;
        Some((key.to_owned(), lines.parse().ok()?))
    });
    rows.collect()
}

pub(crate) fn ratchet_problems(
    allowed: &BTreeMap<String, usize>,
    seen: &BTreeMap<String, usize>,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (function, lines) in seen {
        match allowed.get(function) {
            None => {
                problems.push(format!("{function}: {lines} lines, at most {FUNCTION_LINES_MAX}"))
            }
            Some(max) if lines > max => {
                problems.push(format!("{function}: grew from {max} to {lines} lines"));
            }
            Some(_) => {}
        }
    }
    for (function, max) in allowed {
        let lines = seen.get(function).copied().unwrap_or(0);
        if lines < *max {
            problems.push(format!(
                "xtask/long-functions.txt: {function} is down from {max} to {lines} lines: write that, or remove the row"
            ));
        }
    }
    problems
}

fn lock_problems(root: &Path) -> Vec<String> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    if packages > PACKAGES_MAX {
        return vec![format!("Cargo.lock: {packages} packages, at most {PACKAGES_MAX}")];
    }
    Vec::new()
}
