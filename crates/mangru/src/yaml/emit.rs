//! Tree → text, laid out as Go's yaml.v2 does, so that a dumped configuration reads like Prometheus'.

use super::scalar::{Resolved, resolve_plain};

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Out {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(String),
    /// A plain scalar whose text stays as it is.
    Raw(String),
    Seq(Vec<Out>),
    /// A sequence on one line.
    Flow(Vec<Out>),
    Map(Vec<(String, Out)>),
}

/// The document for `out`, with a line feed at its end.
pub(crate) fn emit(out: &Out) -> String {
    let mut text = String::new();
    block_or_leaf(out, 0, &mut text);
    text
}

/// A collection from the current column on, or a value on one line.
fn block_or_leaf(out: &Out, indent: usize, text: &mut String) {
    if let Out::Map(entries) = out
        && !entries.is_empty()
    {
        map(entries, indent, text);
    } else if let Out::Seq(items) = out
        && !items.is_empty()
    {
        seq(items, indent, text);
    } else {
        leaf(out, indent, text);
        text.push('\n');
    }
}

fn map(entries: &[(String, Out)], indent: usize, text: &mut String) {
    for (i, (key, value)) in entries.iter().enumerate() {
        if i > 0 {
            pad(indent, text);
        }
        text.push_str(&scalar(key, false));
        text.push(':');
        let inner = match value {
            Out::Map(entries) if !entries.is_empty() => Some(indent + 2),
            Out::Seq(items) if !items.is_empty() => Some(indent),
            Out::Map(_) | Out::Seq(_) | Out::Flow(_) | Out::Null | Out::Bool(_) => None,
            Out::Int(_) | Out::Uint(_) | Out::Float(_) | Out::Text(_) | Out::Raw(_) => None,
        };
        if let Some(inner) = inner {
            text.push('\n');
            pad(inner, text);
            block_or_leaf(value, inner, text);
        } else {
            text.push(' ');
            block_or_leaf(value, indent, text);
        }
    }
}

fn seq(items: &[Out], indent: usize, text: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            pad(indent, text);
        }
        text.push_str("- ");
        block_or_leaf(item, indent + 2, text);
    }
}

fn leaf(out: &Out, indent: usize, text: &mut String) {
    match out {
        Out::Null => text.push_str("null"),
        Out::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Out::Int(value) => text.push_str(&value.to_string()),
        Out::Uint(value) => text.push_str(&value.to_string()),
        Out::Float(value) => text.push_str(&float(*value)),
        Out::Text(value) if is_block(value) => block(value, indent, text),
        Out::Text(value) => text.push_str(&scalar(value, false)),
        Out::Raw(value) => text.push_str(value),
        Out::Seq(_) => text.push_str("[]"),
        Out::Map(_) => text.push_str("{}"),
        Out::Flow(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push_str(", ");
                }
                if let Out::Text(value) = item {
                    text.push_str(&scalar(value, true));
                } else {
                    leaf(item, indent, text);
                }
            }
            text.push(']');
        }
    }
}

