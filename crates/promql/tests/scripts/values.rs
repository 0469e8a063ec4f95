//! The notation of series and their samples in scripts: `name{a="b"} 1 2+3x4 _ stale {{schema:0 sum:1}}`.

use std::sync::Arc;

use model::histogram::{CUSTOM_BUCKETS_SCHEMA, FloatHistogram, ResetHint, Span};
use model::labels::Labels;
use model::sample::{Value, stale_nan};

/// One place of a series: nothing, or a value.
pub(crate) type Slot = Option<Value>;

/// Splits `name{…} rest` into labels and the rest.
pub(crate) fn metric(line: &str) -> Result<(Labels, &str), String> {
    let line = line.trim();
    let end = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(line.len());
    let (name, mut rest) = line.split_at(end);
    let mut pairs: Vec<(String, String)> = Vec::new();
    if !name.is_empty() {
        pairs.push(("__name__".to_owned(), name.to_owned()));
    }
    if rest.starts_with('{') && !rest.starts_with("{{") {
        rest = &rest[1..];
        loop {
            rest = rest.trim_start_matches([' ', ',', '\t']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (name, after) = word(rest)?;
            rest = after.trim_start();
            match rest.strip_prefix('=') {
                Some(after) => {
                    let (value, after) = word(after.trim_start())?;
                    pairs.push((name, value));
                    rest = after;
                }
                None => pairs.push(("__name__".to_owned(), name)),
            }
        }
    }
    Ok((Labels::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))), rest))
}

/// A quoted text or a bare word.
fn word(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().ok_or("unexpected end of a metric")?;
    if !matches!(quote, '"' | '\'' | '`') {
        let end =
            text.find(|c: char| !(c.is_alphanumeric() || "_.:".contains(c))).unwrap_or(text.len());
        if end == 0 {
            return Err(format!("not a label: {text}"));
        }
        return Ok((text[..end].to_owned(), &text[end..]));
    }
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((out, &text[i + 1..])),
            '\\' if quote != '`' => match chars.next().map(|(_, c)| c) {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('x') => {
                    let hex: String = chars.by_ref().take(2).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&hex, 16).map_err(|e| e.to_string())?;
                    out.extend(char::from_u32(code));
                }
                Some(c) => out.push(c),
                None => break,
            },
            _ => out.push(c),
        }
    }
    Err(format!("unclosed quote: {text}"))
}

/// A number as scripts write it.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    let clean = text.replace('_', "");
    let (sign, digits) = match clean.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, clean.strip_prefix('+').unwrap_or(&clean)),
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        let v = u32::from_str_radix(hex, 16).map_err(|e| e.to_string())?;
        return Ok(sign * f64::from(v));
    }
    digits.parse::<f64>().map(|v| sign * v).map_err(|_| format!("not a number: {text}"))
}

/// The samples after the metric.
pub(crate) fn values(text: &str) -> Result<Vec<Slot>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (token, after) = token(rest)?;
        expand(token, &mut out)?;
        rest = after.trim_start();
    }
    Ok(out)
}

/// Up to the next blank outside of `{{…}}`.
fn token(text: &str) -> Result<(&str, &str), String> {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ' ' | '\t' if depth == 0 => return Ok(text.split_at(i)),
            _ => {}
        }
    }
    if depth == 0 { Ok((text, "")) } else { Err(format!("unclosed braces: {text}")) }
}

fn times(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a count: {text}"))
}

fn expand(token: &str, out: &mut Vec<Slot>) -> Result<(), String> {
    if token.starts_with("{{") {
        return expand_histogram(token, out);
    }
    let (what, repeat) = match token.rsplit_once('x') {
        Some((what, n)) if !what.is_empty() => (what, Some(times(n)?)),
        _ => (token, None),
    };
    if what == "_" {
        out.extend(std::iter::repeat_n(None, repeat.unwrap_or(1)));
        return Ok(());
    }
    if what == "stale" {
        let stale = Some(Value::Float(stale_nan()));
        out.extend(std::iter::repeat_n(stale, repeat.map_or(1, |n| n + 1)));
        return Ok(());
    }
    let (first, step) = split_step(what);
    let mut v = number(first)?;
    out.push(Some(Value::Float(v)));
    let step = if step.is_empty() { 0.0 } else { number(step)? };
    for _ in 0..repeat.unwrap_or(0) {
        v += step;
        out.push(Some(Value::Float(v)));
    }
    Ok(())
}

/// `1e-3+2` → `1e-3`, `+2`.
fn split_step(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let sign = (1..bytes.len())
        .find(|&i| matches!(bytes[i], b'+' | b'-') && !matches!(bytes[i - 1], b'e' | b'E'));
    text.split_at(sign.unwrap_or(text.len()))
}

