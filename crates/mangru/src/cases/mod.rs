//! `OpenSearch`'s REST tests, run in process: with `MANGRU_CONFORMANCE` naming the folder of third-party cases, each YAML test is
//! played against a fresh store on a simulated disk, and at least [`PASSED_MIN`] pass.
//!
//! `MANGRU_CASES` narrows the run to files whose path holds that text, and prints what fails.

mod runner;
mod server;
mod value;

use std::path::{Path, PathBuf};

use runner::{Apis, Run, Verdict};

/// Tests that pass; a number that only grows.
const PASSED_MIN: usize = 480;

fn yaml_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            yaml_files(&path, into);
        } else if path.extension().is_some_and(|end| end == "yml") {
            into.push(path);
        }
    }
}

#[test]
fn opensearch_rest_tests() {
    let Ok(folder) = std::env::var("MANGRU_CONFORMANCE") else { return };
    let folder = Path::new(&folder).join("opensearch");
    let only = std::env::var("MANGRU_CASES").ok();
    let apis = Apis::read(&folder.join("api"));
    let mut files = Vec::new();
    yaml_files(&folder.join("test"), &mut files);
    let (mut passed, mut skipped, mut failed) = (0, Vec::new(), Vec::new());
    for path in files {
        let name = path.strip_prefix(&folder).expect("is inside").display().to_string();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        for (test, verdict) in Run::file(&apis, &text) {
            match verdict {
                Verdict::Pass => passed += 1,
                Verdict::Skip(why) => skipped.push(format!("{name} :: {test} :: {why}")),
                Verdict::Fail(why) => failed.push(format!("{name} :: {test} :: {why}")),
            }
        }
    }
    println!("{passed} pass, {} skipped, {} fail", skipped.len(), failed.len());
    if only.is_some() {
        println!("{}\n-- skipped:\n{}", failed.join("\n"), skipped.join("\n"));
        return;
    }
    assert!(passed >= PASSED_MIN, "{passed} pass, {PASSED_MIN} did:\n{}", failed.join("\n"));
}
