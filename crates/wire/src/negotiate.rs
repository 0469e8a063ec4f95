//! `Accept`: what a scraper says that it reads, and what a server makes of it.

use std::fmt::Write as _;

use crate::escaping::EscapingScheme;
use crate::exposition::Format;

/// Most clauses of an `Accept` header that are looked at.
pub const ACCEPT_CLAUSES_MAX: usize = 64;

/// An exposition format with its version, as configured (`scrape_protocols`), asked for and served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    Protobuf,
    OpenMetrics100,
    OpenMetrics001,
    Text100,
    Text004,
}

/// What is asked for when nothing is configured.
pub const DEFAULT_PROTOCOLS: [Protocol; 4] =
    [Protocol::OpenMetrics100, Protocol::OpenMetrics001, Protocol::Text100, Protocol::Text004];

/// What is asked for when native histograms are wanted.
pub const PROTOBUF_FIRST_PROTOCOLS: [Protocol; 5] = [
    Protocol::Protobuf,
    Protocol::OpenMetrics100,
    Protocol::OpenMetrics001,
    Protocol::Text100,
    Protocol::Text004,
];

impl Protocol {
    /// The name in `scrape_protocols` and `fallback_scrape_protocol`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Protobuf => "PrometheusProto",
            Self::OpenMetrics100 => "OpenMetricsText1.0.0",
            Self::OpenMetrics001 => "OpenMetricsText0.0.1",
            Self::Text100 => "PrometheusText1.0.0",
            Self::Text004 => "PrometheusText0.0.4",
        }
    }

    /// The protocol that the configuration calls `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        PROTOBUF_FIRST_PROTOCOLS.into_iter().find(|protocol| protocol.as_str() == name)
    }

    /// The parser for it.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::Protobuf => Format::Protobuf,
            Self::OpenMetrics100 | Self::OpenMetrics001 => Format::OpenMetrics,
            Self::Text100 | Self::Text004 => Format::Text,
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/vnd.google.protobuf",
            Self::OpenMetrics100 | Self::OpenMetrics001 => "application/openmetrics-text",
            Self::Text100 | Self::Text004 => "text/plain",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Protobuf => "",
            Self::OpenMetrics100 | Self::Text100 => "1.0.0",
            Self::OpenMetrics001 => "0.0.1",
            Self::Text004 => "0.0.4",
        }
    }

    /// The `Content-Type` of a body in this format.
    #[must_use]
    pub fn content_type(self, escaping: EscapingScheme) -> String {
        let (media_type, version, escaping) =
            (self.media_type(), self.version(), escaping.as_str());
        match self {
            Self::Protobuf => format!(
                "{media_type}; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping={escaping}"
            ),
            Self::OpenMetrics100 | Self::OpenMetrics001 | Self::Text100 | Self::Text004 => {
                format!("{media_type}; version={version}; charset=utf-8; escaping={escaping}")
            }
        }
    }
}

/// The `Accept` header of a scrape, to the byte that of Prometheus: the protocols in order of preference, then anything.
#[must_use]
pub fn accept_header(protocols: &[Protocol], escaping: EscapingScheme) -> String {
    let mut out = String::new();
    // Prometheus starts at the number of protocols that it knows, and one.
    let mut weight = PROTOBUF_FIRST_PROTOCOLS.len() + 1;
    for protocol in protocols {
        out.push_str(protocol.media_type());
        match protocol {
            Protocol::Protobuf => {
                out.push_str(";proto=io.prometheus.client.MetricFamily;encoding=delimited");
            }
            Protocol::OpenMetrics100
            | Protocol::OpenMetrics001
            | Protocol::Text100
            | Protocol::Text004 => {
                write!(out, ";version={}", protocol.version()).expect("a String takes all");
            }
        }
        if protocol.version() == "1.0.0" {
            write!(out, ";escaping={}", escaping.as_str()).expect("a String takes all");
        }
        write!(out, ";q=0.{weight},").expect("a String takes all");
        weight = weight.saturating_sub(1);
    }
    write!(out, "*/*;q=0.{weight}").expect("a String takes all");
    out
}

/// One clause of an `Accept` header.
#[derive(Debug)]
struct Clause<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    q: f64,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut clause =
            Self { media_type: parts.next().unwrap_or_default(), parameters: Vec::new(), q: 1.0 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let (name, value) = (name.trim(), value.trim());
            if name == "q" {
                clause.q = value.parse().unwrap_or(0.0);
            } else {
                clause.parameters.push((name, value));
            }
        }
        clause
    }

    fn parameter(&self, name: &str) -> &'a str {
        self.parameters.iter().find(|(have, _)| *have == name).map_or("", |(_, value)| value)
    }

    fn matches(&self, protocol: Protocol) -> bool {
        if self.media_type != protocol.media_type() {
            return false;
        }
        match protocol {
            Protocol::Protobuf => {
                self.parameter("proto") == "io.prometheus.client.MetricFamily"
                    && self.parameter("encoding") == "delimited"
            }
            Protocol::OpenMetrics001 => matches!(self.parameter("version"), "" | "0.0.1"),
            Protocol::Text004 => matches!(self.parameter("version"), "" | "0.0.4"),
            Protocol::OpenMetrics100 | Protocol::Text100 => self.parameter("version") == "1.0.0",
        }
    }
}

/// The format and escaping to answer with, of all that we write.
#[must_use]
pub fn negotiate(accept: Option<&str>) -> (Protocol, EscapingScheme) {
    negotiate_among(accept, &PROTOBUF_FIRST_PROTOCOLS)
}

/// The format and escaping to answer with: the `offered` one that the best clause of `accept` names, else text 0.0.4. An
/// escaping named on the way there counts even when its clause's format is not offered, as in Prometheus.
#[must_use]
pub fn negotiate_among(accept: Option<&str>, offered: &[Protocol]) -> (Protocol, EscapingScheme) {
    let accept = accept.unwrap_or_default();
    let mut clauses: Vec<_> =
        accept.split(',').take(ACCEPT_CLAUSES_MAX).map(Clause::parse).collect();
    clauses.sort_by(|a, b| b.q.total_cmp(&a.q));
    let mut escaping = EscapingScheme::default();
    for clause in &clauses {
        if let Some(scheme) = EscapingScheme::from_word(clause.parameter("escaping")) {
            escaping = scheme;
        }
        if let Some(protocol) = offered.iter().find(|protocol| clause.matches(**protocol)) {
            return (*protocol, escaping);
        }
    }
    (Protocol::Text004, escaping)
}
