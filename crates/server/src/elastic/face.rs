//! Requests to the log store, and what becomes of its answers.

use ::elastic::rest::Scope as Wanted;
use ::elastic::{Identity, Method as Verb, Request};
use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};

use super::body;
use crate::http::{Content, Reply};
use crate::push::face::Face;
use crate::route::{BodyLimit, Handler, Lane, Route};
use crate::serve::Call;
use crate::web::Scope;

/// Where the store is on the main port.
const PREFIX: &str = "/opensearch";
const METHODS: &[Method] =
    &[Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS];
/// Largest body as it comes; Elasticsearch's `http.max_content_length`.
pub(super) const BODY_BYTES_MAX: usize = 100 << 20;

const fn of(scope: Scope, lane: Lane) -> Route {
    Route {
        path: "/opensearch/*",
        methods: METHODS,
        scope,
        lane,
        ready: true,
        compress: true,
        body: BodyLimit { name: "logs.request-bytes-max", bytes_max: BODY_BYTES_MAX },
        handler: Handler::Plain(answer),
    }
}

static READ: Route = of(Scope::Read, Lane::Search);
static WRITE: Route = of(Scope::Write, Lane::Logs);
static ADMIN: Route = of(Scope::Admin, Lane::Logs);

/// The route of a request to the log store, and the path that it has there; `None` when it goes elsewhere.
pub(crate) fn locate(face: Face, method: &Method, path: &str) -> Option<(&'static Route, String)> {
    let path = match face {
        Face::Elastic => path,
        Face::Main => match path.strip_prefix(PREFIX)? {
            "" => "/",
            below if below.starts_with('/') => below,
            _ => return None,
        },
        Face::Push => return None,
    };
    let scope = Verb::named(method.as_str()).map(|verb| ::elastic::rest::scope(verb, path));
    let route = match scope {
        Some(Wanted::Write) => &WRITE,
        Some(Wanted::Admin) => &ADMIN,
        Some(Wanted::Read) | None => &READ,
    };
    Some((route, path.to_owned()))
}

/// Answers a request to the store.
fn answer(call: &Call) -> Reply {
    let Some(surface) = call.state.logs.surface() else {
        return failure(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the log store is not open",
        );
    };
    let request = &call.request;
    let Some(method) = Verb::named(request.method.as_str()) else {
        return failure(
            StatusCode::METHOD_NOT_ALLOWED,
            "illegal_argument_exception",
            "unknown method",
        );
    };
    let encoding = request.header(&header::CONTENT_ENCODING);
    let mut charge = match call.state.budgets.requests.charge(0) {
        Ok(charge) => charge,
        Err(error) => return busy(&error.to_string()),
    };
    let mut grow = |bytes: u64| charge.grow(bytes).map_err(|error| error.to_string());
    let body = match body::plain(&request.body, encoding, &mut grow) {
        Ok(body) => body,
        Err(body::BodyError::Busy(text)) => return busy(&text),
        Err(error @ body::BodyError::TooLarge(_)) => {
            let text = error.to_string();
            return failure(StatusCode::PAYLOAD_TOO_LARGE, "content_too_long_exception", &text);
        }
        Err(error) => {
            return failure(
                StatusCode::BAD_REQUEST,
                "illegal_argument_exception",
                &error.to_string(),
            );
        }
    };
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let on_main = request.path.starts_with(PREFIX) && call.segment.len() < request.path.len();
    let identity = if on_main { Identity::OpenSearch } else { call.state.config.logs.identity };
    let response = surface.handle(&Request {
        method,
        path: &call.segment,
        query: &request.query,
        headers: &headers,
        body: &body,
        identity,
        host: request.header(&header::HOST),
    });
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = Reply::empty(status);
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            reply.headers.append(HeaderName::from_static(name), value);
        }
    }
    reply.content = Content::Whole(Bytes::from(response.body));
    reply
}

/// What is said while there is no room.
pub(crate) fn busy(text: &str) -> Reply {
    let retry = HeaderValue::from_static("1");
    failure(StatusCode::TOO_MANY_REQUESTS, "rejected_execution_exception", text)
        .with(header::RETRY_AFTER, retry)
}

fn failure(status: StatusCode, kind: &'static str, text: &str) -> Reply {
    let error = ::elastic::error::Error::new(status.as_u16(), kind, text);
    let body = Bytes::from(error.body().to_string());
    let name = HeaderName::from_static("x-elastic-product");
    Reply::new(status, "application/json", Content::Whole(body))
        .with(name, HeaderValue::from_static("Elasticsearch"))
}
