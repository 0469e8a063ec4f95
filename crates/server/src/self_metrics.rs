//! `/metrics`: the server about itself, in the format that the scraper asks for.

use hyper::StatusCode;
use hyper::header;
use stdx::metrics::text;

use crate::http::{Content, Reply};
use crate::serve::Call;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const OPEN_METRICS: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores";

/// All families of the registry.
pub(crate) fn metrics(call: &Call) -> Reply {
    let families = call.state.registry.gather();
    let (kind, body) = if wants_open_metrics(call.request.header(&header::ACCEPT)) {
        (OPEN_METRICS, text::encode_openmetrics(&families))
    } else {
        (TEXT, text::encode(&families))
    };
    Reply::new(StatusCode::OK, kind, Content::Whole(body.into()))
}

/// Whether OpenMetrics is accepted with a higher weight than the text format.
fn wants_open_metrics(accept: &str) -> bool {
    let weight = |kind: &str| {
        let entries = accept.split(',').filter(|entry| entry.trim().starts_with(kind));
        let weights = entries.map(|entry| {
            let q = entry.split(';').find_map(|part| part.trim().strip_prefix("q="));
            q.map_or(1.0, |q| q.trim().parse::<f64>().unwrap_or(0.0))
        });
        weights.fold(0.0_f64, f64::max)
    };
    let open = weight("application/openmetrics-text");
    open > 0.0 && open >= weight("text/plain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavier_format_wins() {
        for (accept, open) in [
            ("", false),
            ("*/*", false),
            ("application/openmetrics-text;version=1.0.0", true),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.2",
                true,
            ),
            ("application/openmetrics-text;q=0.2,text/plain;version=0.0.4;q=0.4", false),
        ] {
            assert_eq!(wants_open_metrics(accept), open, "{accept}");
        }
    }
}
