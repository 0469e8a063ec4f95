//! A request's way: find its route, read its body within bounds, run its handler in its lane, finish its reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use promql::engine::CancelFlag;
use stdx::budget::Charge;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::answer::{ApiError, ErrorKind};
use crate::compress::compressed;
use crate::elastic;
use crate::http::{Reply, ReplyBody, Request, header_text};
use crate::parts::Parts;
use crate::push;
use crate::push::face::Face;
use crate::push::own::Seen;
use crate::request_line::LineStart;
use crate::route::{self, Found, Handler, Lane, Route};
use crate::state::{Phase, State};
use crate::web::{Access, Scope, Standing};

/// Longest silence inside of a body.
const BODY_SILENCE_MAX: Duration = Duration::from_secs(10);
/// Longest wait for a lane other than the queries', which wait as long as a query may take.
const LANE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Most bytes that are read of the body of a request that may not come in.
const DRAIN_BYTES_MAX: usize = 256 << 10;
/// Longest time to read it.
const DRAIN_MAX: Duration = Duration::from_secs(1);
/// Buckets of `prometheus_http_request_duration_seconds`.
const DURATION_BOUNDS: [f64; 9] = [0.1, 0.2, 0.4, 1.0, 3.0, 8.0, 20.0, 60.0, 120.0];

/// What a handler gets.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) state: Arc<State>,
    pub(crate) request: Request,
    /// What stood for `:name` in the route's path, decoded; empty otherwise.
    pub(crate) segment: String,
    /// Monotonic time at which the request's head was there.
    pub(crate) start: Duration,
    /// Pays for the body.
    pub(crate) charge: Option<Charge>,
}

impl Call {
    /// What answers; routes that need it are not called before it is there.
    pub(crate) fn parts(&self) -> Result<Arc<Parts>, ApiError> {
        let starting = || ApiError::new(ErrorKind::Unavailable, "TSDB not ready");
        self.state.parts().ok_or_else(starting)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.request.gone.is_canceled()
    }
}

/// Raises the flag when the client goes before its answer is there.
struct Gone(Option<CancelFlag>);

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(flag) = &self.0 {
            flag.cancel();
        }
    }
}

/// Answers one request; never fails. `line_start` is told when the body is read to its end.
pub(crate) async fn serve<B>(
    state: Arc<State>,
    face: Face,
    request: hyper::Request<B>,
    line_start: LineStart,
) -> Response<ReplyBody>
where
    B: Body<Data = Bytes> + Unpin,
{
    let start = state.mono();
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        line_start.body_is_read();
    }
    let admitted = match &state.guard {
        None => Ok((None, Standing::Anybody)),
        Some(guard) => {
            guard.admit(&head.headers, start).await.map(|(ready, standing)| (Some(ready), standing))
        }
    };
    let reply = match admitted {
        Ok((ready, standing)) => {
            let mut reply = routed(&state, face, standing, (head, body), &line_start).await;
            if let Some(ready) = ready {
                ready.dress(&mut reply);
            }
            reply
        }
        Err(reply) => {
            drain(body, &line_start).await;
            *reply
        }
    };
    let mut response = Response::new(ReplyBody(reply.content));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// A request that may come in.
async fn routed<B>(
    state: &Arc<State>,
    face: Face,
    standing: Standing,
    (head, body): (hyper::http::request::Parts, B),
    line_start: &LineStart,
) -> Reply
where
    B: Body<Data = Bytes> + Unpin,
{
    let start = state.mono();
    let loaded = state.loaded();
    let access = Access::of(&loaded.tokens, standing, &head.headers);
    let located = locate(state, face, &head.method, &head.uri);
    let located = match located {
        // Whoever is not known is not told what there is not.
        Err(_) if access.is_nobody() => access.to(Scope::Read).and(located),
        Err(reply) => Err(reply),
        Ok(found) => permitted(state, &access, found.0, &head.headers).map(|()| found),
    };
    match located {
        Err(reply) => {
            drain(body, line_start).await;
            *reply
        }
        Ok((route, segment, path)) => {
            let query = head.uri.query().unwrap_or_default().to_owned();
            let request = Request {
                method: head.method,
                path,
                query,
                headers: head.headers,
                body: Bytes::new(),
                gone: CancelFlag::default(),
            };
            let headers = request.headers.clone();
            let seen =
                Seen::of(route, &request).filter(|seen| face == Face::Push || seen.is_push());
            let call = Call { state: Arc::clone(state), request, segment, start, charge: None };
            let mut reply = called(route, call, body, line_start).await;
            if matches!(route.handler, Handler::Api(_)) {
                reply = cross_origin(reply, state, &headers);
            }
            if route.compress {
                reply = compressed(reply, &headers);
            }
            let took = state.mono().saturating_sub(start);
            if let Some(seen) = seen {
                state.push.own.observe(&seen, reply.status, took);
            }
            if face == Face::Main {
                observe(state, route.path, reply.status, took);
            }
            reply
        }
    }
}

