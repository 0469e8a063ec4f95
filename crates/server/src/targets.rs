//! `/api/v1/targets`, `/api/v1/scrape_pools`, `/api/v1/metadata`: what is scraped, and what it says of itself.

use std::collections::BTreeMap;

use model::labels::Labels;
use model::metadata::Metadata;
use scrape::target::{ActiveTarget, Targets};

use crate::answer::{Answer, ApiError, ApiResult};
use crate::json;
use crate::params::{Params, atoi, invalid};
use crate::place::Place;
use crate::serve::Call;
use stdx::time;

/// Names that mean "this machine" in a target's URL.
const LOCAL_HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

pub(crate) fn targets(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let pool = params.get("scrapePool");
    let state = params.get("state").to_lowercase();
    let wanted = |name: &str| matches!(state.as_str(), "" | "any") || state == name;
    let mut targets = call.parts()?.scraper.targets();
    if let Some(target) = call.state.push.target() {
        let at = targets.active.partition_point(|one| one.scrape_pool < target.scrape_pool);
        targets.active.insert(at, target);
    }
    if !pool.is_empty() {
        targets.active.retain(|target| target.scrape_pool == pool);
        targets.dropped.retain(|target| target.scrape_pool == pool);
    }
    Ok(Answer::written(|out| {
        let place = &call.state.place;
        out.push_str("{\"activeTargets\":");
        let active = if wanted("active") { targets.active.as_slice() } else { &[] };
        json::array(out, active, |out, target| active_json(out, target, place));
        dropped_json(out, &targets, wanted("dropped"));
        out.push('}');
    }))
}

fn active_json(out: &mut String, target: &ActiveTarget, place: &Place) {
    out.push_str("{\"discoveredLabels\":");
    json::labels(out, &target.discovered_labels);
    out.push_str(",\"labels\":");
    json::labels(out, &target.labels);
    let last = target.last_scrape_ms.map_or_else(|| time::NEVER.to_owned(), time::rfc3339);
    for (name, text) in [
        ("scrapePool", target.scrape_pool.as_str()),
        ("scrapeUrl", &target.scrape_url),
        ("globalUrl", &global_url(&target.scrape_url, place)),
        ("lastError", &target.last_error),
        ("lastScrape", &last),
        ("health", target.health.as_str()),
        ("scrapeInterval", &target.scrape_interval),
        ("scrapeTimeout", &target.scrape_timeout),
    ] {
        out.push(',');
        json::key(out, name);
        json::string(out, text);
    }
    out.push_str(",\"lastScrapeDuration\":");
    json::number(out, target.last_scrape_duration.as_secs_f64());
    out.push('}');
}

fn dropped_json(out: &mut String, targets: &Targets, wanted: bool) {
    let dropped = if wanted { targets.dropped.as_slice() } else { &[] };
    out.push_str(",\"droppedTargets\":");
    json::array(out, dropped, |out, target| {
        out.push_str("{\"discoveredLabels\":");
        json::labels(out, &target.discovered_labels);
        out.push_str(",\"scrapePool\":");
        json::string(out, &target.scrape_pool);
        out.push('}');
    });
    out.push_str(",\"droppedTargetCounts\":");
    if !wanted {
        out.push_str("null");
        return;
    }
    let counts = targets.dropped_counts.iter().map(|(pool, count)| (pool.as_str(), count));
    json::object(out, counts, |out, count| out.push_str(&count.to_string()));
}

/// The scrape URL as it is reached from elsewhere: this machine's names become the external URL's host, and this server's
/// own address the external URL's.
fn global_url(url: &str, place: &Place) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (address, path) = rest.split_at(end);
    let (host, port) = split_port(address);
    if !LOCAL_HOSTS.contains(&host) {
        return url.to_owned();
    }
    if port == place.port && !port.is_empty() {
        return format!("{}://{}{path}", place.scheme, place.host);
    }
    let host = split_port(&place.host).0;
    let port = if port.is_empty() { String::new() } else { format!(":{port}") };
    format!("{scheme}://{host}{port}{path}")
}

/// `host:port` in its parts; the port is empty when there is none. IPv6 addresses keep their brackets.
fn split_port(address: &str) -> (&str, &str) {
    match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, ""),
    }
}

