//! What a metric family says of itself.

/// The type of a metric family, as exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    #[default]
    Unknown,
}

impl MetricType {
    /// The word of the HTTP API and OpenMetrics (`unknown`, not `untyped`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// Type, unit and help text of a metric family; empty strings where unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    pub kind: MetricType,
    pub unit: String,
    pub help: String,
}