/// Whether a route may be used. The gateway's write token opens what changes groups, and is asked of those who are not known
/// otherwise.
fn permitted(
    state: &State,
    access: &Access<'_>,
    route: &Route,
    headers: &HeaderMap,
) -> Result<(), Box<Reply>> {
    let push = &state.config.push;
    match push::token::refusal(route, push, headers) {
        None if push.write_token.is_some() && route.lane == Lane::Push => Ok(()),
        Some(refusal) if !access.is_known() => access.to(route.scope).and(Err(Box::new(refusal))),
        Some(_) | None => access.to(route.scope),
    }
}

/// Throws a body away, up to a bound, so that its sender reads the answer before it finds the connection closed.
async fn drain<B>(mut body: B, line_start: &LineStart)
where
    B: Body<Data = Bytes> + Unpin,
{
    let read = async {
        let mut bytes = 0;
        while bytes < DRAIN_BYTES_MAX {
            match body.frame().await {
                None => return true,
                Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return false,
            }
        }
        false
    };
    if timeout(DRAIN_MAX, read).await == Ok(true) {
        line_start.body_is_read();
    }
}

/// The route of a path, what stood for its parameter, and the path below the prefix.
fn locate(
    state: &State,
    face: Face,
    method: &Method,
    uri: &Uri,
) -> Result<(&'static Route, String, String), Box<Reply>> {
    let path = uri.path();
    if face == Face::Elastic
        && let Some((route, below)) = elastic::face::locate(face, method, path)
    {
        return Ok((route, below, path.to_owned()));
    }
    let prefix = state.place.prefix.as_str();
    let below = match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(below) if below.starts_with('/') => below,
        _ if path == "/" => return Err(Box::new(Reply::found(&format!("{prefix}/")))),
        _ => return Err(Box::new(not_found())),
    };
    let below = match face {
        Face::Main | Face::Elastic => below,
        Face::Push => push::face::place(state, method, below, uri.query().unwrap_or_default())?,
    };
    if let Some((route, inside)) = elastic::face::locate(face, method, below) {
        return Ok((route, inside, below.to_owned()));
    }
    match route::find(face.routes(), method, below) {
        Found::Route(route, segment) => Ok((route, segment, below.to_owned())),
        Found::Nothing => Err(Box::new(not_found())),
        Found::Options(allow) => {
            let allow = HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("GET"));
            Err(Box::new(Reply::empty(StatusCode::OK).with(header::ALLOW, allow)))
        }
        Found::OtherMethods(allow) => {
            let allow = HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("GET"));
            let reply = Reply::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
            Err(Box::new(reply.with(header::ALLOW, allow)))
        }
    }
}

pub(crate) fn not_found() -> Reply {
    Reply::error(StatusCode::NOT_FOUND, "404 page not found")
}

