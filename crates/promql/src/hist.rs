//! Native histograms in the engine: what evaluation needs of `model::histogram`, with the annotations that Prometheus makes.

use std::sync::Arc;

use model::histogram::FloatHistogram;
use model::sample::Value;

use crate::ast::Span;
use crate::engine::binary::Element;
use crate::engine::error::QueryError;
use crate::engine::eval::Evaluator;
use crate::engine::window::Window;
use crate::functions::rate::What;

fn unsupported(what: &str) -> QueryError {
    QueryError::Execution(format!("{what} of native histograms is not supported yet"))
}

/// `h` with all counts and the sum multiplied.
pub(crate) fn scale(_h: &FloatHistogram, _factor: f64) -> Result<FloatHistogram, QueryError> {
    Err(unsupported("multiplication"))
}

/// `h` with all counts and the sum divided.
pub(crate) fn divide(_h: &FloatHistogram, _by: f64) -> Result<FloatHistogram, QueryError> {
    Err(unsupported("division"))
}

/// What of `h` lies below (or above) `bound`.
pub(crate) fn trim(
    _h: &FloatHistogram,
    _bound: f64,
    _upper: bool,
) -> Result<FloatHistogram, QueryError> {
    Err(unsupported("trimming"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combine {
    Add,
    Sub,
}

/// The sum or difference of two, as the binary operators make it.
pub(crate) fn combine(
    _ev: &Evaluator<'_>,
    _pair: (&FloatHistogram, &FloatHistogram),
    how: Combine,
    _place: (&str, Span),
) -> Result<Element, QueryError> {
    Err(unsupported(match how {
        Combine::Add => "addition",
        Combine::Sub => "subtraction",
    }))
}

pub(crate) fn equal(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    a == b
}

/// The text that `count_values` uses.
pub(crate) fn show(_h: &FloatHistogram) -> Result<String, QueryError> {
    Err(unsupported("count_values"))
}

/// Whether a counter was reset between `a` and `b`.
pub(crate) fn is_reset(_a: &FloatHistogram, _b: &FloatHistogram) -> Result<bool, QueryError> {
    Err(unsupported("reset detection"))
}

/// The change over a window of at least two histograms, not extrapolated.
pub(crate) fn rate(
    _ev: &Evaluator<'_>,
    _w: &Window<'_>,
    _is_counter: bool,
) -> Result<Option<FloatHistogram>, QueryError> {
    Err(unsupported("the rate"))
}

/// The change between the edges of an extended range.
pub(crate) fn extended_rate(
    _ev: &Evaluator<'_>,
    _w: &Window<'_>,
    _what: What,
    _smoothed: bool,
) -> Result<Option<Value>, QueryError> {
    Err(unsupported("the extended rate"))
}

/// `irate` (with the interval in seconds) or `idelta` of two histograms.
pub(crate) fn instant_rate(
    _ev: &Evaluator<'_>,
    _w: &Window<'_>,
    _pair: (&Arc<FloatHistogram>, &Arc<FloatHistogram>),
    _per_seconds: Option<f64>,
) -> Result<Option<Value>, QueryError> {
    Err(unsupported("the instant rate"))
}

/// The quantile of a histogram.
pub(crate) fn quantile(
    _ev: &Evaluator<'_>,
    _q: f64,
    _h: &FloatHistogram,
    _place: (&str, Span),
) -> Result<f64, QueryError> {
    Err(unsupported("the quantile"))
}

/// Which part of the observations lies between two bounds.
pub(crate) fn fraction(
    _ev: &Evaluator<'_>,
    _bounds: (f64, f64),
    _h: &FloatHistogram,
    _place: (&str, Span),
) -> Result<f64, QueryError> {
    Err(unsupported("the fraction"))
}

/// The variance of the observations, as their buckets tell it.
pub(crate) fn variance(_h: &FloatHistogram) -> Result<f64, QueryError> {
    Err(unsupported("the variance"))
}

/// A running sum or mean of histograms.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    /// Histograms met that do not go together: there is no result.
    pub(crate) failed: bool,
    only: Arc<FloatHistogram>,
}

impl Sum {
    pub(crate) fn new(first: &Arc<FloatHistogram>) -> Self {
        Self { failed: false, only: Arc::clone(first) }
    }

    /// Takes in another, the `count`th value; `mean` says that a mean is wanted.
    pub(crate) fn add(
        &mut self,
        _ev: &Evaluator<'_>,
        _h: &Arc<FloatHistogram>,
        (_count, _mean): (f64, bool),
        _place: (&str, Span),
    ) -> Result<(), QueryError> {
        Err(unsupported("aggregation"))
    }

    pub(crate) fn finish(
        self,
        _ev: &Evaluator<'_>,
        (_count, _mean): (f64, bool),
        _span: Span,
    ) -> Result<Option<FloatHistogram>, QueryError> {
        Ok((!self.failed).then(|| (*self.only).clone()))
    }
}
