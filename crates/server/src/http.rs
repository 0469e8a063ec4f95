//! Requests and replies as the handlers see them, free of sockets.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use promql::engine::CancelFlag;

/// A request whose body has been read within its bound.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// As it came, without the route prefix; starts with a slash.
    pub(crate) path: String,
    /// After the `?`; empty when there is none.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Raised when the client has gone: nobody wants the answer any more.
    pub(crate) gone: CancelFlag,
}

impl Request {
    /// The value of a header; empty when it is missing or no visible ASCII.
    pub(crate) fn header(&self, name: &HeaderName) -> &str {
        header_text(&self.headers, name)
    }

    /// Whether the body holds parameters.
    pub(crate) fn is_form(&self) -> bool {
        let kind = self.header(&header::CONTENT_TYPE);
        let kind = kind.split(';').next().unwrap_or_default().trim();
        self.method == Method::POST
            && kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }
}

/// The value of a header; empty when it is missing or no visible ASCII.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Pieces of an answer, made as the client takes them.
pub(crate) type Pieces = Box<dyn Iterator<Item = Bytes> + Send>;

/// What a reply holds.
pub(crate) enum Content {
    Whole(Bytes),
    Pieces(Pieces),
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::Pieces(_) => write!(f, "Pieces"),
        }
    }
}

/// An answer of a handler.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, kind: &'static str, content: Content) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Self { status, headers, content }
    }

    /// Plain text as it stands.
    pub(crate) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        let content = Content::Whole(text.into().into());
        Self::new(status, "text/plain; charset=utf-8", content)
    }

    /// An error in plain text, with a line end and as no browser may read it otherwise.
    pub(crate) fn error(status: StatusCode, text: &str) -> Self {
        Self::text(status, format!("{text}\n"))
            .with(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    }

    /// Metrics in the format that `content_type` says.
    pub(crate) fn exposition(body: Vec<u8>, content_type: &str) -> Self {
        let reply = Self { content: Content::Whole(body.into()), ..Self::empty(StatusCode::OK) };
        match HeaderValue::from_str(content_type) {
            Ok(kind) => reply.with(header::CONTENT_TYPE, kind),
            Err(_) => reply,
        }
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), content: Content::Whole(Bytes::new()) }
    }

    /// 302 to `place`; a place that no header can hold is an error of ours.
    pub(crate) fn found(place: &str) -> Self {
        match HeaderValue::from_str(place) {
            Ok(place) => Self::empty(StatusCode::FOUND).with(header::LOCATION, place),
            Err(_) => Self::error(StatusCode::BAD_REQUEST, "this address cannot be redirected"),
        }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// A reply's content on its way through hyper.
#[derive(Debug)]
pub(crate) struct ReplyBody(pub(crate) Content);

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.0 {
            Content::Whole(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Content::Pieces(pieces) => pieces.next(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Pieces(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Pieces(_) => SizeHint::default(),
        }
    }
}
