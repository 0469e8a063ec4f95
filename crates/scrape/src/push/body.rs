//! A pushed body → families, in either format.

use std::collections::{BTreeMap, HashMap};

use model::exemplar::Exemplar;
use model::histogram::{FloatHistogram, Histogram};
use model::labels::METRIC_NAME;
use model::metadata::MetricType;
use model::names::NameScheme;
use model::quote::quote;
use wire::exposition::{Entry, Format, LabelBuf, NativeHistogram, Parser, ProtobufOptions};

use super::error::PushError;
use super::family::{Bucket, Extra, Family, Grouping, Metric, Value, with_group};
use super::gateway::Options;
use super::text;

/// What a body holds: families sorted by name, their metrics labelled as in their group.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parsed {
    pub(super) families: Vec<Family>,
    /// Whether any sample has a time.
    pub(super) has_times: bool,
}

/// Labels as they come, sorted by name.
pub(super) type Pairs = Vec<(String, String)>;

/// A family that is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) help: Option<String>,
    pub(super) kind: Option<MetricType>,
    metrics: Vec<(Grouping, Value)>,
    /// By index into `metrics`.
    extras: HashMap<usize, Extra>,
    /// Summaries and histograms by their labels: an index into `metrics`.
    composed: HashMap<Grouping, usize>,
}

/// What one sample says of its metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    Count(f64),
    Sum(f64),
    Quantile(f64, f64),
    Bucket(Bucket),
    /// Nothing, but that there is such a metric.
    Nothing,
}

impl Draft {
    pub(super) fn n_metrics(&self) -> usize {
        self.metrics.len()
    }

    pub(super) fn simple(&mut self, labels: &Pairs, v: f64) {
        self.metrics.push((packed(labels), Value::Simple(v)));
    }

    /// Adds a part to the summary or histogram of `labels`.
    pub(super) fn part(&mut self, labels: &Pairs, part: Part) {
        let value = self.composed(packed(labels));
        match (value, part) {
            (Value::Summary { count, .. }, Part::Count(n)) => *count = truncated(n),
            (Value::Histogram { count, .. }, Part::Count(n)) => *count = n,
            (Value::Summary { sum, .. } | Value::Histogram { sum, .. }, Part::Sum(v)) => *sum = v,
            (Value::Summary { quantiles, .. }, Part::Quantile(quantile, v)) => {
                quantiles.push((quantile, v));
            }
            (Value::Histogram { buckets, .. }, Part::Bucket(bucket)) => buckets.push(bucket),
            (Value::Simple(_) | Value::Summary { .. } | Value::Histogram { .. }, _) => {}
        }
    }

    /// Makes the next part of `labels` that of a new metric, which is then found to be there twice.
    fn begin(&mut self, labels: &Pairs) {
        self.composed.remove(&packed(labels));
    }

    /// Whether the metric of `labels` is a native histogram whose classic buckets may still come.
    fn awaits_buckets(&self, labels: &Pairs) -> bool {
        let metric = self.composed.get(&packed(labels)).and_then(|at| self.metrics.get(*at));
        matches!(metric, Some((_, Value::Histogram { buckets, native: Some(_), .. })) if buckets.is_empty())
    }

    fn native(&mut self, labels: &Pairs, h: &NativeHistogram) {
        self.begin(labels);
        if let Value::Histogram { count, sum, native, .. } = self.composed(packed(labels)) {
            (*count, *sum) = match h {
                NativeHistogram::Int(Histogram { count, sum, .. }) => {
                    (stdx::metrics::float(*count), *sum)
                }
                NativeHistogram::Float(FloatHistogram { count, sum, .. }) => (*count, *sum),
            };
            *native = Some(Box::new(h.clone()));
        }
    }

    /// Notes when the newest metric began to count, and its exemplars.
    fn extra(&mut self, start_ms: Option<i64>, exemplars: Vec<Exemplar>) {
        if start_ms.is_some() || !exemplars.is_empty() {
            let extra = self.extras.entry(self.metrics.len().saturating_sub(1)).or_default();
            extra.start_ms = start_ms;
            extra.exemplars.extend(exemplars);
        }
    }

    /// Notes the exemplar of the newest bucket of the newest metric.
    fn bucket_exemplar(&mut self, exemplar: Exemplar) {
        let Some((_, Value::Histogram { buckets, .. })) = self.metrics.last() else { return };
        let bucket = buckets.len().saturating_sub(1);
        let extra = self.extras.entry(self.metrics.len() - 1).or_default();
        extra.bucket_exemplars.push((bucket, exemplar));
    }

