//! A segment as the executor sees it.

use std::sync::{Arc, OnceLock};

use super::read::{Inner, Segment};
use super::templates::{Stand, is_kept_together};
use super::tokens::{self, Rule};
use super::{TEMPLATE, hash};
use crate::bits::Bits;
use crate::column::{Column, Kind, Strings, Values};
use crate::ids;
use crate::part::{Block, Known, Part, ReadError, Standing, system};
use crate::source;
use crate::text::finest;

/// What is looked for: a word in texts, or a whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    Word,
    Value,
}

impl Want {
    fn tokens(self, field: &str, main: bool, text: &str) -> Vec<u64> {
        match self {
            Self::Word => tokens::of_word(field, main, text),
            Self::Value => tokens::of_value(field, main, text),
        }
    }
}

impl Part for Segment {
    fn name(&self) -> &str {
        &self.inner.name
    }

    fn rows(&self) -> usize {
        self.inner.rows
    }

    fn times(&self) -> Option<(i64, i64)> {
        let groups = self.inner.directory.groups.iter().map(|entry| entry.times);
        groups.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }

    fn block_count(&self) -> usize {
        self.inner.blocks
    }

    fn block(&self, at: usize) -> Result<Arc<dyn Block>, ReadError> {
        let group = self.inner.group_of(at);
        let times = self.inner.zones(group)?.times[at - self.inner.groups[group].first_block];
        let columns = self.inner.directory.groups[group].keys.len();
        Ok(Arc::new(SegmentBlock {
            at: at - self.inner.groups[group].first_block,
            inner: Arc::clone(&self.inner),
            group,
            times,
            columns: (0..columns).map(|_| OnceLock::new()).collect(),
        }))
    }

    fn lacks_word(&self, field: &str, word: &str) -> bool {
        self.inner.lacks(field, word, Want::Word)
    }

    fn lacks_value(&self, field: &str, value: &str) -> bool {
        self.inner.lacks(field, value, Want::Value)
    }

    fn count_word(&self, field: &str, word: &str) -> Option<u64> {
        let groups = 0..self.inner.groups.len();
        groups.map(|group| self.inner.count_in(group, field, word).ok().flatten()).sum()
    }

    fn kinds(&self, field: &str) -> Vec<Kind> {
        let keys = &self.inner.directory.keys;
        let has = |kind: &Kind| keys.iter().any(|key| key.kind == *kind && key.field == field);
        if field == TEMPLATE { Vec::new() } else { Kind::ALL.into_iter().filter(has).collect() }
    }

    fn fields(&self) -> Vec<String> {
        let is_system = |field: &str| field == TEMPLATE || system::ALL.contains(&field);
        let fields = self.inner.directory.keys.iter().map(|key| key.field.as_str());
        let mut fields: Vec<String> =
            fields.filter(|field| !is_system(field)).map(str::to_owned).collect();
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    fn byte_len(&self) -> u64 {
        self.inner.len
    }
}

impl Inner {
    fn is_main(&self, group: usize, field: &str) -> bool {
        self.directory.groups[group].main == field
    }

    /// Whether `field` has values that are no texts.
    fn has_others(&self, group: usize, field: &str) -> bool {
        [Kind::Int, Kind::Float, Kind::Bool]
            .into_iter()
            .any(|kind| self.column_at(group, field, kind).is_some())
    }

    /// Whether no row group can have it. What cannot be read lacks nothing: the reader of the block will say what is wrong.
    fn lacks(&self, field: &str, text: &str, want: Want) -> bool {
        (0..self.groups.len()).all(|group| self.lacks_in(group, field, text, want).unwrap_or(false))
    }

    fn lacks_in(
        &self,
        group: usize,
        field: &str,
        text: &str,
        want: Want,
    ) -> Result<bool, ReadError> {
        if self.has_others(group, field) {
            return Ok(false);
        }
        if self.column_at(group, field, Kind::Str).is_none() {
            return Ok(true);
        }
        let main = self.is_main(group, field);
        if !main {
            let tokens = want.tokens(field, false, text);
            return Ok(!tokens.is_empty() && !self.group_has(group, &tokens)?);
        }
        for part in parts(text) {
            let frequent = self.words(group)?.templates(&part).is_some();
            if !frequent && !self.group_has(group, &tokens::of_word(field, true, &part))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many rows of a row group have the word, as a word of `standard`, where its index knows.
    fn count_in(&self, group: usize, field: &str, word: &str) -> Result<Option<u64>, ReadError> {
        if self.lacks_in(group, field, word, Want::Word)? {
            return Ok(Some(0));
        }
        let parts = parts(word);
        if !is_word(&parts, word) || !is_kept_together(word) {
            return Ok(None);
        }
        let part = &parts[0];
        if !self.is_main(group, field) || self.has_others(group, field) {
            return Ok(None);
        }
        let words = self.words(group)?;
        let Some(templates) = words.templates(part) else { return Ok(None) };
        if words.capped && self.group_has(group, &tokens::of_word(field, true, part))? {
            return Ok(None);
        }
        if templates.iter().any(|(_, stand)| *stand == Stand::Open) {
            return Ok(None);
        }
        let templates = templates.iter().filter(|(_, stand)| *stand == Stand::Alone);
        let rows = |id: u32| words.rows.get(id as usize).map_or(0, |rows| u64::from(*rows));
        Ok(Some(templates.map(|(id, _)| rows(*id)).sum()))
    }
}

/// The finest words of `text`.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    finest::words(&hash::folded(text), &mut String::new(), |part| parts.push(part.to_owned()));
    parts
}

/// Whether `text` is a word and nothing else.
fn is_word(parts: &[String], text: &str) -> bool {
    matches!(parts, [part] if *part == hash::folded(text))
}

/// A block of a segment. Columns stay decoded as long as the block is held.
#[derive(Debug)]
struct SegmentBlock {
    inner: Arc<Inner>,
    group: usize,
    /// In its row group.
    at: usize,
    times: (i64, i64),
    columns: Vec<OnceLock<Arc<Column>>>,
}

impl SegmentBlock {
    fn column_by(&self, at: usize) -> Result<&Arc<Column>, ReadError> {
        if let Some(column) = self.columns[at].get() {
            return Ok(column);
        }
        let column = Arc::new(self.inner.column(self.group, at, self.at)?);
        Ok(self.columns[at].get_or_init(|| column))
    }