fn expand_histogram(token: &str, out: &mut Vec<Slot>) -> Result<(), String> {
    let (first, rest) = braces(token)?;
    let mut h = histogram(first)?;
    let push = |h: &FloatHistogram, out: &mut Vec<Slot>| {
        out.push(Some(Value::Histogram(Arc::new(h.clone()))))
    };
    push(&h, out);
    let (sign, step, rest) = match rest.as_bytes().first() {
        Some(b'+' | b'-') => {
            let (step, after) = braces(&rest[1..])?;
            (if rest.starts_with('-') { -1.0 } else { 1.0 }, Some(histogram(step)?), after)
        }
        _ => (1.0, None, rest),
    };
    let repeat = if rest.is_empty() { 0 } else { times(rest.trim_start_matches('x'))? };
    for _ in 0..repeat {
        if let Some(step) = &step {
            add(&mut h, step, sign)?;
        }
        push(&h, out);
    }
    Ok(())
}

fn braces(text: &str) -> Result<(&str, &str), String> {
    let inner = text.strip_prefix("{{").ok_or_else(|| format!("not a histogram: {text}"))?;
    inner.split_once("}}").ok_or_else(|| format!("unclosed histogram: {text}"))
}

/// Adds histograms of equal layout, which is all that scripts need.
fn add(h: &mut FloatHistogram, other: &FloatHistogram, sign: f64) -> Result<(), String> {
    if h.schema != other.schema || h.custom_values != other.custom_values {
        return Err("histograms of different layouts in one series".to_owned());
    }
    h.count += sign * other.count;
    h.sum += sign * other.sum;
    h.zero_count += sign * other.zero_count;
    let side = |spans: &mut Vec<Span>, buckets: &mut Vec<f64>, other: Vec<(i32, f64)>| {
        let mut all = dense(spans, buckets);
        for (index, count) in other {
            match all.iter_mut().find(|(i, _)| *i == index) {
                Some((_, have)) => *have += sign * count,
                None => all.push((index, sign * count)),
            }
        }
        (*spans, *buckets) = sparse(all);
    };
    side(
        &mut h.positive_spans,
        &mut h.positive_buckets,
        dense(&other.positive_spans, &other.positive_buckets),
    );
    side(
        &mut h.negative_spans,
        &mut h.negative_buckets,
        dense(&other.negative_spans, &other.negative_buckets),
    );
    Ok(())
}

/// Buckets with their indices.
pub(crate) fn dense(spans: &[Span], buckets: &[f64]) -> Vec<(i32, f64)> {
    let mut index = 0;
    let mut counts = buckets.iter();
    let mut out = Vec::new();
    for span in spans {
        index += span.offset;
        for _ in 0..span.length {
            out.extend(counts.next().map(|&count| (index, count)));
            index += 1;
        }
    }
    out
}

/// The spans and buckets of counts at indices.
pub(crate) fn sparse(mut all: Vec<(i32, f64)>) -> (Vec<Span>, Vec<f64>) {
    all.sort_by_key(|(index, _)| *index);
    let mut spans: Vec<Span> = Vec::new();
    let mut end = 0;
    for (index, _) in &all {
        match spans.last_mut() {
            Some(span) if *index == end => span.length += 1,
            _ => spans.push(Span { offset: index - end, length: 1 }),
        }
        end = index + 1;
    }
    (spans, all.into_iter().map(|(_, count)| count).collect())
}

/// `schema:0 sum:1 buckets:[1 2]`.
fn histogram(text: &str) -> Result<FloatHistogram, String> {
    let mut h = FloatHistogram::default();
    let (mut offsets, mut buckets) = ([0, 0], [Vec::new(), Vec::new()]);
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once(':').ok_or_else(|| format!("not a field: {rest}"))?;
        let (value, after) = match after.strip_prefix('[') {
            Some(list) => list.split_once(']').ok_or("unclosed list")?,
            None => after.split_at(after.find(' ').unwrap_or(after.len())),
        };
        rest = after.trim_start();
        let list = || value.split_whitespace().map(number).collect::<Result<Vec<f64>, _>>();
        let whole = || value.parse::<i32>().map_err(|e| format!("{key}: {e}"));
        match key {
            "schema" => h.schema = whole()?,
            "sum" => h.sum = number(value)?,
            "count" => h.count = number(value)?,
            "z_bucket" => h.zero_count = number(value)?,
            "z_bucket_w" => h.zero_threshold = number(value)?,
            "custom_values" => h.custom_values = Some(Arc::from(list()?)),
            "buckets" => buckets[0] = list()?,
            "n_buckets" => buckets[1] = list()?,
            "offset" => offsets[0] = whole()?,
            "n_offset" => offsets[1] = whole()?,
            "counter_reset_hint" => {
                h.reset_hint = match value {
                    "reset" => ResetHint::CounterReset,
                    "not_reset" => ResetHint::NotCounterReset,
                    "gauge" => ResetHint::Gauge,
                    _ => ResetHint::Unknown,
                }
            }
            _ => return Err(format!("unknown field {key}")),
        }
    }
    let [positive, negative] = buckets;
    let side = |offset: i32, counts: Vec<f64>| sparse((offset..).zip(counts).collect());
    (h.positive_spans, h.positive_buckets) = side(offsets[0], positive);
    (h.negative_spans, h.negative_buckets) = side(offsets[1], negative);
    if h.schema == CUSTOM_BUCKETS_SCHEMA && h.custom_values.is_none() {
        h.custom_values = Some(Arc::from([]));
    }
    Ok(h)
}
