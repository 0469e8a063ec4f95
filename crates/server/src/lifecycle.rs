//! `/-/healthy`, `/-/ready`, `/-/reload`, `/-/quit`, and the admin API's refusals.

use hyper::{Method, StatusCode};

use crate::answer::{ApiError, ApiResult, ErrorKind};
use crate::http::Reply;
use crate::serve::Call;

pub(crate) fn healthy(call: &Call) -> Reply {
    said(call, "Prometheus Server is Healthy.\n")
}

pub(crate) fn ready(call: &Call) -> Reply {
    said(call, "Prometheus Server is Ready.\n")
}

fn said(call: &Call, text: &str) -> Reply {
    if call.request.method == Method::HEAD {
        return Reply::empty(StatusCode::OK);
    }
    Reply::text(StatusCode::OK, text)
}

pub(crate) fn only_post(_: &Call) -> Reply {
    Reply::text(StatusCode::METHOD_NOT_ALLOWED, "Only POST or PUT requests allowed")
}

pub(crate) fn reload(call: &Call) -> Reply {
    if !call.state.config.lifecycle {
        return forbidden();
    }
    match call.state.reload() {
        Ok(()) => Reply::empty(StatusCode::OK),
        Err(error) => {
            let text = format!("failed to reload config: {error}");
            Reply::error(StatusCode::INTERNAL_SERVER_ERROR, &text)
        }
    }
}

pub(crate) fn quit(call: &Call) -> Reply {
    if !call.state.config.lifecycle {
        return forbidden();
    }
    let first = call.state.stop();
    let text = if first {
        "Requesting termination... Goodbye!"
    } else {
        "Termination already in progress."
    };
    Reply::text(StatusCode::OK, text)
}

fn forbidden() -> Reply {
    Reply::text(StatusCode::FORBIDDEN, "Lifecycle API is not enabled.")
}

/// The admin API: refused as Prometheus refuses it; when it is enabled, it says what this build does not do.
pub(crate) fn admin(call: &Call) -> ApiResult {
    if !call.state.config.admin_api {
        return Err(ApiError::new(ErrorKind::Unavailable, "admin APIs disabled"));
    }
    let text =
        format!("{}: not supported by this version: it keeps no blocks yet", call.request.path);
    Err(ApiError::new(ErrorKind::Unavailable, text))
}
