//! `/api/v1/write`: remote write 1.0 and 2.0. A 204 means that the samples are on stable storage.
//!
//! 1.0 is all or nothing. 2.0 stores what can be stored, answers 400 with the reasons for the rest, and says in headers how
//! much was stored; after any other failure nothing is.

use hyper::StatusCode;
use hyper::header::{self, HeaderName, HeaderValue};
use model::labels::Labels;
use model::port::{AppendError, Appender, Durability, SeriesRef};
use wire::exposition::NativeHistogram;
use wire::remote::{self, Request, TimeSeries, Version};

use crate::http::Reply;
use crate::serve::Call;

/// How far in the future a sample may lie.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;
/// Reasons that are written out in one answer.
const REASONS_MAX: usize = 100;

const DISABLED: &str =
    "remote write receiver needs to be enabled with --web.enable-remote-write-receiver";

/// Why a request is not stored as a whole.
#[derive(Debug)]
enum Failure {
    /// The sender's mistake: sending it again does not help.
    Bad(String),
    /// A bound of ours: to be sent again later.
    Busy(String),
    /// The storage failed.
    Internal(String),
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            // Not 429: Prometheus does not send again after that by default.
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Bad(text) | Self::Busy(text) | Self::Internal(text) => text,
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        let text = error.to_string();
        match error {
            AppendError::OutOfOrder
            | AppendError::Duplicate
            | AppendError::OutOfBounds
            | AppendError::TooOld
            | AppendError::Histogram(_)
            | AppendError::Labels(_)
            | AppendError::OutOfOrderExemplar
            | AppendError::DuplicateExemplar
            | AppendError::Overtaken { .. } => Self::Bad(text),
            AppendError::Limit(_) => Self::Busy(text),
            AppendError::Storage(_) => Self::Internal(text),
        }
    }
}

/// How much of a request was stored.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Written {
    samples: u64,
    histograms: u64,
    exemplars: u64,
}

pub(crate) fn write(call: &Call) -> Reply {
    if !call.state.config.remote_write_receiver {
        return Reply::error(StatusCode::NOT_FOUND, DISABLED);
    }
    let said = |name: &HeaderName| Some(call.request.header(name)).filter(|text| !text.is_empty());
    let version = remote::check_encoding(said(&header::CONTENT_ENCODING))
        .and_then(|()| remote::version_for(said(&header::CONTENT_TYPE)));
    let version = match version {
        Ok(version) => version,
        Err(error) => {
            return Reply::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, &error.to_string());
        }
    };
    let (written, failure) = match stored(call, version) {
        Ok(done) => done,
        Err(failure) => (Written::default(), Some(failure)),
    };
    let mut reply = match failure {
        None => Reply::empty(StatusCode::NO_CONTENT),
        Some(failure) => Reply::error(failure.status(), &failure.text()),
    };
    if reply.status == StatusCode::SERVICE_UNAVAILABLE {
        reply = reply.with(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if version == Version::V2 {
        for (name, n) in [
            ("x-prometheus-remote-write-samples-written", written.samples),
            ("x-prometheus-remote-write-histograms-written", written.histograms),
            ("x-prometheus-remote-write-exemplars-written", written.exemplars),
        ] {
            reply.headers.insert(HeaderName::from_static(name), HeaderValue::from(n));
        }
    }
    reply
}

/// Stores a request; what was stored, and (2.0) why the rest was not.
fn stored(call: &Call, version: Version) -> Result<(Written, Option<Failure>), Failure> {
    let bad = |error: remote::RemoteError| Failure::Bad(error.to_string());
    let body = &call.request.body;
    let len = remote::decompressed_len(body).map_err(bad)?;
    let charged = call.state.budgets.requests.charge(len as u64);
    let _charge = charged.map_err(|error| Failure::Busy(error.to_string()))?;
    let message = remote::decompress(body).map_err(bad)?;
    let parts = call.parts().map_err(|error| Failure::Busy(error.text))?;
    let mut batch = Batch {
        appender: parts.store.appender(),
        version,
        t_max: call.state.clock.now_ms().saturating_add(AHEAD_MS_MAX),
        written: Written::default(),
        invalid: 0,
        reasons: Vec::new(),
        reasons_more: 0,
    };
    let mut request = Request::new(version, &message).map_err(bad)?;
    let mut series = TimeSeries::default();
    while request.next_series(&mut series).map_err(bad)? {
        batch.take(&series)?;
    }
    let (written, invalid, failure) = batch.commit()?;
    let help = "The total number of received remote write samples and histogram samples which were rejected due to invalid labels.";
    let name = "prometheus_api_remote_write_invalid_labels_samples_total";
    call.state.registry.counter(name, help, &[]).add(invalid);
    Ok((written, failure))
}

/// A request on its way into the storage. Dropping it stores nothing.
struct Batch<'a> {
    appender: Box<dyn Appender + 'a>,
    version: Version,
    /// Newest time that is taken.
    t_max: i64,
    written: Written,
    /// Samples of series whose labels cannot be stored.
    invalid: u64,
    /// Why parts of a 2.0 request are left out.
    reasons: Vec<String>,
    reasons_more: usize,
}

