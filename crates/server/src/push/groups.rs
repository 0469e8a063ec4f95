//! Changes of groups: PUT, POST and DELETE of `/metrics/job/…`, and the wipe of them all.

use std::borrow::Cow;
use std::time::Duration;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use scrape::push::{Gauges, Grouping, PushError, Replace};

use crate::http::Reply;
use crate::params::Params;
use crate::push::body::{BodyError, unpacked};
use crate::push::key::{Address, address};
use crate::push::moved::{is_escaped, moved};
use crate::serve::{Call, not_found};

/// How long the group of this push lives without another one, as a duration: a wish of ours beside Pushgateway's headers.
const TTL: HeaderName = HeaderName::from_static("x-mangru-ttl");

pub(crate) fn change(call: &Call) -> Reply {
    let config = &call.state.config.push;
    if !is_escaped(&call.request.path) {
        return Reply::text(StatusCode::BAD_REQUEST, "400 Bad Request");
    }
    let group = match address(&call.request.path, config.utf8_names) {
        Ok(Address::Group(group)) => group,
        Ok(Address::Moved(to)) => {
            // The same request again where only the end is cut, as Pushgateway has it.
            let status = match to.as_str() {
                "/metrics/job" => StatusCode::TEMPORARY_REDIRECT,
                _ => StatusCode::MOVED_PERMANENTLY,
            };
            let request = &call.request;
            return moved(&call.state, &request.method, status, &to, &request.query);
        }
        Ok(Address::Nothing) => return not_found(),
        Err(text) => return Reply::error(StatusCode::BAD_REQUEST, &text),
    };
    let pairs = group.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let group = Grouping::from_pairs(pairs);
    let done = if call.request.method == Method::DELETE {
        call.state.push.gateway().and_then(|gateway| {
            gateway.delete(&group).map_err(|error| refused(&error))?;
            Ok(StatusCode::ACCEPTED)
        })
    } else {
        push(call, &group)
    };
    call.state.push.changed();
    done.map_or_else(|reply| *reply, Reply::empty)
}

/// Removes all groups.
pub(crate) fn wipe(call: &Call) -> Reply {
    let gateway = match call.state.push.gateway() {
        Ok(gateway) => gateway,
        Err(reply) => return *reply,
    };
    let wiped = gateway.wipe();
    call.state.push.changed();
    match wiped {
        Ok(_) => Reply::empty(StatusCode::ACCEPTED),
        Err(error) => *refused(&error),
    }
}

fn push(call: &Call, group: &Grouping) -> Result<StatusCode, Box<Reply>> {
    let bad = |text: &str| Box::new(Reply::error(StatusCode::BAD_REQUEST, text));
    let gateway = call.state.push.gateway()?;
    let ttl = ttl(call).map_err(|text| bad(&text))?;
    let busy = |error: stdx::budget::BudgetExceeded| unpackable(&BodyError::Busy(error));
    let mut charge = call.state.budgets.requests.charge(0).map_err(busy)?;
    let encoding = call.request.header(&header::CONTENT_ENCODING);
    let packed = &call.request.body;
    let bytes_max = call.state.config.push.limits.body_bytes;
    let body = match unpacked(encoding, packed, bytes_max, &mut charge) {
        Ok(Some(body)) => Cow::Owned(body),
        Ok(None) => Cow::Borrowed(&packed[..]),
        Err(error) => return Err(unpackable(&error)),
    };
    let replace = replace(call).map_err(|text| bad(&text))?;
    let kind = Some(call.request.header(&header::CONTENT_TYPE)).filter(|kind| !kind.is_empty());
    gateway.push(group, &body, kind, replace, ttl).map_err(|error| refused(&error))?;
    let checked = call.state.config.push.consistency_check;
    Ok(if checked { StatusCode::OK } else { StatusCode::ACCEPTED })
}

/// What the push takes the place of: by its method, or nothing with `?aggregate=sum`, which adds counters, histograms and
/// summaries to what the group has, and refuses gauges unless `&gauges=sum`, `max`, `min` or `last` says what becomes of them.
fn replace(call: &Call) -> Result<Replace, String> {
    let params = Params::of_url(&call.request).map_err(|error| error.text)?;
    let gauges = match params.get("gauges") {
        "" => Gauges::Refuse,
        "sum" => Gauges::Sum,
        "max" => Gauges::Max,
        "min" => Gauges::Min,
        "last" => Gauges::Last,
        other => return Err(format!("gauges={other:?}: only sum, max, min and last are known")),
    };
    match params.get("aggregate") {
        "" if gauges != Gauges::Refuse => Err("gauges=… is only for aggregate=sum".to_owned()),
        "" if call.request.method == Method::PUT => Ok(Replace::Group),
        "" => Ok(Replace::SameFamilies),
        "sum" if call.state.config.push.aggregation => Ok(Replace::Nothing(gauges)),
        "sum" => Err("aggregate=sum is off: start with --push.enable-aggregation, or pushgateway: {aggregation: true}".to_owned()),
        other => Err(format!("aggregate={other:?}: only sum is known")),
    }
}

/// What the header asks for; zero: for ever.
fn ttl(call: &Call) -> Result<Option<Duration>, String> {
    let text = call.request.header(&TTL);
    if text.is_empty() {
        return Ok(None);
    }
    let ms =
        stdx::units::parse_duration_ms(text).map_err(|error| format!("header {TTL}: {error}"))?;
    Ok(Some(u64::try_from(ms).map_or(Duration::ZERO, Duration::from_millis)))
}

fn unpackable(error: &BodyError) -> Box<Reply> {
    let (status, text) = match error {
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
        BodyError::Corrupt(text) => (StatusCode::BAD_REQUEST, (*text).to_owned()),
        BodyError::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    };
    Box::new(later(Reply::error(status, &text)))
}

pub(crate) fn refused(error: &PushError) -> Box<Reply> {
    let status = match error {
        PushError::Malformed(_) | PushError::Inconsistent(_) | PushError::Grouping(_) => {
            StatusCode::BAD_REQUEST
        }
        PushError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        PushError::Full { .. } | PushError::Closed => StatusCode::SERVICE_UNAVAILABLE,
        PushError::Storage(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Box::new(later(Reply::error(status, &error.to_string())))
}

/// Says when to try again, where that may help.
fn later(reply: Reply) -> Reply {
    if reply.status == StatusCode::SERVICE_UNAVAILABLE {
        return reply.with(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    reply
}
