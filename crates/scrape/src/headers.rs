//! What a scrape's request says of itself.

use net::client::RequestHeaders;
use net::error::ClientConfigError;

use crate::config::{NameEscaping, ScrapeConfig, ScrapeProtocol};

/// The `Accept` header: the protocols, most wanted first, then anything.
pub(crate) fn accept(protocols: &[ScrapeProtocol], escaping: NameEscaping) -> String {
    // One more than there are protocols, counted down; with all five this is 0.6 to 0.1.
    let mut weight = ScrapeProtocol::DEFAULT_PROTO_FIRST.len() + 1;
    let mut out = String::new();
    for protocol in protocols {
        out.push_str(protocol.media_type());
        match protocol {
            ScrapeProtocol::PrometheusText1_0_0 | ScrapeProtocol::OpenMetricsText1_0_0 => {
                out.push_str(";escaping=");
                out.push_str(escaping.as_str());
            }
            ScrapeProtocol::PrometheusProto
            | ScrapeProtocol::OpenMetricsText0_0_1
            | ScrapeProtocol::PrometheusText0_0_4 => {}
        }
        out.push_str(&format!(";q=0.{weight},"));
        weight = weight.saturating_sub(1);
    }
    out.push_str(&format!("*/*;q=0.{weight}"));
    out
}

/// All headers of a target's requests but those of the client.
pub(crate) fn headers(
    config: &ScrapeConfig,
    timeout_ms: i64,
    user_agent: &str,
) -> Result<RequestHeaders, ClientConfigError> {
    let accept = accept(&config.scrape_protocols, config.name_escaping);
    let encoding = if config.enable_compression { "gzip" } else { "identity" };
    let timeout = std::time::Duration::from_millis(timeout_ms.unsigned_abs()).as_secs_f64();
    RequestHeaders::new([
        ("Accept", accept.as_str()),
        ("Accept-Encoding", encoding),
        ("User-Agent", user_agent),
        ("X-Prometheus-Scrape-Timeout-Seconds", &timeout.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_prometheus() {
        assert_eq!(
            accept(&ScrapeProtocol::DEFAULT, NameEscaping::AllowUtf8),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,\
             text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        );
        assert_eq!(
            accept(&[ScrapeProtocol::PrometheusProto], NameEscaping::Underscores),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,*/*;q=0.5"
        );
    }
}
