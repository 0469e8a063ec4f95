//! What handlers answer, and the bytes that it becomes.

use serde::Serialize as _;
use serde_json::{Value, json};

use super::{Call, Identity, Method, Params, Request, body, filter};
use crate::error::Error;
use crate::identity;

/// What a handler answers.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content: Content,
    /// Texts of `Warning` headers: only what the caller should hear of, for clients print them.
    pub warnings: Vec<String>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Content {
    None,
    Json(Value),
    /// JSON that is already written compactly; what `filter_path` and `pretty` make of it is decided later.
    Raw(Vec<u8>),
    Text(String),
}

impl Answer {
    /// 200 with JSON.
    #[must_use]
    pub fn json(value: Value) -> Self {
        Self::of(200, Content::Json(value))
    }

    /// 200 with JSON as text.
    #[must_use]
    pub fn raw(bytes: Vec<u8>) -> Self {
        Self::of(200, Content::Raw(bytes))
    }

    /// 200 with plain text.
    #[must_use]
    pub fn text(text: String) -> Self {
        Self::of(200, Content::Text(text))
    }

    /// Only a status: the answer to `HEAD`.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self::of(status, Content::None)
    }

    #[must_use]
    pub fn of(status: u16, content: Content) -> Self {
        Self { status, content, warnings: Vec::new(), headers: Vec::new() }
    }

    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub fn warn(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self
    }
}

/// An answer's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// Names in small letters.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value; empty when it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(have, _)| *have == name).map_or("", |(_, value)| value)
    }
}

/// `answer` as the call wants it.
pub(super) fn encode(call: &Call<'_>, answer: Answer) -> Result<Response, Error> {
    let request = &call.request;
    let pretty = call.flag("pretty", false)?;
    let filter = call.param("filter_path").filter(|path| !path.is_empty());
    let mut response = Response { status: answer.status, headers: head(request), body: Vec::new() };
    response.headers.extend(answer.headers);
    for text in answer.warnings {
        response.headers.push(("warning", identity::warning(request.identity, &text)));
    }
    let plain = |headers: &mut Vec<(&'static str, String)>| {
        headers.push(("content-type", "text/plain; charset=UTF-8".to_owned()));
    };
    match answer.content {
        Content::None => plain(&mut response.headers),
        Content::Text(text) => {
            plain(&mut response.headers);
            response.body = text.into_bytes();
        }
        Content::Raw(bytes) if filter.is_none() && !pretty => {
            response.headers.push(("content-type", json_type(request)));
            response.body = bytes;
        }
        content @ (Content::Raw(_) | Content::Json(_)) => {
            let value = match content {
                Content::Json(value) => value,
                Content::Raw(bytes) => serde_json::from_slice(&bytes)
                    .map_err(|error| Error::new(500, "exception", error.to_string()))?,
                Content::None | Content::Text(_) => Value::Null,
            };
            let value = match filter {
                Some(path) => filter::filtered(value, path),
                None => value,
            };
            response.headers.push(("content-type", json_type(request)));
            response.body = written(&value, pretty);
        }
    }
    if request.method == Method::Head {
        response.body.clear();
    }
    Ok(response)
}

/// An error as an answer.
pub(super) fn of_error(request: &Request<'_>, error: &Error, params: &Params) -> Response {
    let pretty = params.flag("pretty", false).unwrap_or(false);
    let mut headers = head(request);
    headers.push(("content-type", json_type(request)));
    if error.status == 429 || error.status == 503 {
        headers.push(("retry-after", "1".to_owned()));
    }
    let mut response =
        Response { status: error.status, headers, body: written(&error.body(), pretty) };
    if request.method == Method::Head {
        response.body.clear();
    }
    response
}

/// `{"error":"…","status":…}`, as for what no route takes.
pub(super) fn plain_error(request: &Request<'_>, status: u16, reason: &str) -> Response {
    let mut headers = head(request);
    headers.push(("content-type", json_type(request)));
    let body = if request.method == Method::Head {
        Vec::new()
    } else {
        written(&json!({ "error": reason, "status": status }), false)
    };
    Response { status, headers, body }
}

/// What every answer has: Elastic's clients go away without it.
fn head(request: &Request<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-elastic-product", "Elasticsearch".to_owned())];
    let opaque = request.header("x-opaque-id");
    if !opaque.is_empty() {
        headers.push(("x-opaque-id", opaque.to_owned()));
    }
    headers
}

/// The media type of JSON: the one that was asked for, where it is one of ours.
fn json_type(request: &Request<'_>) -> String {
    let accept = request.header("accept");
    let first = accept.split(',').next().unwrap_or_default().trim();
    if first.starts_with("application/vnd.elasticsearch+") && body::is_json(first) {
        return first.replace("+x-ndjson", "+json");
    }
    match request.identity {
        Identity::Elasticsearch => "application/json".to_owned(),
        Identity::OpenSearch => "application/json; charset=UTF-8".to_owned(),
    }
}

fn written(value: &Value, pretty: bool) -> Vec<u8> {
    if !pretty {
        return value.to_string().into_bytes();
    }
    let mut out = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut out, Pretty::default());
    value.serialize(&mut writer).expect("a value is always JSON");
    out.push(b'\n');
    out
}

/// Two blanks a level, and a blank on both sides of a colon.
#[derive(Debug, Default)]
struct Pretty(serde_json::ser::PrettyFormatter<'static>);

impl serde_json::ser::Formatter for Pretty {
    fn begin_array<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        self.0.begin_array(w)
    }
    fn end_array<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        self.0.end_array(w)
    }
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        self.0.begin_array_value(w, first)
    }
    fn end_array_value<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        self.0.end_array_value(w)
    }
    fn begin_object<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        self.0.begin_object(w)
    }
    fn end_object<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        self.0.end_object(w)
    }
    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        self.0.begin_object_key(w, first)
    }
    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        w.write_all(b" : ")
    }
    fn end_object_value<W: ?Sized + std::io::Write>(&mut self, w: &mut W) -> std::io::Result<()> {
        self.0.end_object_value(w)
    }
}