async fn called<B>(route: &'static Route, mut call: Call, body: B, line_start: &LineStart) -> Reply
where
    B: Body<Data = Bytes> + Unpin,
{
    if route.ready
        && let Some(reply) = not_ready(call.state.phase())
    {
        return reply;
    }
    if let Err(reply) = read_body(route, &mut call, body).await {
        return *reply;
    }
    line_start.body_is_read();
    let mut gone = Gone(Some(call.request.gone.clone()));
    let reply = match route.lane {
        Lane::Inline => run(route, &call),
        Lane::Query => {
            let wait = call.state.config.query.timeout;
            queued(route, call, |state| &state.lanes.query, wait).await
        }
        Lane::Read => queued(route, call, |state| &state.lanes.read, LANE_WAIT_MAX).await,
        Lane::Write => queued(route, call, |state| &state.lanes.write, LANE_WAIT_MAX).await,
        Lane::Push => queued(route, call, |state| &state.lanes.push, LANE_WAIT_MAX).await,
        Lane::Search => queued(route, call, |state| &state.lanes.search, LANE_WAIT_MAX).await,
        Lane::Logs => queued(route, call, |state| &state.lanes.logs, LANE_WAIT_MAX).await,
        Lane::Control => {
            let state = Arc::clone(&call.state);
            blocking(&state, move || run(route, &call)).await
        }
    };
    gone.0 = None;
    reply
}

fn not_ready(phase: Phase) -> Option<Reply> {
    let stopping = match phase {
        Phase::Ready => return None,
        Phase::Starting => "false",
        Phase::Stopping => "true",
    };
    let reply = Reply::text(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable");
    let name = HeaderName::from_static("x-prometheus-stopping");
    Some(reply.with(name, HeaderValue::from_static(stopping)))
}

/// Runs the handler on a blocking thread when the lane has room.
async fn queued(
    route: &'static Route,
    call: Call,
    lane: impl Fn(&State) -> &Arc<Semaphore>,
    wait: Duration,
) -> Reply {
    let state = Arc::clone(&call.state);
    let waited = timeout(wait, Arc::clone(lane(&state)).acquire_owned()).await;
    let Ok(Ok(permit)) = waited else { return overloaded(route.lane) };
    blocking(&state, move || {
        let _permit = permit;
        run(route, &call)
    })
    .await
}

fn overloaded(lane: Lane) -> Reply {
    let retry = HeaderValue::from_static("5");
    let reply = match lane {
        Lane::Query => ApiError::new(ErrorKind::Timeout, "query timed out in query queue").reply(),
        Lane::Read => {
            ApiError::new(ErrorKind::Timeout, "too many look-ups at once; this one waited too long")
                .reply()
        }
        Lane::Search | Lane::Logs => {
            return elastic::face::busy("too many requests at once; this one waited too long");
        }
        Lane::Write | Lane::Push | Lane::Inline | Lane::Control => Reply::error(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many writes at once; nothing was stored",
        ),
    };
    reply.with(header::RETRY_AFTER, retry)
}

async fn blocking(state: &State, work: impl FnOnce() -> Reply + Send + 'static) -> Reply {
    match tokio::task::spawn_blocking(work).await {
        Ok(reply) => reply,
        Err(error) => {
            state.metrics.panics.inc();
            tracing::error!(%error, "a request's thread ended");
            Reply::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error: see the server's log")
        }
    }
}

/// Runs the handler; a panic fails this request alone.
fn run(route: &Route, call: &Call) -> Reply {
    let handled = catch_unwind(AssertUnwindSafe(|| match route.handler {
        Handler::Api(handler) => match handler(call) {
            Ok(answer) => answer.reply(),
            Err(error) => error.reply(),
        },
        Handler::Plain(handler) => handler(call),
    }));
    handled.unwrap_or_else(|_| {
        call.state.metrics.panics.inc();
        tracing::error!(path = call.request.path, "a request panicked");
        match route.handler {
            Handler::Api(_) => {
                ApiError::new(ErrorKind::Internal, "internal error: see the server's log").reply()
            }
            Handler::Plain(_) => Reply::error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal error: see the server's log",
            ),
        }
    })
}

async fn read_body<B>(route: &Route, call: &mut Call, mut body: B) -> Result<(), Box<Reply>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let bytes_max = push::table::body_bytes_max(route, &call.state.config);
    let too_large = || {
        let text = format!("request body over {bytes_max} bytes ({})", route.body.name);
        Box::new(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, &text))
    };
    if body.is_end_stream() {
        return Ok(());
    }
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    let busy = |error: stdx::budget::BudgetExceeded| {
        let reply = Reply::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
        Box::new(reply.with(header::RETRY_AFTER, HeaderValue::from_static("5")))
    };
    let mut charge = call.state.budgets.requests.charge(0).map_err(busy)?;
    let mut bytes = BytesMut::new();
    let read = async {
        loop {
            let frame = match timeout(BODY_SILENCE_MAX, body.frame()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_))) => {
                    let text = "the request body ended early";
                    return Err(Box::new(Reply::error(StatusCode::BAD_REQUEST, text)));
                }
                Err(_) => return Err(too_slow()),
            };
            let Ok(piece) = frame.into_data() else { continue };
            if bytes.len() + piece.len() > bytes_max {
                return Err(too_large());
            }
            charge.grow(piece.len() as u64).map_err(busy)?;
            bytes.extend_from_slice(&piece);
        }
    };
    match timeout(call.state.config.read_timeout, read).await {
        Ok(done) => done?,
        Err(_) => return Err(too_slow()),
    }
    call.request.body = bytes.freeze();
    call.charge = Some(charge);
    Ok(())
}

fn too_slow() -> Box<Reply> {
    let reply = Reply::error(StatusCode::REQUEST_TIMEOUT, "the request body came too slowly");
    Box::new(reply.with(header::CONNECTION, HeaderValue::from_static("close")))
}

/// Says which other pages' scripts may read this answer.
fn cross_origin(mut reply: Reply, state: &State, request: &HeaderMap) -> Reply {
    reply.headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.get(header::ORIGIN) else { return reply };
    let allowed = match &state.origins {
        None => HeaderValue::from_static("*"),
        Some(origins) if origins.matches(header_text(request, &header::ORIGIN)) => origin.clone(),
        Some(_) => return reply,
    };
    for (name, value) in [
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Accept, Authorization, Content-Type, Origin"),
        ),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS")),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Date")),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
    ] {
        reply.headers.insert(name, value);
    }
    reply
}

fn observe(state: &State, handler: &'static str, status: StatusCode, took: Duration) {
    let labels = [("code", status.as_str()), ("handler", handler)];
    state
        .registry
        .counter("prometheus_http_requests_total", "Counter of HTTP requests.", &labels)
        .inc();
    let help = "Histogram of latencies for HTTP requests.";
    let name = "prometheus_http_request_duration_seconds";
    let labels = [("handler", handler)];
    state.registry.histogram(name, help, &labels, &DURATION_BOUNDS).observe(took.as_secs_f64());
}
