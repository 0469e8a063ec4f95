//! With MANGRU_CONFORMANCE naming the folder of third-party cases: every query of Prometheus' own scripts is read, and what
//! is printed of it reads back to the same text. Without it there is nothing to compare with.

use std::path::PathBuf;

use promql::parse::{ParserOptions, parse};

const ALL: ParserOptions = ParserOptions {
    experimental_functions: true,
    duration_expressions: true,
    extended_range_selectors: true,
    fill_modifiers: true,
};

/// The queries of a script, each with whether its evaluation is expected to fail.
fn queries(script: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut lines = script.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(query) = query(line) else { continue };
        let mut fails = line.starts_with("eval_fail");
        while let Some(next) = lines.peek().filter(|l| l.starts_with([' ', '\t'])) {
            fails |= next.trim_start().starts_with("expect fail");
            lines.next();
        }
        found.push((query.to_owned(), fails));
    }
    found
}

/// The query of an `eval… instant at T QUERY` or `eval… range from A to B step S QUERY`.
fn query(line: &str) -> Option<&str> {
    let (verb, rest) = line.split_once(char::is_whitespace)?;
    let words = match rest.split_whitespace().next()? {
        "instant" => 3,
        "range" => 7,
        _ => return None,
    };
    let mut rest = rest.trim_start();
    for _ in 0..words {
        rest = rest.split_once(char::is_whitespace)?.1.trim_start();
    }
    verb.starts_with("eval").then_some(rest)
}

#[test]
fn queries_of_the_scripts_are_read() {
    let Ok(folder) = std::env::var("MANGRU_CONFORMANCE") else { return };
    let folder = PathBuf::from(folder).join("promql");
    let mut read = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&folder).expect("the folder exists") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|e| e != "test") {
            continue;
        }
        let script = std::fs::read_to_string(&path).expect("a text");
        for (query, fails) in queries(&script) {
            read += 1;
            match parse(&query, &ALL) {
                Ok(tree) => {
                    let printed = tree.to_string();
                    let again = parse(&printed, &ALL).map(|tree| tree.to_string());
                    if again.as_ref() != Ok(&printed) {
                        wrong.push(format!("{query}: printed {printed}, read {again:?}"));
                    }
                }
                Err(_) if fails => {}
                Err(error) => wrong.push(format!("{query}: {error}")),
            }
        }
    }
    assert!(read > 1000, "only {read} queries found");
    assert!(wrong.is_empty(), "{} of {read}:\n{}", wrong.len(), wrong.join("\n"));
}
