//! What the index says of words, against looking at every text.

use proptest::prelude::*;

use super::memory::{Memory, Row, Value, row};
use super::{check_word, disk, segment};
use crate::column::Kind;

/// Lines of few words, many numbers, traces, Korean, and stacks longer than a template's head.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        8 => prop::sample::select(vec!["error", "Error", "closed", "conn", "x_y", "É", "é", "İx", "ｗ１", "a"]),
        3 => prop::sample::select(vec!["로그인", "로그", "승인이", "승", "登録", "id로그인9", "ab수"]),
        3 => prop::sample::select(vec!["404", "10.0.0.1", "blk_77", "\u{11}", "\u{13}", "--", "\n\tat "]),
    ];
    let long = prop_oneof![9 => Just(1_usize), 1 => Just(12), 1 => Just(70)];
    (prop::collection::vec((word, "[ :/=.,'\";(-]{0,2}"), 0..6), long).prop_map(|(words, times)| {
        let part: String = words.iter().map(|(word, between)| format!("{word}{between}")).collect();
        part.repeat(times)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]
    #[test]
    fn the_index_is_right(
        kinds in prop::collection::vec((line(), line(), 0_usize..3), 1..12),
        copies in 1_usize..45,
        asked in prop::collection::vec(line(), 0..4),
    ) {
        let mut all: Vec<Row> = Vec::new();
        for (at, (message, other, several)) in kinds.iter().cycle().take(kinds.len() * copies).enumerate() {
            let seq = i64::try_from(at).unwrap();
            let mut made = row(seq, seq);
            let mut lines = vec![Value::Text(message.clone())];
            if *several == 2 {
                lines.push(Value::Text(format!("{other} {at}")));
            }
            made.insert(("message".to_owned(), Kind::Str), lines);
            if *several > 0 {
                made.insert(("other".to_owned(), Kind::Str), vec![Value::Text(other.clone())]);
                made.insert(("trace".to_owned(), Kind::Str), vec![Value::Text(format!("{at:x}"))]);
            }
            all.push(made);
        }
        let fs = disk();
        let made = segment(&fs, vec![Memory::new(&all, 300)]);
        let mut words = std::collections::BTreeSet::new();
        for text in kinds.iter().flat_map(|(a, b, _)| [a, b]).chain(&asked) {
            crate::text::finest::words(text, &mut String::new(), |word| { words.insert(word.to_owned()); });
            words.insert(text.clone());
        }
        words.extend(["1", "2f", "nobody"].map(str::to_owned));
        for word in words.iter().filter(|word| !word.is_empty()) {
            let folded = crate::text::finest::fold(word);
            let mut parts = Vec::new();
            crate::text::finest::words(word, &mut String::new(), |part| parts.push(part.to_owned()));
            for field in ["message", "other", "trace"] {
                if parts == [folded.as_str()] {
                    check_word(&made, field, &folded);
                } else {
                    super::check_value(&made, field, word);
                }
            }
        }
    }
}