    fn composed(&mut self, labels: Grouping) -> &mut Value {
        let kind = self.kind;
        let at = *self.composed.entry(labels).or_insert_with_key(|labels| {
            let value = match kind {
                Some(MetricType::Summary) => {
                    Value::Summary { count: 0, sum: 0.0, quantiles: Vec::new() }
                }
                Some(_) | None => {
                    Value::Histogram { count: 0.0, sum: 0.0, buckets: Vec::new(), native: None }
                }
            };
            self.metrics.push((labels.clone(), value));
            self.metrics.len() - 1
        });
        &mut self.metrics[at].1
    }
}

/// In one piece, for there may be many.
fn packed(labels: &Pairs) -> Grouping {
    Grouping::from_pairs(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// Refuses a body as soon as it holds more than `max` of something: what it is read into takes many times its bytes.
///
/// # Errors
/// [`PushError::TooLarge`]
pub(super) fn n_within(what: &'static str, found: usize, max: usize) -> Result<(), PushError> {
    if found > max { Err(PushError::TooLarge { what, found, max }) } else { Ok(()) }
}

/// The nearest whole number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is brought into the range, not a number is ever 0"
)]
fn truncated(v: f64) -> u64 {
    v as u64
}

/// Reads `body`. Only the one media type of delimited protobuf is protobuf; anything else is text, as in Pushgateway.
pub(super) fn parse(
    body: &[u8],
    content_type: Option<&str>,
    group: &Grouping,
    options: &Options,
) -> Result<Parsed, PushError> {
    let (drafts, has_times) = if is_protobuf(content_type) {
        protobuf(body, options)?
    } else {
        text::parse(body, options)?
    };
    let mut families = Vec::new();
    for (name, draft) in drafts.into_iter().filter(|(_, draft)| !draft.metrics.is_empty()) {
        let mut metrics = Vec::with_capacity(draft.metrics.len());
        let mut extras = draft.extras;
        for (i, (labels, value)) in draft.metrics.into_iter().enumerate() {
            let labels = with_group(labels.iter(), group);
            n_within("labels of one metric", labels.len(), options.labels_max)?;
            metrics.push(Metric { labels, value, extra: extras.remove(&i).map(Box::new) });
        }
        let kind = draft.kind.unwrap_or_default();
        let help = draft.help.unwrap_or_default();
        families.push(Family { name, help, kind, time_ms: 0, metrics });
    }
    Ok(Parsed { families, has_times })
}

/// The media type of protobuf.
pub(super) const DELIMITED_PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn is_protobuf(content_type: Option<&str>) -> bool {
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/vnd.google.protobuf"))
    {
        return false;
    }
    let parameters: Vec<(String, &str)> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"')))
        .collect();
    let is = |name: &str, value: &str| parameters.iter().any(|(n, v)| n == name && *v == value);
    is("proto", "io.prometheus.client.MetricFamily") && is("encoding", "delimited")
}

type Drafts = (BTreeMap<String, Draft>, bool);

