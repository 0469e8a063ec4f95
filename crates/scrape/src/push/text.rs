//! The text format as Pushgateway reads it, which is not quite what Prometheus scrapes: a line break must end every line, summaries
//! and histograms are put together by their TYPE, and the texts of its errors are others.

use std::collections::BTreeMap;
use std::fmt::Display;

use model::metadata::MetricType;
use model::names::NameScheme;
use model::quote::quote;
use wire::float::parse_exposed;

use super::body::{Draft, Pairs, Part, n_within};
use super::error::PushError;
use super::family::Bucket;
use super::gateway::Options;

/// Families by name, and whether any sample has a time.
///
/// # Errors
/// Pushgateway's text, with the line; or a limit that is passed, as soon as it is.
pub(super) fn parse(
    body: &[u8],
    options: &Options,
) -> Result<(BTreeMap<String, Draft>, bool), PushError> {
    let mut reader = Reader {
        body,
        at: 0,
        line: 0,
        scheme: options.name_scheme(),
        options,
        drafts: BTreeMap::new(),
        n_metrics: 0,
        has_times: false,
    };
    while reader.line()? {}
    Ok((reader.drafts, reader.has_times))
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    line: usize,
    scheme: NameScheme,
    options: &'a Options,
    drafts: BTreeMap<String, Draft>,
    n_metrics: usize,
    has_times: bool,
}

/// Which family a sample is of, and which of its parts it gives.
struct Target {
    family: String,
    kind: MetricType,
    suffix: Suffix,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Suffix {
    None,
    Count,
    Sum,
}

/// What stands between braces.
#[derive(Default)]
struct Labels {
    pairs: Pairs,
    /// `quantile` of a summary or `le` of a histogram.
    bound: Option<f64>,
}

impl Reader<'_> {
    fn fail<T>(&self, text: impl Display) -> Result<T, PushError> {
        Err(PushError::Malformed(format!(
            "text format parsing error in line {}: {text}",
            self.line
        )))
    }

    /// The byte at hand.
    fn byte(&self) -> Result<u8, PushError> {
        match self.body.get(self.at) {
            Some(byte) => Ok(*byte),
            None => self.fail("unexpected end of input stream"),
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.body.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// Reads up to a byte that is in `ends`, which must come.
    fn until(&mut self, ends: &[u8]) -> Result<String, PushError> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let Some(len) = rest.iter().position(|byte| ends.contains(byte)) else {
            return self.fail("unexpected end of input stream");
        };
        self.at += len;
        Ok(String::from_utf8_lossy(&rest[..len]).into_owned())
    }

    /// Reads a line; false at the end of the body.
    fn line(&mut self) -> Result<bool, PushError> {
        self.line += 1;
        self.skip_blanks();
        match self.body.get(self.at) {
            None => return Ok(false),
            Some(b'#') => {
                self.at += 1;
                self.comment()?;
            }
            Some(b'\n') => {}
            Some(b'{') => {
                self.at += 1;
                let (target, labels) = self.braces(None)?;
                self.value(&target, labels)?;
            }
            Some(_) => {
                let Some(name) = self.name(true)? else {
                    return self.fail("invalid metric name");
                };
                let target = self.target(&name)?;
                self.skip_blanks();
                if self.byte()? == b'{' {
                    self.at += 1;
                    let (target, labels) = self.braces(Some(target))?;
                    self.value(&target, labels)?;
                } else {
                    self.value(&target, Labels::default())?;
                }
            }
        }
        // Every branch ends before the line break.
        self.at += 1;
        Ok(true)
    }

    fn comment(&mut self) -> Result<(), PushError> {
        self.skip_blanks();
        let keyword = self.until(b" \t\n")?;
        if self.byte()? == b'\n' {
            return Ok(());
        }
        if keyword != "HELP" && keyword != "TYPE" {
            self.until(b"\n")?;
            return Ok(());
        }
        self.skip_blanks();
        let name = self.name(true)?.unwrap_or_default();
        match self.byte()? {
            b'\n' => return Ok(()),
            b' ' | b'\t' => {}
            _ => return self.fail("invalid metric name in comment"),
        }
        let family = self.target(&name)?.family;
        // Those of samples are bounded with these.
        n_within("names", self.drafts.len(), self.options.group_metrics_max)?;
        self.skip_blanks();
        if self.byte()? == b'\n' {
            return Ok(());
        }
        if keyword == "HELP" { self.help(family) } else { self.kind(family) }
    }

    fn help(&mut self, family: String) -> Result<(), PushError> {
        if self.drafts.get(&family).is_some_and(|draft| draft.help.is_some()) {
            return self.fail(format_args!("second HELP line for metric name {}", quote(&family)));
        }
        let mut text = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                b'\\' => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                byte => text.push(byte),
            }
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        self.drafts.entry(family).or_default().help = Some(text);
        Ok(())
    }

