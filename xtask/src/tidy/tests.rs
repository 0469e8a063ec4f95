//! Tidy on the project itself, and on small broken examples, so that each rule is known to bite.

use std::collections::BTreeMap;

use super::source::long_functions;
use super::{ARROWS, arrow_problems, file_problems, problems, project_root, ratchet_problems};

#[test]
fn the_project_is_tidy() {
    let found = problems(&project_root());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_missing_arrow_is_refused() {
    for (from, allowed) in ARROWS {
        for (to, _) in ARROWS.iter().filter(|(to, _)| !allowed.contains(to)) {
            let manifest = format!("[dependencies]\n{to}.workspace = true\n");
            assert_eq!(arrow_problems(from, &manifest).len(), 1, "{from} → {to}");
        }
    }
}

#[test]
fn third_parties_stay_in_their_homes() {
    for (name, dependency) in
        [("tsdb", "tokio"), ("scrape", "axum"), ("server", "clap"), ("promql", "rustls")]
    {
        let manifest = format!("[dev-dependencies]\n{dependency} = \"1\"\n");
        assert_eq!(arrow_problems(name, &manifest).len(), 1, "{name} → {dependency}");
    }
}

#[test]
fn heads_and_leftovers() {
    assert_eq!(file_problems("a.rs", "//! Head.\nfn a() {}\n"), Vec::<String>::new());
    assert_eq!(file_problems("a.rs", "fn a() {}\n").len(), 1);
    let leftover = format!("//! Head.\n// {}\n", concat!("FIX", "ME"));
    assert_eq!(file_problems("a.rs", &leftover).len(), 1);
}

#[test]
fn functions_are_measured_without_their_literals() {
    let text = "fn short() { let _ = \"}\"; }\nfn long(a: [u8; 3]) {\n    // }\n    let _ = '}';\n    let _ = r#\"}\"#;\n}\nfn declared();\n";
    assert_eq!(long_functions(text, 2), vec![("long".to_owned(), 5)]);
}

#[test]
fn the_list_of_long_functions_only_shrinks() {
    let row = |lines| BTreeMap::from([("a.rs f".to_owned(), lines)]);
    assert!(ratchet_problems(&row(80), &row(80)).is_empty());
    assert_eq!(ratchet_problems(&row(80), &row(81)).len(), 1);
    assert_eq!(ratchet_problems(&row(80), &row(79)).len(), 1);
    assert_eq!(ratchet_problems(&row(80), &BTreeMap::new()).len(), 1);
    assert_eq!(ratchet_problems(&BTreeMap::new(), &row(80)).len(), 1);
}