    /// Where a frequent word of the main text is; `None` when it is not frequent.
    fn frequent(&self, field: &str, word: &str) -> Result<Option<Known>, ReadError> {
        let words = self.inner.words(self.group)?;
        let Some(templates) = words.templates(word) else { return Ok(None) };
        let mut rows = Bits::none(self.rows());
        let mut open = Vec::new();
        let mut at = 0;
        for (template, len) in words.runs(self.at) {
            let end = at + *len as usize;
            if templates.binary_search_by_key(template, |(id, _)| *id).is_ok() {
                (at..end).for_each(|row| rows.set(row));
            } else if words.capped && words.is_open(*template) {
                open.push(at..end);
            }
            at = end;
        }
        if !open.is_empty() {
            let tokens = tokens::of_word(field, true, word);
            if self.inner.blocks_with(self.group, &tokens)?.has(self.at) {
                self.look(field, word, open, &mut rows)?;
            }
        }
        Ok(Some(if rows.is_empty() { Known::Nowhere } else { Known::Rows(rows) }))
    }

    /// Adds the rows of `among` whose texts have `word`: long lines, beyond what their templates say.
    fn look(
        &self,
        field: &str,
        word: &str,
        among: Vec<std::ops::Range<usize>>,
        rows: &mut Bits,
    ) -> Result<(), ReadError> {
        let Some(column) = self.column(field, Kind::Str)? else { return Ok(()) };
        let mut scratch = String::new();
        for row in among.into_iter().flatten() {
            let mut found = false;
            for text in column.of(row).filter_map(|at| column.values.text(at)) {
                finest::words(text, &mut scratch, |have| found |= have == word);
            }
            if found {
                rows.set(row);
            }
        }
        Ok(())
    }

    /// Where the main text has all of the words of `text`.
    fn in_main(&self, field: &str, text: &str) -> Result<Known, ReadError> {
        let parts = parts(text);
        let one = is_word(&parts, text);
        let mut all = Known::Maybe;
        for part in parts {
            let known = match self.frequent(field, &part)? {
                Some(known) => known,
                None => self.by_filters(&tokens::of_word(field, true, &part))?,
            };
            match known {
                Known::Nowhere => return Ok(Known::Nowhere),
                Known::Rows(rows) if one => all = Known::Rows(rows),
                Known::Rows(_) | Known::Maybe => {}
            }
        }
        Ok(all)
    }

    fn by_filters(&self, tokens: &[u64]) -> Result<Known, ReadError> {
        if tokens.is_empty() || self.inner.blocks_with(self.group, tokens)?.has(self.at) {
            Ok(Known::Maybe)
        } else {
            Ok(Known::Nowhere)
        }
    }

    fn find(&self, field: &str, text: &str, want: Want) -> Result<Known, ReadError> {
        let Some(column) = self.inner.column_at(self.group, field, Kind::Str) else {
            return Ok(Known::Nowhere);
        };
        if self.inner.is_main(self.group, field) {
            let known = self.in_main(field, text)?;
            // Words prove nothing of the whole.
            return Ok(match (known, want) {
                (Known::Rows(_), Want::Value) => Known::Maybe,
                (known @ Known::Rows(_), Want::Word)
                | (known @ (Known::Nowhere | Known::Maybe), _) => known,
            });
        }
        let zones = self.inner.zones(self.group)?;
        if let Some((_, maps)) = zones.maps.iter().find(|(of, _)| *of == column) {
            return self.by_map(column, &maps[self.at], field, text, want);
        }
        self.by_filters(&want.tokens(field, false, text))
    }