fn float(value: f64) -> String {
    if value.is_nan() {
        return ".nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    format!("{value}")
}

fn pad(indent: usize, text: &mut String) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Whether the text is written as a literal block: it has lines, and its first one shows where they begin.
fn is_block(value: &str) -> bool {
    value.contains('\n') && !value.starts_with([' ', '\n']) && is_printable(value)
}

/// A literal block, with the chomping mark that keeps the text's end.
fn block(value: &str, indent: usize, text: &mut String) {
    text.push('|');
    let kept = match (value.ends_with('\n'), value.ends_with("\n\n") || value == "\n") {
        (false, _) => "-",
        (true, true) => "+",
        (true, false) => "",
    };
    text.push_str(kept);
    let body = value.strip_suffix('\n').unwrap_or(value);
    for line in body.split('\n') {
        text.push('\n');
        if !line.is_empty() {
            pad(indent + 2, text);
            text.push_str(line);
        }
    }
}

/// `value` in the plainest style that reads back as the same text.
fn scalar(value: &str, flow: bool) -> String {
    if !is_printable(value) || value.contains('\n') {
        return double_quoted(value);
    }
    if resolve_plain(value) != Resolved::Text {
        return if value.is_empty() || !value.contains(['"', '\\']) {
            format!("\"{value}\"")
        } else {
            single_quoted(value)
        };
    }
    if is_plain(value, flow) { value.to_owned() } else { single_quoted(value) }
}

fn is_plain(value: &str, flow: bool) -> bool {
    let special_start = value.starts_with([
        '#', ',', '[', ']', '{', '}', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`',
    ]);
    let indicator_start = value.starts_with(['-', '?', ':'])
        && value.chars().nth(1).is_none_or(|c| c.is_whitespace());
    let inside = value.contains(": ")
        || value.contains(" #")
        || (flow && value.contains([',', '[', ']', '{', '}', '?']))
        || value.ends_with(':');
    let spaces = value.starts_with(' ') || value.ends_with(' ');
    let marker = value.starts_with("---") || value.starts_with("...");
    let merge = value == "<<" || value == "=";
    !(special_start
        || indicator_start
        || inside
        || spaces
        || marker
        || merge
        || looks_like_date(value))
}

/// `2001-01-01…`: Go's reader would take it for a time.
fn looks_like_date(value: &str) -> bool {
    let bytes = value.as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

fn is_printable(value: &str) -> bool {
    value.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{feff}'))
}

fn single_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn double_quoted(value: &str) -> String {
    let mut text = "\"".to_owned();
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if u32::from(c) < 0x100 && c.is_control() => {
                text.push_str(&format!("\\x{:02X}", u32::from(c)))
            }
            '\u{feff}' => text.push_str("\\uFEFF"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::{Content, Node, parse};
    use super::*;

    fn text(value: &str) -> Out {
        Out::Text(value.to_owned())
    }

    #[test]
    fn layout() {
        let out = Out::Map(vec![
            ("global".to_owned(), Out::Map(vec![("scrape_interval".to_owned(), text("15s"))])),
            (
                "scrape_configs".to_owned(),
                Out::Seq(vec![Out::Map(vec![
                    ("job_name".to_owned(), text("a")),
                    (
                        "static_configs".to_owned(),
                        Out::Seq(vec![Out::Map(vec![(
                            "targets".to_owned(),
                            Out::Seq(vec![text("x:1"), text("y:2")]),
                        )])]),
                    ),
                    ("source_labels".to_owned(), Out::Flow(vec![text("a"), text("b")])),
                    ("empty".to_owned(), Out::Seq(vec![])),
                    ("ca".to_owned(), text("line 1\nline 2\n")),
                ])]),
            ),
            ("nothing".to_owned(), Out::Map(vec![])),
        ]);
        expect![[r#"
            global:
              scrape_interval: 15s
            scrape_configs:
            - job_name: a
              static_configs:
              - targets:
                - x:1
                - y:2
              source_labels: [a, b]
              empty: []
              ca: |
                line 1
                line 2
            nothing: {}
        "#]]
        .assert_eq(&emit(&out));
    }

    #[test]
    fn flow_sequences_quote_what_would_end_an_element() {
        let items = ["a,b", "{x}", "a?", "(.+),?.*"].map(text).to_vec();
        let out = Out::Map(vec![
            ("k".to_owned(), Out::Flow(items.clone())),
            ("l".to_owned(), Out::Seq(items)),
        ]);
        expect![[r#"
            k: ['a,b', '{x}', 'a?', '(.+),?.*']
            l:
            - a,b
            - '{x}'
            - a?
            - (.+),?.*
        "#]]
        .assert_eq(&emit(&out));
    }

    #[test]
    fn scalars_read_back_as_the_same_text() {
        let cases = [
            "a",
            "",
            "123",
            "yes",
            "null",
            "~",
            "1.5",
            "0x1f",
            "a: b",
            "a #b",
            "#a",
            "- a",
            "-a",
            "'q'",
            "\"q\"",
            " lead",
            "trail ",
            "a\tb",
            "a\nb",
            "\n",
            "a\n\n",
            "tail:",
            "*alias",
            "{x}",
            "[x]",
            "%x",
            "@x",
            "<<",
            "2001-01-01",
            "(.*)",
            "$1",
            ";",
            "${1}:9100",
            "\u{feff}x",
            "\u{1}",
            "가나다",
            "---",
            "a\\b",
            " a\nb",
            "?x",
        ];
        for case in cases {
            check_text(case);
        }
    }

    /// Writes `case` as a value and as an element in every style, and reads it back.
    fn check_text(case: &str) {
        let out = Out::Map(vec![
            ("k".to_owned(), text(case)),
            ("f".to_owned(), Out::Flow(vec![text(case)])),
            (
                "s".to_owned(),
                Out::Seq(vec![text(case), Out::Map(vec![("x".to_owned(), text(case))])]),
            ),
        ]);
        let document = emit(&out);
        let read = parse(&document).unwrap_or_else(|error| panic!("{case:?}: {error}\n{document}"));
        let mut texts = Vec::new();
        scalars(&read.unwrap(), &mut texts);
        assert_eq!(texts, [case; 4], "{document:?}");
    }

    fn scalars(node: &Node, texts: &mut Vec<String>) {
        match &node.content {
            Content::Scalar(scalar) => {
                assert_eq!(scalar.resolve(), Resolved::Text, "{scalar:?}");
                texts.push(scalar.text.clone());
            }
            Content::Seq(items) => items.iter().for_each(|item| scalars(item, texts)),
            Content::Map(entries) => entries.iter().for_each(|entry| scalars(&entry.value, texts)),
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(500))]

        #[test]
        fn any_text_reads_back(case in "(\\PC|[ \n\t:#'\"\\-\\[\\]{},?&*!|>%@`~\\\\]|[\u{80}-\u{a0}\u{2028}\u{2029}\u{feff}]){0,12}") {
            check_text(&case);
        }
    }
}