    fn kind(&mut self, family: String) -> Result<(), PushError> {
        if self.drafts.get(&family).is_some_and(|draft| draft.kind.is_some()) {
            let name = quote(&family);
            return self.fail(format_args!(
                "second TYPE line for metric name {name}, or TYPE reported after samples"
            ));
        }
        let word = self.until(b"\n")?;
        let kind = match word.to_ascii_lowercase().as_str() {
            "counter" => MetricType::Counter,
            "gauge" => MetricType::Gauge,
            "summary" => MetricType::Summary,
            "untyped" => MetricType::Unknown,
            "histogram" => MetricType::Histogram,
            "gauge_histogram" | "gaugehistogram" => MetricType::GaugeHistogram,
            _ => return self.fail(format_args!("unknown metric type {}", quote(&word))),
        };
        self.drafts.entry(family).or_default().kind = Some(kind);
        Ok(())
    }

    /// The byte that the one at hand stands for behind a backslash.
    fn escaped(&self) -> Result<u8, PushError> {
        match self.byte()? {
            b'n' => Ok(b'\n'),
            byte @ (b'\\' | b'"') => Ok(byte),
            byte => self.fail(format_args!("invalid escape sequence '\\{}'", char::from(byte))),
        }
    }

    /// Reads a metric or label name, which may be quoted; `None` when none begins here.
    fn name(&mut self, is_metric: bool) -> Result<Option<String>, PushError> {
        let starts =
            |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (is_metric && byte == b':');
        if self.byte()? == b'"' {
            let what = if is_metric { "metric name" } else { "label name" };
            return Ok(Some(self.quoted(what)?).filter(|name| !name.is_empty()));
        }
        if !starts(self.byte()?) {
            return Ok(None);
        }
        let from = self.at;
        while starts(self.byte()?) || self.byte()?.is_ascii_digit() {
            self.at += 1;
        }
        Ok(Some(String::from_utf8_lossy(&self.body[from..self.at]).into_owned()))
    }

    /// Reads a quoted text whose opening quote is at hand, and steps behind it.
    fn quoted(&mut self, what: &str) -> Result<String, PushError> {
        let mut text = Vec::new();
        loop {
            self.at += 1;
            match self.byte()? {
                b'"' => break,
                b'\n' => {
                    let so_far = quote(&String::from_utf8_lossy(&text));
                    return self.fail(format_args!("{what} {so_far} contains unescaped new-line"));
                }
                b'\\' => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                byte => text.push(byte),
            }
        }
        self.at += 1;
        String::from_utf8(text).or_else(|error| {
            self.fail(format_args!("invalid {what} {}", quote_bytes(error.as_bytes())))
        })
    }

    /// The family that a sample or comment of `name` belongs to; it is made when missing.
    fn target(&mut self, name: &str) -> Result<Target, PushError> {
        if !self.scheme.metric_name_ok(name) {
            return self.fail(format_args!("invalid metric name {}", quote(name)));
        }
        let target =
            |family: &str, kind, suffix| Target { family: family.to_owned(), kind, suffix };
        if let Some(draft) = self.drafts.get(name) {
            return Ok(target(name, draft.kind.unwrap_or_default(), Suffix::None));
        }
        for (ending, suffix) in
            [("_count", Suffix::Count), ("_sum", Suffix::Sum), ("_bucket", Suffix::None)]
        {
            let Some(stem) = name.strip_suffix(ending).filter(|stem| !stem.is_empty()) else {
                continue;
            };
            match self.drafts.get(stem).and_then(|draft| draft.kind) {
                Some(kind @ MetricType::Summary) if ending != "_bucket" => {
                    return Ok(target(stem, kind, suffix));
                }
                Some(kind @ (MetricType::Histogram | MetricType::GaugeHistogram)) => {
                    return Ok(target(stem, kind, suffix));
                }
                Some(_) | None => {}
            }
        }
        self.drafts.insert(name.to_owned(), Draft::default());
        Ok(target(name, MetricType::Unknown, Suffix::None))
    }

