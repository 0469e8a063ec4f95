//! `/metrics` of the gateway: itself and everything that was pushed, in the format that is asked for.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use scrape::push::Family;
use wire::encode::Encoder;
use wire::escaping::EscapingScheme;
use wire::negotiate::{Protocol, negotiate};

use crate::http::{Content, Reply};
use crate::serve::Call;
use crate::state::State;

pub(crate) fn metrics(call: &Call) -> Reply {
    let (protocol, escaping) = negotiate(Some(call.request.header(&header::ACCEPT)));
    let body = match exposition(&call.state, protocol, escaping) {
        Ok(body) => body,
        Err(reply) => return *reply,
    };
    let reply = Reply::new(StatusCode::OK, "text/plain", Content::Whole(body.into()));
    match HeaderValue::from_str(&protocol.content_type(escaping)) {
        Ok(kind) => reply.with(header::CONTENT_TYPE, kind),
        Err(_) => reply,
    }
}

/// Everything in one body.
///
/// # Errors
/// The reply that says that the gateway is not open.
pub(crate) fn exposition(
    state: &State,
    protocol: Protocol,
    escaping: EscapingScheme,
) -> Result<Vec<u8>, Box<Reply>> {
    let mut families = state.push.gateway()?.families();
    for own in state.push.own.families(&state.config.version) {
        match families.iter_mut().find(|family| family.name == own.name) {
            Some(family) => family.metrics.extend(own.metrics),
            None => families.push(own),
        }
    }
    families.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(encoded(&families, protocol, escaping))
}

fn encoded(families: &[Family], protocol: Protocol, escaping: EscapingScheme) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(protocol, escaping, &mut out);
    for family in families {
        family.encode(&mut encoder, protocol);
    }
    encoder.finish();
    out
}
