//! The query parser: no panic, and what is printed or formatted of a query reads back as the same query.
#![no_main]

use promql::ast::Expr;
use promql::parse::{ParserOptions, parse, parse_metric_selector};

const ALL: ParserOptions = ParserOptions {
    experimental_functions: true,
    duration_expressions: true,
    extended_range_selectors: true,
    fill_modifiers: true,
};

fn read(text: &str) -> Expr {
    parse(text, &ALL).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The kinds of all nodes, without what printing says of them.
fn shape(expr: &Expr) -> String {
    let children: Vec<_> = expr.children().into_iter().map(shape).collect();
    format!("{:?}({})", std::mem::discriminant(&expr.kind), children.join(","))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = parse(text, &ParserOptions::default());
    let _ = parse_metric_selector(text);
    let Ok(tree) = parse(text, &ALL) else { return };
    let printed = tree.to_string();
    // A printed form may pass the limit that the text kept.
    if printed.len() > promql::ast::QUERY_BYTES_MAX {
        return;
    }
    let again = read(&printed);
    assert_eq!(again.to_string(), printed);
    assert_eq!(shape(&again), shape(&tree), "{text} printed as {printed}");
    let pretty = tree.pretty();
    if pretty.len() <= promql::ast::QUERY_BYTES_MAX {
        assert_eq!(read(&pretty).to_string(), printed);
    }
});
