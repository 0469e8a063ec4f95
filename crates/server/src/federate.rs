//! `/federate`: the newest samples of selected series as an exposition, for another server to scrape.

use std::collections::BTreeMap;

use hyper::StatusCode;
use hyper::header;
use model::labels::{Labels, METRIC_NAME};
use model::metadata::MetricType;
use model::port::{ReadError, SelectHints};
use model::sample::{Value, is_stale};
use wire::encode::{self, Encoder, Family, Metric};
use wire::negotiate::negotiate;

use crate::http::Reply;
use crate::params::Params;
use crate::serve::Call;

/// Most series in one answer.
const SERIES_MAX: usize = 1_000_000;

/// A sample of a family: labels without the name, time, value.
type Row = (Labels, i64, f64);

pub(crate) fn federate(call: &Call) -> Reply {
    let selected = Params::of(&call.request)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.text))
        .and_then(|params| {
            let sets = params.selectors().map_err(|text| (StatusCode::BAD_REQUEST, text))?;
            newest(call, &sets)
        });
    let families = match selected {
        Ok(families) => families,
        Err((status, text)) => return Reply::error(status, &text),
    };
    let (protocol, escaping) = negotiate(Some(call.request.header(&header::ACCEPT)));
    let mut body = Vec::new();
    let mut encoder = Encoder::new(protocol, escaping, &mut body);
    let external = external_labels(call);
    for (name, rows) in &families {
        write_family(&mut encoder, name, rows, &external);
    }
    encoder.finish();
    Reply::exposition(body, &protocol.content_type(escaping))
}

/// The newest float of each series within the lookback, by metric name. Series that ended, native histograms and series
/// without a name are left out.
fn newest(
    call: &Call,
    sets: &[Vec<model::matcher::Matcher>],
) -> Result<BTreeMap<String, Vec<Row>>, (StatusCode, String)> {
    let failed = |error: ReadError| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let parts = call.parts().map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.text))?;
    let maxt = call.state.clock.now_ms();
    let mint = maxt.saturating_sub(call.state.config.query.lookback_ms);
    let querier = parts.store.querier(mint, maxt).map_err(failed)?;
    let mut families: BTreeMap<String, BTreeMap<Labels, (i64, f64)>> = BTreeMap::new();
    let mut count = 0;
    for set in sets {
        let selected = querier.select(&SelectHints::default(), set).map_err(failed)?;
        for i in 0..selected.len() {
            if call.is_gone() {
                return Err(failed(ReadError::Canceled));
            }
            let Some(sample) = selected.newest(i, mint, maxt).map_err(failed)? else { continue };
            let Value::Float(v) = sample.v else { continue };
            let labels = selected.labels(i);
            if is_stale(v) || labels.metric_name().is_empty() {
                continue;
            }
            count += 1;
            if count > SERIES_MAX {
                let text = format!("more than {SERIES_MAX} series; give more matchers");
                return Err((StatusCode::BAD_REQUEST, text));
            }
            let rest = Labels::from_sorted(labels.iter().filter(|(name, _)| *name != METRIC_NAME));
            families
                .entry(labels.metric_name().to_owned())
                .or_default()
                .insert(rest, (sample.t, v));
        }
    }
    let rows = |rows: BTreeMap<Labels, (i64, f64)>| {
        rows.into_iter().map(|(labels, (t, v))| (labels, t, v)).collect()
    };
    Ok(families.into_iter().map(|(name, samples)| (name, rows(samples))).collect())
}

/// The configured ones; `instance` always, so that the scraping server does not put itself there.
fn external_labels(call: &Call) -> Vec<(String, String)> {
    let mut labels = call.state.loaded().external_labels.clone();
    if !labels.iter().any(|(name, _)| name == "instance") {
        labels.push(("instance".to_owned(), String::new()));
    }
    labels.sort();
    labels
}

fn write_family(
    encoder: &mut Encoder<'_>,
    name: &str,
    rows: &[Row],
    external: &[(String, String)],
) {
    let labels: Vec<Vec<(&str, &str)>> = rows
        .iter()
        .map(|(labels, _, _)| {
            let added = external.iter().filter(|(name, _)| labels.get(name).is_none());
            let added = added.map(|(name, value)| (name.as_str(), value.as_str()));
            labels.iter().chain(added).collect()
        })
        .collect();
    let metrics: Vec<Metric<'_>> = rows
        .iter()
        .zip(&labels)
        .map(|((_, t, v), labels)| Metric {
            labels,
            t: Some(*t),
            start_t: None,
            value: encode::Value::Simple { v: *v, exemplar: None },
        })
        .collect();
    let kind = MetricType::Unknown;
    encoder.family(&Family { name, help: "", unit: "", kind, metrics: &metrics });
}