fn protobuf(body: &[u8], options: &Options) -> Result<Drafts, PushError> {
    let scheme = options.name_scheme();
    let natives = ProtobufOptions { ignore_native: false, keep_classic: true };
    let mut parser = Parser::with_options(body, Format::Protobuf, natives);
    let mut n_metrics = 0;
    // Besides, a series has its name and a bound.
    let labels_max = options.labels_max.saturating_add(2);
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    let mut name = String::new();
    let mut has_times = false;
    let mut labels = LabelBuf::new();
    let malformed = |text: String| PushError::Malformed(text);
    let unreadable = |text: &str| malformed(reason(text).to_owned());
    while let Some(entry) = parser.next_entry().map_err(|error| unreadable(&error.to_string()))? {
        match entry {
            Entry::Help { name: family, text } => {
                name = family.into_owned();
                if !scheme.metric_name_ok(&name) {
                    return Err(malformed(format!("invalid metric name {}", quote(&name))));
                }
                let draft = Draft { help: Some(text.into_owned()), ..Draft::default() };
                // Of two families of a name the last counts, as in Pushgateway.
                drafts.insert(name.clone(), draft);
                n_within("names", drafts.len(), options.group_metrics_max)?;
            }
            Entry::Type { kind, .. } => drafts.entry(name.clone()).or_default().kind = Some(kind),
            Entry::Unit { .. } | Entry::Comment(_) => {}
            Entry::Series(series) => {
                has_times |= series.t.is_some();
                series.labels_into(&mut labels);
                n_within("labels of one metric", labels.iter().count(), labels_max)?;
                let draft = drafts.entry(name.clone()).or_default();
                let before = draft.n_metrics();
                add_series(draft, &name, &labels, series.v, scheme).map_err(malformed)?;
                n_metrics += draft.n_metrics() - before;
                let is_bucket =
                    matches!(draft.kind, Some(MetricType::Histogram | MetricType::GaugeHistogram));
                match series.exemplar() {
                    Some(exemplar) if is_bucket => draft.bucket_exemplar(exemplar),
                    exemplar => draft.extra(series.start_t(), exemplar.into_iter().collect()),
                }
            }
            Entry::Histogram(histogram) => {
                has_times |= histogram.t.is_some();
                histogram.labels_into(&mut labels);
                n_within("labels of one metric", labels.iter().count(), labels_max)?;
                let pairs = pairs(&labels, "", scheme).map_err(malformed)?;
                let draft = drafts.entry(name.clone()).or_default();
                draft.native(&pairs, histogram.h);
                n_metrics += 1;
                draft.extra(histogram.start_t(), histogram.own_exemplars());
            }
        }
        n_within("metrics", n_metrics, options.group_metrics_max)?;
    }
    Ok((drafts, has_times))
}

/// Pushgateway's words for what our reader, which has Prometheus' words, says of a body that is no protobuf.
fn reason(text: &str) -> &str {
    if text.starts_with("clientpb: ") {
        "unexpected EOF"
    } else if text == "unexpected EOF" {
        "proto: cannot parse invalid wire-format data"
    } else {
        text
    }
}

fn add_series(
    draft: &mut Draft,
    family: &str,
    labels: &LabelBuf,
    v: f64,
    scheme: NameScheme,
) -> Result<(), String> {
    let series = labels.get(METRIC_NAME).unwrap_or_default();
    let suffix = series.strip_prefix(family).unwrap_or_default();
    let kind = draft.kind.unwrap_or_default();
    let bound = |name: &str| {
        let text = labels.get(name).unwrap_or_default();
        wire::float::parse_exposed(text.as_bytes())
            .map_err(|_| format!("invalid {name} {}", quote(text)))
    };
    match kind {
        MetricType::Summary => {
            let part = match suffix {
                "_count" => Part::Count(v),
                "_sum" => Part::Sum(v),
                _ => Part::Quantile(bound("quantile")?, v),
            };
            let without = if suffix.is_empty() { "quantile" } else { "" };
            let labels = pairs(labels, without, scheme)?;
            if suffix == "_count" {
                draft.begin(&labels);
            }
            draft.part(&labels, part);
        }
        MetricType::Histogram | MetricType::GaugeHistogram => {
            let part = match suffix {
                "_count" | "_gcount" => Part::Count(v),
                "_sum" | "_gsum" => Part::Sum(v),
                _ => Part::Bucket(Bucket { upper: bound("le")?, cumulative: v }),
            };
            let without = if suffix == "_bucket" { "le" } else { "" };
            let labels = pairs(labels, without, scheme)?;
            if matches!(part, Part::Count(_)) && !draft.awaits_buckets(&labels) {
                draft.begin(&labels);
            }
            draft.part(&labels, part);
        }
        MetricType::Counter
        | MetricType::Gauge
        | MetricType::Info
        | MetricType::StateSet
        | MetricType::Unknown => draft.simple(&pairs(labels, "", scheme)?, v),
    }
    Ok(())
}

/// The labels but for the metric name and `without`.
fn pairs(labels: &LabelBuf, without: &str, scheme: NameScheme) -> Result<Pairs, String> {
    let mut out = Pairs::new();
    for (name, value) in labels.iter() {
        if name == METRIC_NAME || name == without {
            continue;
        }
        if !scheme.label_name_ok(name) {
            return Err(format!("invalid label name {}", quote(name)));
        }
        out.push((name.to_owned(), value.to_owned()));
    }
    out.sort();
    if let Some(twice) = out.windows(2).find(|two| two[0].0 == two[1].0) {
        return Err(format!("duplicate label name {}", quote(&twice[0].0)));
    }
    Ok(out)
}
