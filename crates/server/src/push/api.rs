//! `/api/v1/metrics` and `/api/v1/status` of the gateway, and its life signs.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use model::histogram::FloatHistogram;
use model::metadata::MetricType;
use scrape::push::{Bucket, Family, Group, Metric, Value, count_text};
use stdx::time;
use wire::exposition::NativeHistogram;

use crate::http::{Content, Reply};
use crate::json;
use crate::push::own::pushgateway_version;
use crate::push::select;
use crate::serve::Call;

/// All groups, or those that `match[]` selects, with everything that was pushed to them.
pub(crate) fn metrics(call: &Call) -> Reply {
    let gateway = match call.state.push.gateway() {
        Ok(gateway) => gateway,
        Err(reply) => return *reply,
    };
    let groups = match select::selectors(call) {
        Ok(sets) if sets.is_empty() => gateway.groups(),
        Ok(sets) => select::selected(gateway, &sets),
        Err(text) => return Reply::error(StatusCode::BAD_REQUEST, &text),
    };
    let mut out = String::from("{\"status\":\"success\",\"data\":");
    json::array(&mut out, &groups, |out, shown| group(out, shown));
    out.push('}');
    answer(&out)
}

/// What was built, how it was started, and when.
pub(crate) fn status(call: &Call) -> Reply {
    let config = &call.state.config;
    let v = &config.version;
    let version = pushgateway_version(v);
    let build = [
        ("branch", v.branch.as_str()),
        ("buildDate", v.build_date.as_str()),
        ("buildUser", v.build_user.as_str()),
        ("goVersion", v.rust_version.as_str()),
        ("revision", v.revision.as_str()),
        ("version", version.as_str()),
    ];
    let mut out = String::from("{\"status\":\"success\",\"data\":{\"build_information\":");
    json::strings(&mut out, build);
    out.push_str(",\"flags\":");
    let flags = config.flags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    json::strings(&mut out, flags);
    out.push_str(",\"start_time\":");
    json::string(&mut out, &time::rfc3339(call.state.birth_ms));
    out.push_str("}}");
    answer(&out)
}

/// The answer to OPTIONS.
pub(crate) fn options(_: &Call) -> Reply {
    readable(Reply::empty(StatusCode::OK))
}

/// `/-/healthy` and `/-/ready`.
pub(crate) fn ok(_: &Call) -> Reply {
    Reply::text(StatusCode::OK, "OK")
}

/// What `/-/quit` says to GET.
pub(crate) fn only_post(_: &Call) -> Reply {
    Reply::text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed.")
}

/// JSON as Go writes it: what HTML would read as a tag is escaped. These characters stand only inside of strings.
pub(crate) fn answer(json: &str) -> Reply {
    let text = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    readable(Reply::new(StatusCode::OK, "application/json", Content::Whole(text.into())))
}

/// Any page may read the answer, nobody keeps it.
fn readable(mut reply: Reply) -> Reply {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE, OPTIONS"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        (header::CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
    ] {
        reply.headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// A field of a group's object.
enum Field<'a> {
    Family(&'a Family),
    Labels,
    Successful,
}

/// The families stand beside the group's own fields, by name.
fn group(out: &mut String, group: &Group) {
    let times = group.times();
    let families = group.families.iter().map(AsRef::as_ref).chain(&times);
    let mut fields: Vec<(&str, Field<'_>)> =
        families.map(|family| (family.name.as_str(), Field::Family(family))).collect();
    // A pushed family of these names is not shown; an object has a name once.
    fields.retain(|(name, _)| !matches!(*name, "labels" | "last_push_successful"));
    fields.push(("labels", Field::Labels));
    fields.push(("last_push_successful", Field::Successful));
    fields.sort_by_key(|(name, _)| *name);
    json::object(out, fields, |out, field| match field {
        Field::Family(shown) => family(out, shown),
        Field::Labels => json::strings(out, group.labels.iter()),
        Field::Successful => {
            out.push_str(if group.last_push_successful() { "true" } else { "false" });
        }
    });
}

fn family(out: &mut String, family: &Family) {
    out.push_str("{\"time_stamp\":");
    json::string(out, &time::rfc3339(family.time_ms));
    out.push_str(",\"type\":");
    json::string(out, kind(family.kind));
    if !family.help.is_empty() {
        out.push_str(",\"help\":");
        json::string(out, &family.help);
    }
    out.push_str(",\"metrics\":");
    json::array(out, &family.metrics, metric);
    out.push('}');
}

/// The type's name in the client's data model.
pub(crate) fn kind(kind: MetricType) -> &'static str {
    match kind {
        MetricType::Counter => "COUNTER",
        MetricType::Gauge | MetricType::Info | MetricType::StateSet => "GAUGE",
        MetricType::Histogram => "HISTOGRAM",
        MetricType::GaugeHistogram => "GAUGE_HISTOGRAM",
        MetricType::Summary => "SUMMARY",
        MetricType::Unknown => "UNTYPED",
    }
}

fn metric(out: &mut String, metric: &Metric) {
    let labels = |out: &mut String| json::strings(out, metric.labels.iter());
    match &metric.value {
        Value::Simple(v) => {
            out.push_str("{\"labels\":");
            labels(out);
            out.push_str(",\"value\":");
            json::string(out, &number(*v));
        }
        Value::Summary { count, sum, quantiles } => {
            out.push_str(&format!("{{\"count\":\"{count}\",\"labels\":"));
            labels(out);
            let rows = quantiles.iter().map(|(q, v)| (number(*q), number(*v))).collect();
            by_name(out, "quantiles", rows);
            out.push_str(",\"sum\":");
            json::string(out, &number(*sum));
        }
        Value::Histogram { count, sum, buckets, native } => {
            out.push('{');
            match native.as_deref() {
                Some(NativeHistogram::Int(h)) => native_buckets(out, &h.to_float()),
                Some(NativeHistogram::Float(h)) => native_buckets(out, h),
                None => {
                    let row = |b: &Bucket| (number(b.upper), count_text(b.cumulative));
                    by_name(out, "buckets", buckets.iter().map(row).collect());
                }
            }
            out.push_str(&format!(",\"count\":\"{}\",\"labels\":", count_text(*count)));
            labels(out);
            out.push_str(",\"sum\":");
            json::string(out, &number(*sum));
        }
    }
    out.push('}');
}

/// `"buckets":[[0,"0.5","1","2"],…]`, as Prometheus' API writes them.
fn native_buckets(out: &mut String, h: &FloatHistogram) {
    json::key(out, "buckets");
    json::histogram_buckets(out, h);
}

/// `"name":{…}`, sorted by key; after another field with a comma.
fn by_name(out: &mut String, name: &str, mut rows: Vec<(String, String)>) {
    rows.sort();
    if !out.ends_with('{') {
        out.push(',');
    }
    json::key(out, name);
    json::strings(out, rows.iter().map(|(key, value)| (key.as_str(), value.as_str())));
}

/// As Go prints a float.
pub(crate) fn number(v: f64) -> String {
    let mut out = String::new();
    wire::float::format_go(&mut out, v);
    out
}