    /// Reads labels up to behind the closing brace; `target` is `None` when the metric name stands among them.
    fn braces(&mut self, target: Option<Target>) -> Result<(Target, Labels), PushError> {
        let is_inside = target.is_none();
        let mut target = target;
        let mut labels = Labels::default();
        loop {
            self.skip_blanks();
            if self.byte()? == b'}' {
                break;
            }
            let family = target.as_ref().map(|one| one.family.clone()).unwrap_or_default();
            let Some(name) = self.name(is_inside && target.is_none())? else {
                return self.fail(format_args!("invalid label name for metric {}", quote(&family)));
            };
            self.skip_blanks();
            if self.byte()? == b'=' {
                // Before the metric name nothing is known of the type.
                let kind = target.as_ref().map(|one| one.kind).unwrap_or_default();
                let so_far = Target { family, kind, suffix: Suffix::None };
                self.at += 1;
                self.label(&so_far, &name, &mut labels)?;
            } else if !is_inside {
                let found = char::from(self.byte()?);
                return self.fail(format_args!("expected '=' after label name, found {found:?}"));
            } else if target.is_some() {
                return self
                    .fail(format_args!("multiple metric names for metric {}", quote(&family)));
            } else {
                let found = char::from(self.byte()?);
                if !matches!(found, ',' | '}') {
                    return self.fail(format_args!("unexpected end of metric name {found:?}"));
                }
                target = Some(self.target(&name)?);
            }
            if self.byte()? == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        match target {
            Some(target) => Ok((target, labels)),
            None => self.fail("invalid metric name"),
        }
    }

    /// Reads a label's value up to the `,` or `}` behind it.
    fn label(&mut self, target: &Target, name: &str, labels: &mut Labels) -> Result<(), PushError> {
        if name == model::labels::METRIC_NAME {
            return self.fail("label name \"__name__\" is reserved");
        }
        if !self.scheme.label_name_ok(name) {
            return self.fail(format_args!("invalid label name {}", quote(name)));
        }
        let is_bound = match target.kind {
            MetricType::Summary => name == "quantile",
            MetricType::Histogram | MetricType::GaugeHistogram => name == "le",
            MetricType::Counter
            | MetricType::Gauge
            | MetricType::Info
            | MetricType::StateSet
            | MetricType::Unknown => false,
        };
        if !is_bound && labels.pairs.iter().any(|(have, _)| have == name) {
            let family = quote(&target.family);
            return self.fail(format_args!("duplicate label names for metric {family}"));
        }
        self.skip_blanks();
        if self.byte()? != b'"' {
            let found = char::from(self.byte()?);
            return self
                .fail(format_args!("expected '\"' at start of label value, found {found:?}"));
        }
        let value = self.quoted("label value")?;
        let shown = quote(&value);
        if is_bound {
            let Ok(bound) = parse_exposed(value.as_bytes()) else {
                return self
                    .fail(format_args!("expected float as value for '{name}' label, got {shown}"));
            };
            labels.bound = Some(bound);
        } else {
            labels.pairs.push((name.to_owned(), value));
            n_within("labels of one metric", labels.pairs.len(), self.options.labels_max)?;
        }
        self.skip_blanks();
        if !matches!(self.byte()?, b',' | b'}') {
            return self.fail(format_args!("unexpected end of label value {shown}"));
        }
        Ok(())
    }

    /// Reads value and time up to the line break, and stores the sample.
    fn value(&mut self, target: &Target, mut labels: Labels) -> Result<(), PushError> {
        self.skip_blanks();
        let word = self.until(b" \t\n")?;
        let Ok(v) = parse_exposed(word.as_bytes()) else {
            return self.fail(format_args!("expected float as value, got {}", quote(&word)));
        };
        labels.pairs.sort();
        let part = self.part(target, labels.bound, v)?;
        let draft = self.drafts.entry(target.family.clone()).or_default();
        draft.kind = Some(target.kind);
        let before = draft.n_metrics();
        match part {
            Some(part) => draft.part(&labels.pairs, part),
            None => draft.simple(&labels.pairs, v),
        }
        self.n_metrics += draft.n_metrics() - before;
        n_within("metrics", self.n_metrics, self.options.group_metrics_max)?;
        if self.byte()? == b'\n' {
            return Ok(());
        }
        self.skip_blanks();
        let time = self.until(b" \t\n")?;
        if time.parse::<i64>().is_err() {
            return self.fail(format_args!("expected integer as timestamp, got {}", quote(&time)));
        }
        self.has_times = true;
        let rest = self.until(b"\n")?;
        if !rest.is_empty() {
            return self.fail(format_args!("spurious string after timestamp: {}", quote(&rest)));
        }
        Ok(())
    }

    /// What the sample gives to a summary or histogram; `None` for other types.
    fn part(&self, target: &Target, bound: Option<f64>, v: f64) -> Result<Option<Part>, PushError> {
        let bound = bound.filter(|bound| !bound.is_nan());
        Ok(Some(match target.kind {
            MetricType::Summary => match (target.suffix, bound) {
                (Suffix::Count, _) => Part::Count(v),
                (Suffix::Sum, _) => Part::Sum(v),
                (Suffix::None, Some(quantile)) => Part::Quantile(quantile, v),
                (Suffix::None, None) => Part::Nothing,
            },
            MetricType::Histogram | MetricType::GaugeHistogram => match (target.suffix, bound) {
                (Suffix::Count, _) => Part::Count(self.count("count", target, v)?),
                (Suffix::Sum, _) => Part::Sum(v),
                (Suffix::None, Some(upper)) => {
                    let cumulative = self.count("bucket population", target, v)?;
                    Part::Bucket(Bucket { upper, cumulative })
                }
                (Suffix::None, None) => Part::Nothing,
            },
            MetricType::Counter
            | MetricType::Gauge
            | MetricType::Info
            | MetricType::StateSet
            | MetricType::Unknown => return Ok(None),
        }))
    }

    /// A histogram's count, which need not be whole.
    fn count(&self, what: &str, target: &Target, v: f64) -> Result<f64, PushError> {
        let family = quote(&target.family);
        if v < 0.0 {
            return self.fail(format_args!("negative {what} for histogram {family}"));
        }
        Ok(v)
    }
}

/// As Go quotes bytes that are not UTF-8.
fn quote_bytes(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        let valid = quote(chunk.valid());
        out.push_str(&valid[1..valid.len() - 1]);
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}