impl Batch<'_> {
    fn take(&mut self, series: &TimeSeries) -> Result<(), Failure> {
        let labels = match labels(series) {
            Ok(labels) => labels,
            Err(reason) => {
                self.invalid += (series.samples.len() + series.histograms.len()) as u64;
                if self.version == Version::V2 {
                    self.leave_out(reason);
                }
                return Ok(());
            }
        };
        let is_empty = series.samples.is_empty() && series.histograms.is_empty();
        if is_empty && self.version == Version::V2 {
            let text = "TimeSeries must contain at least one sample or histogram for series";
            self.leave_out(format!("{text} {}", described(labels.iter())));
            return Ok(());
        }
        let mut at = SeriesRef::default();
        for sample in &series.samples {
            let appended = self.in_time(sample.t).and_then(|()| {
                Ok(self.appender.append(at, &|| labels.clone(), sample.t, sample.v)?)
            });
            if let Some(series) = self.judge(appended, &labels)? {
                at = series;
                self.written.samples += 1;
            }
        }
        for sample in &series.histograms {
            let appended = self.in_time(sample.t).and_then(|()| {
                let labels = || labels.clone();
                Ok(match &sample.h {
                    NativeHistogram::Int(h) => {
                        self.appender.append_histogram(at, &labels, sample.t, h)?
                    }
                    NativeHistogram::Float(h) => {
                        self.appender.append_float_histogram(at, &labels, sample.t, h)?
                    }
                })
            });
            if let Some(series) = self.judge(appended, &labels)? {
                at = series;
                self.written.histograms += 1;
            }
        }
        self.take_exemplars(series, at, &labels);
        Ok(())
    }

    /// Exemplars never fail a request; 2.0 is told of those that come out of order.
    fn take_exemplars(&mut self, series: &TimeSeries, at: SeriesRef, labels: &Labels) {
        if at == SeriesRef::default() {
            return;
        }
        for exemplar in &series.exemplars {
            let in_time = exemplar.t.is_none_or(|t| t <= self.t_max);
            let appended = if in_time {
                self.appender.append_exemplar(at, exemplar)
            } else {
                Err(AppendError::OutOfBounds)
            };
            match appended {
                Ok(()) => self.written.exemplars += 1,
                Err(error @ AppendError::OutOfOrderExemplar) if self.version == Version::V2 => {
                    self.leave_out(format!("{error} for series {}", described(labels.iter())));
                }
                Err(error) => tracing::debug!(%error, ?labels, "an exemplar was not stored"),
            }
        }
    }

    fn in_time(&self, t: i64) -> Result<(), Failure> {
        if t <= self.t_max {
            return Ok(());
        }
        let error = AppendError::OutOfBounds;
        Err(Failure::Bad(format!("{error}: timestamp is too far in the future")))
    }

    /// The ref of an appended sample; `None` when 2.0 goes on without it.
    fn judge(
        &mut self,
        appended: Result<SeriesRef, Failure>,
        labels: &Labels,
    ) -> Result<Option<SeriesRef>, Failure> {
        match appended {
            Ok(series) => Ok(Some(series)),
            Err(Failure::Bad(text)) if self.version == Version::V2 => {
                self.leave_out(format!("{text} for series {}", described(labels.iter())));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    fn leave_out(&mut self, reason: String) {
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        } else {
            self.reasons_more += 1;
        }
    }

    /// Makes it durable; what was stored, samples with invalid labels, and what was left out.
    fn commit(mut self) -> Result<(Written, u64, Option<Failure>), Failure> {
        match self.appender.commit(Durability::Synced) {
            Ok(()) => {}
            Err(error @ AppendError::Overtaken { floats, histograms }) => {
                self.written.samples = self.written.samples.saturating_sub(floats);
                self.written.histograms = self.written.histograms.saturating_sub(histograms);
                self.reasons.push(error.to_string());
            }
            Err(error) => return Err(error.into()),
        }
        if self.reasons_more > 0 {
            self.reasons.push(format!("and {} more", self.reasons_more));
        }
        let left_out = !self.reasons.is_empty();
        let failure = left_out.then(|| Failure::Bad(self.reasons.join("\n")));
        Ok((self.written, self.invalid, failure))
    }
}

/// The labels of a series, or why they cannot be stored.
fn labels(series: &TimeSeries) -> Result<Labels, String> {
    let text = || described(series.labels.iter());
    if let Some(name) = series.labels.duplicate() {
        return Err(format!(
            "invalid labels for series, labels {}, duplicated label {name}",
            text()
        ));
    }
    let labels = series.labels.to_labels();
    labels
        .ok()
        .filter(|labels| !labels.metric_name().is_empty())
        .ok_or_else(|| format!("invalid metric name or labels, got {}", text()))
}

/// `{__name__="up", job="a"}`
fn described<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(", "))
}
