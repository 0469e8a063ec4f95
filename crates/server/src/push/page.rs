//! The gateway's two pages, plain and without scripts: the groups, and the state of the program.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use crate::exposure;
use crate::http::{Content, Reply};
use crate::push::api::{kind, number};
use crate::push::own::pushgateway_version;
use crate::serve::Call;
use scrape::push::{Group, Value, count_text};
use stdx::time;

/// Groups that the page shows; more are counted.
const GROUPS_MAX: usize = 1000;

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Push gateway</title><style>body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}td,th{padding:.1em 1em .1em 0;text-align:left;vertical-align:top}code{background:#8882;padding:0 .3em}.bad{color:#b00}:root{color-scheme:light dark}</style>";
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// `/`: every group with its families.
pub(crate) fn groups(call: &Call) -> Reply {
    let gateway = match call.state.push.gateway() {
        Ok(gateway) => gateway,
        Err(reply) => return *reply,
    };
    let groups = gateway.groups();
    let mut out = head(call);
    out.push_str(&format!("<h1>Groups ({})</h1>", groups.len()));
    for shown in groups.iter().take(GROUPS_MAX) {
        group(&mut out, shown);
    }
    if groups.len() > GROUPS_MAX {
        out.push_str(&format!("<p>and {} more", groups.len() - GROUPS_MAX));
    }
    page(out)
}

/// `/status`: what was built, and its flags.
pub(crate) fn status(call: &Call) -> Reply {
    let config = &call.state.config;
    let mut out = head(call);
    out.push_str("<h1>Status</h1><table>");
    let version = pushgateway_version(&config.version);
    let started = time::rfc3339(call.state.birth_ms);
    let rows = [
        ("version", version.as_str()),
        ("revision", config.version.revision.as_str()),
        ("started", started.as_str()),
    ];
    let flags = config.flags.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in rows.into_iter().chain(flags) {
        out.push_str(&format!("<tr><th>{}<td>{}", html(name), html(value)));
    }
    out.push_str("</table>");
    page(out)
}

fn head(call: &Call) -> String {
    let path = &call.state.place.path;
    let mut out = format!(
        "{HEAD}<p><a href=\"{path}/\">Groups</a> · <a href=\"{path}/status\">Status</a> · <a href=\"{path}{}\">Metrics</a>",
        html(&call.state.config.push.telemetry_path)
    );
    for text in exposure::warnings(&call.state) {
        out.push_str(&format!("<p class=bad>{}", html(&text)));
    }
    out
}

fn group(out: &mut String, group: &Group) {
    out.push_str("<details><summary>");
    for (name, value) in group.labels.iter() {
        out.push_str(&format!("<code>{}=\"{}\"</code> ", html(name), html(value)));
    }
    if !group.last_push_successful() {
        out.push_str("<b class=bad>Last push failed!</b> ");
    }
    out.push_str(&format!("{}</summary><table>", time::rfc3339(group.push_time_ms)));
    for family in &group.families {
        let (name, kind, help) = (html(&family.name), kind(family.kind), html(&family.help));
        out.push_str(&format!("<tr><th colspan=2>{name} <small>{kind} {help}</small>"));
        for metric in &family.metrics {
            out.push_str("<tr><td>");
            for (name, value) in metric.labels.iter() {
                out.push_str(&format!("<code>{}=\"{}\"</code> ", html(name), html(value)));
            }
            out.push_str(&format!("<td>{}", value(&metric.value)));
        }
    }
    out.push_str("</table></details>");
}

fn value(value: &Value) -> String {
    match value {
        Value::Simple(v) => number(*v),
        Value::Summary { count, sum, .. } => format!("count {count}, sum {}", number(*sum)),
        Value::Histogram { count, sum, .. } => {
            format!("count {}, sum {}", count_text(*count), number(*sum))
        }
    }
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn page(html: String) -> Reply {
    let content = Content::Whole(Bytes::from(html));
    Reply::new(StatusCode::OK, "text/html; charset=utf-8", content)
        .with(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY))
        .with(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
}
