//! Tokens of a row group's blocks, and which fields have which.

use super::bytes::narrow;
use super::gather::{Gathered, Sorted};
use super::hash;
use crate::part::{BLOCK_ROWS, system};
use crate::text::finest;

/// Most words of a dictionary whose codes have a bitmap for each block, in place of tokens in the blocks' filters.
pub(crate) const MAPPED_WORDS_MAX: usize = 256;

/// What of a field's values is a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing: only looking at the values can tell.
    Nothing,
    /// Each value as a whole.
    Whole,
    /// Each value as a whole, and its words.
    Words,
}

/// The rule for the texts of `field`, unless it is the main text.
pub(crate) fn rule(field: &str) -> Rule {
    match field {
        system::SOURCE | system::SHAPE => Rule::Nothing,
        system::ID | system::ROUTING => Rule::Whole,
        _ => Rule::Words,
    }
}

/// The tokens of all blocks: those that have a place in the blocks' filters, and those that are only in the row group's.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) blocks: Vec<Vec<u64>>,
    group: Vec<u64>,
}

impl Tokens {
    pub(crate) fn new(blocks: usize) -> Self {
        Self { blocks: vec![Vec::new(); blocks], group: Vec::new() }
    }

    /// Adds tokens of a row, before the salt.
    pub(crate) fn add(&mut self, row: usize, tokens: &[u64], salt: u64) {
        self.blocks[row / BLOCK_ROWS].extend(tokens.iter().map(|token| token ^ salt));
    }

    /// Adds the texts of `field`, of `rows` rows.
    pub(crate) fn add_texts(&mut self, field: &str, rows: usize, of: &Gathered<'_>) {
        let rule = rule(field);
        if rule == Rule::Nothing {
            return;
        }
        let salt = hash::salt(field);
        let mut scratch = String::new();
        let block_rows = |block: usize| block * BLOCK_ROWS..rows.min((block + 1) * BLOCK_ROWS);
        match &of.values {
            Sorted::Texts(texts) => {
                for block in 0..self.blocks.len() {
                    let to = &mut self.blocks[block];
                    for text in &texts[of.of(block_rows(block))] {
                        value_tokens(text, rule, salt, &mut scratch, to);
                    }
                }
            }
            Sorted::Dict { words, codes } if words.len() <= MAPPED_WORDS_MAX => {
                debug_assert!(codes.iter().all(|code| (*code as usize) < words.len()));
                for word in words {
                    value_tokens(word, rule, salt, &mut scratch, &mut self.group);
                }
            }
            Sorted::Dict { words, codes } => {
                let (mut all, mut ends) = (Vec::new(), vec![0]);
                for word in words {
                    value_tokens(word, rule, salt, &mut scratch, &mut all);
                    ends.push(all.len());
                }
                // The block in which each word was last seen.
                let mut seen = vec![u32::MAX; words.len()];
                for block in 0..self.blocks.len() {
                    for code in &codes[of.of(block_rows(block))] {
                        let code = *code as usize;
                        if seen[code] != narrow(block) {
                            seen[code] = narrow(block);
                            self.blocks[block].extend_from_slice(&all[ends[code]..ends[code + 1]]);
                        }
                    }
                }
            }
            Sorted::Ints(_) | Sorted::Floats(_) | Sorted::Bools(_) => {}
        }
    }

    /// The distinct tokens of each block, and of the row group.
    pub(crate) fn distinct(mut self) -> (Vec<Vec<u64>>, Vec<u64>) {
        let mut all = self.group;
        for block in &mut self.blocks {
            block.sort_unstable();
            block.dedup();
            all.extend_from_slice(block);
        }
        all.sort_unstable();
        all.dedup();
        (self.blocks, all)
    }
}

fn value_tokens(text: &str, rule: Rule, salt: u64, scratch: &mut String, to: &mut Vec<u64>) {
    to.push(hash::word(&hash::folded(text)) ^ salt);
    if rule == Rule::Words {
        finest::words(text, scratch, |word| to.push(hash::word(word) ^ salt));
    }
}

/// The tokens that a value of `field` has for sure when it holds `word`: none when nothing can be said.
pub(crate) fn of_word(field: &str, main: bool, word: &str) -> Vec<u64> {
    let word = hash::folded(word);
    match if main { Rule::Words } else { rule(field) } {
        Rule::Nothing => Vec::new(),
        Rule::Whole => of_value(field, false, &word),
        Rule::Words => {
            let salt = hash::salt(field);
            let mut tokens = Vec::new();
            finest::words(&word, &mut String::new(), |part| tokens.push(hash::word(part) ^ salt));
            tokens
        }
    }
}

/// The tokens that a value of `field` has for sure when it is `value`, case aside.
pub(crate) fn of_value(field: &str, main: bool, value: &str) -> Vec<u64> {
    if main {
        return of_word(field, true, value);
    }
    match rule(field) {
        Rule::Nothing => Vec::new(),
        Rule::Whole | Rule::Words => vec![hash::word(&hash::folded(value)) ^ hash::salt(field)],
    }
}
