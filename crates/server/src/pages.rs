//! The page: its assets, and the places that lead to it.

use bytes::Bytes;
use flate2::read::GzDecoder;
use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use std::io::Read as _;

use crate::compress::{Encoding, accepted};
use crate::http::{Content, Reply};
use crate::serve::{Call, not_found};

/// Only our own scripts run, nobody else frames the page, and it talks to this server alone.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'";

/// `/` leads to the query page.
pub(crate) fn root(call: &Call) -> Reply {
    Reply::found(&format!("{}/query", call.state.place.path))
}

/// Prometheus 2's address of the query page.
pub(crate) fn graph(call: &Call) -> Reply {
    Reply::found(&format!("{}/query?{}", call.state.place.path, call.request.query))
}

/// Prometheus' pages whose content stands on our status page.
pub(crate) fn to_status(call: &Call) -> Reply {
    Reply::found(&format!("{}/status", call.state.place.path))
}

/// Prometheus' page of discovered targets; ours stand on the targets page.
pub(crate) fn to_targets(call: &Call) -> Reply {
    Reply::found(&format!("{}/targets", call.state.place.path))
}

/// The page itself, for every place inside of it.
pub(crate) fn page(call: &Call) -> Reply {
    let Some(index) = ui::asset("index.html") else {
        return Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "this build has no page");
    };
    asset_reply(call, index)
}

/// A file of the page; the table of assets is all there is.
pub(crate) fn file(call: &Call) -> Reply {
    match ui::asset(call.request.path.trim_start_matches('/')) {
        Some(asset) => asset_reply(call, asset),
        None => not_found(),
    }
}

fn asset_reply(call: &Call, asset: &'static ui::Asset) -> Reply {
    let fresh = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::ETAG, asset.etag),
        (header::CACHE_CONTROL, fresh),
        (header::VARY, "Accept-Encoding"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    let known = call.request.header(&header::IF_NONE_MATCH);
    let mut reply = if known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag)
    {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else if accepted(&call.request.headers) == Encoding::Gzip {
        let content = Content::Whole(Bytes::from_static(asset.gzip));
        Reply::new(StatusCode::OK, asset.kind, content)
            .with(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))
    } else {
        let mut plain = Vec::new();
        if let Err(error) = GzDecoder::new(asset.gzip).read_to_end(&mut plain) {
            tracing::error!(%error, path = asset.path, "an asset of this build is damaged");
            return Reply::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "an asset of this build is damaged",
            );
        }
        Reply::new(StatusCode::OK, asset.kind, Content::Whole(plain.into()))
    };
    for (name, value) in headers {
        reply.headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}
