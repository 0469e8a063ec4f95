//! Runs query scripts in the notation of Prometheus' `promqltest`: `load`, `clear`, `eval … expect …`.
//!
//! Our own are in `testdata/`; with `MANGRU_CONFORMANCE` set, those in its folder `promql/` are run too, and at least
//! [`CONFORMANCE_MIN`] of them must pass.

mod check;
mod limits;
mod script;
mod slide;
mod store;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use script::{Report, run};

/// How many evaluations of the conformance scripts passed when this was last raised.
const CONFORMANCE_MIN: usize = 1432;

fn scripts(folder: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a folder's entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "test"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a readable script");
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn our_scripts_pass() {
    let all = scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"));
    assert!(!all.is_empty());
    for (name, text) in all {
        let delayed = name.contains("delayed");
        let report = run(&text, delayed);
        assert!(report.passed > 0, "{name}: nothing was evaluated");
        assert!(report.failed.is_empty(), "{name}: {:#?}", report.failed);
    }
}

#[test]
fn conformance() {
    let Ok(folder) = std::env::var("MANGRU_CONFORMANCE") else { return };
    let mut total = 0;
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    for (name, text) in scripts(&Path::new(&folder).join("promql")) {
        let Report { passed, failed, skipped } = run(&text, true);
        println!("{name}: {passed} passed, {} failed, {skipped} skipped", failed.len());
        total += passed;
        for failure in failed {
            println!("  {name}:{}: {} — {}", failure.line, failure.query, failure.why);
            let cause: String = failure.why.chars().take(50).collect();
            *causes.entry(cause).or_default() += 1;
        }
    }
    let mut causes: Vec<(usize, String)> = causes.into_iter().map(|(why, n)| (n, why)).collect();
    causes.sort_by(|a, b| b.cmp(a));
    causes.iter().for_each(|(n, why)| println!("{n:5} {why}"));
    println!("{total} passed in all, at least {CONFORMANCE_MIN} must");
    assert!(total >= CONFORMANCE_MIN);
}