pub(crate) fn scrape_pools(call: &Call) -> ApiResult {
    let mut names = call.parts()?.scraper.pools();
    names.extend(call.state.push.target().map(|target| target.scrape_pool));
    names.sort_unstable();
    Ok(Answer::written(|out| {
        out.push_str("{\"scrapePools\":");
        json::array(out, &names, |out, name| json::string(out, name));
        out.push('}');
    }))
}

/// What the metric families of all targets say of themselves, each different saying once.
pub(crate) fn metadata(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let number = |name: &str| match params.get(name) {
        "" => Ok(None),
        text => match atoi(text) {
            // As in Prometheus a negative bound is none.
            Ok(number) => Ok(usize::try_from(number).ok()),
            Err(_) => Err(ApiError::bad_data(format!("{name} must be a number"))),
        },
    };
    let limit = number("limit")?.unwrap_or(usize::MAX);
    let per_metric = number("limit_per_metric")?.filter(|limit| *limit > 0).unwrap_or(usize::MAX);
    let metric = params.get("metric");
    let mut families: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
    let only = Some(metric).filter(|metric| !metric.is_empty());
    call.parts()?.scraper.metadata(only, &mut |_, family, metadata| {
        let sayings = families.entry(family.to_owned()).or_default();
        if sayings.len() < per_metric && !sayings.contains(metadata) {
            sayings.push(metadata.clone());
        }
        true
    });
    let shown = families.iter().take(limit).map(|(name, sayings)| (name.as_str(), sayings));
    Ok(Answer::written(|out| {
        json::object(out, shown, |out, sayings| {
            json::array(out, sayings, |out, metadata| {
                out.push('{');
                metadata_fields(out, metadata);
                out.push('}');
            });
        });
    }))
}

fn metadata_fields(out: &mut String, metadata: &Metadata) {
    let fields =
        [("type", metadata.kind.as_str()), ("unit", &metadata.unit), ("help", &metadata.help)];
    for (i, (name, text)) in fields.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        json::key(out, name);
        json::string(out, text);
    }
}

/// The same by target.
pub(crate) fn target_metadata(call: &Call) -> ApiResult {
    let params = Params::of(&call.request)?;
    let limit = match params.get("limit") {
        "" => usize::MAX,
        text => match atoi(text) {
            Ok(number) => usize::try_from(number).unwrap_or(usize::MAX),
            Err(_) => return Err(ApiError::bad_data("limit must be a number")),
        },
    };
    let selector = params.get("match_target");
    let matchers = if selector.is_empty() {
        Vec::new()
    } else {
        promql::parse::parse_metric_selector(selector)
            .map_err(|error| invalid("match_target", &error.to_string()))?
    };
    let metric = params.get("metric");
    let mut rows: Vec<(Labels, String, Metadata)> = Vec::new();
    let only = Some(metric).filter(|metric| !metric.is_empty());
    call.parts()?.scraper.metadata(only, &mut |target, family, metadata| {
        let matches = |target: &Labels| {
            matchers.iter().all(|matcher| matcher.matches(target.get(&matcher.name).unwrap_or("")))
        };
        if rows.len() < limit && matches(target) {
            rows.push((target.clone(), family.to_owned(), metadata.clone()));
        }
        rows.len() < limit
    });
    Ok(Answer::written(|out| {
        json::array(out, &rows, |out, (target, family, metadata)| {
            out.push_str("{\"target\":");
            json::labels(out, target);
            if metric.is_empty() {
                out.push_str(",\"metric\":");
                json::string(out, family);
            }
            out.push(',');
            metadata_fields(out, metadata);
            out.push('}');
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn local_addresses_become_the_external_ones() {
        let place = Place::new(&Config {
            external_url: "https://mon.example/prom".to_owned(),
            listen: vec!["0.0.0.0:9090".to_owned()],
            ..Config::default()
        });
        let place = place.unwrap();
        for (url, want) in [
            ("http://localhost:9090/metrics", "https://mon.example/metrics"),
            ("http://127.0.0.1:9100/metrics?a=b", "http://mon.example:9100/metrics?a=b"),
            ("http://[::1]:9100/m", "http://mon.example:9100/m"),
            ("http://localhost/m", "http://mon.example/m"),
            ("http://db:9100/m", "http://db:9100/m"),
            ("http://[::2]:9100/m", "http://[::2]:9100/m"),
        ] {
            assert_eq!(global_url(url, &place), want);
        }
    }
}