    /// By the words of a small dictionary, and the codes that the block has: exact for words and whole values.
    fn by_map(
        &self,
        column: usize,
        map: &super::sections::CodeMap,
        field: &str,
        text: &str,
        want: Want,
    ) -> Result<Known, ReadError> {
        let Some(words) = self.inner.dictionary(self.group, column)? else {
            return Ok(Known::Maybe);
        };
        let parts = parts(text);
        if want == Want::Word && (parts.is_empty() || tokens::rule(field) == Rule::Nothing) {
            return Ok(Known::Maybe);
        }
        let hits = matching(&words, text, &parts, want);
        let mut there = hits.iter().zip(map).map(|(hits, map)| hits & map);
        if there.all(|codes| codes == 0) {
            return Ok(Known::Nowhere);
        }
        if want == Want::Word && !is_word(&parts, text) {
            return Ok(Known::Maybe);
        }
        let column = self.column_by(column)?;
        let Values::Dict { codes, .. } = &column.values else { return Ok(Known::Maybe) };
        let mut rows = Bits::none(self.rows());
        for row in 0..self.rows() {
            let hit = |code: &u32| hits[*code as usize / 64] >> (code % 64) & 1 == 1;
            if codes[column.of(row)].iter().any(hit) {
                rows.set(row);
            }
        }
        Ok(Known::Rows(rows))
    }
}

/// Which of at most 256 words have all of `parts`, or are `text`.
fn matching(words: &Strings, text: &str, parts: &[String], want: Want) -> [u64; 4] {
    let text = hash::folded(text);
    let mut hits = [0; 4];
    let mut scratch = String::new();
    for (code, word) in words.iter().enumerate().take(256) {
        let hit = match want {
            Want::Value => hash::folded(word) == text,
            Want::Word => {
                let mut missing: Vec<&String> = parts.iter().collect();
                finest::words(word, &mut scratch, |have| missing.retain(|part| *part != have));
                missing.is_empty()
            }
        };
        if hit {
            hits[code / 64] |= 1 << (code % 64);
        }
    }
    hits
}

impl Block for SegmentBlock {
    fn rows(&self) -> usize {
        self.inner.block_rows(self.group, self.at)
    }

    fn times(&self) -> (i64, i64) {
        self.times
    }

    fn column(&self, field: &str, kind: Kind) -> Result<Option<Arc<Column>>, ReadError> {
        let Some(at) = self.inner.column_at(self.group, field, kind) else { return Ok(None) };
        let chunk = &self.inner.chunks(self.group)?[at];
        if chunk.pages[self.at].slots == chunk.pages[self.at].missing {
            return Ok(None);
        }
        self.column_by(at).map(|column| Some(Arc::clone(column)))
    }

    fn word(&self, field: &str, word: &str) -> Result<Known, ReadError> {
        self.find(field, word, Want::Word)
    }

    fn value(&self, field: &str, value: &str) -> Result<Known, ReadError> {
        self.find(field, value, Want::Value)
    }

    fn standing(&self, field: &str, word: &str) -> Result<Option<Standing>, ReadError> {
        let has = self.inner.column_at(self.group, field, Kind::Str).is_some();
        let main = has && self.inner.is_main(self.group, field);
        if !main || !is_word(&parts(word), word) || !is_kept_together(word) {
            return Ok(None);
        }
        let words = self.inner.words(self.group)?;
        let Some(templates) = words.templates(&hash::folded(word)) else { return Ok(None) };
        // Lines that are longer than their template can have any word, as far as the filters know.
        let tokens = tokens::of_word(field, true, word);
        let tails = words.capped && self.inner.blocks_with(self.group, &tokens)?.has(self.at);
        let mut standing =
            Standing { proven: Bits::none(self.rows()), open: Bits::none(self.rows()) };
        let mut at = 0;
        for (template, len) in words.runs(self.at) {
            let end = at + *len as usize;
            let found = templates.binary_search_by_key(template, |(id, _)| *id);
            let stand = found.map_or(Stand::Joined, |at| templates[at].1);
            if stand == Stand::Alone {
                (at..end).for_each(|row| standing.proven.set(row));
            } else if stand == Stand::Open || tails && words.is_open(*template) {
                (at..end).for_each(|row| standing.open.set(row));
            }
            at = end;
        }
        Ok(Some(standing))
    }

    fn id(&self, row: usize) -> Result<String, ReadError> {
        if let Some(ids) = self.column(system::ID, Kind::Str)?
            && let Some(id) = ids.text(row)
        {
            return Ok(id.to_owned());
        }
        let seqs = self.column(system::SEQ, Kind::Int)?;
        let seq = seqs.and_then(|seqs| seqs.int(row)).ok_or_else(|| ReadError {
            part: self.inner.name.clone(),
            block: self.inner.groups[self.group].first_block + self.at,
            what: format!("row {row} without a sequence number"),
        })?;
        Ok(ids::auto_id(self.inner.directory.id_key, seq))
    }

    fn source(&self, row: usize) -> Result<String, ReadError> {
        let at = self.inner.groups[self.group].first_block + self.at;
        source::rebuild(&self.inner.name, at, self, row)
    }
}
