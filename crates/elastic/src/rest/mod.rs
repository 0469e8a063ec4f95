//! Requests and answers: the route table, parameters, bodies, what every route has in common.
//!
//! A handler gets a [`Call`] and gives an [`Answer`] or an [`Error`]. What is said about a request without knowing the route (formats, `pretty`,
//! `filter_path`, unknown parameters, methods) is decided here, once.

mod answer;
mod body;
mod filter;
pub(crate) mod params;
pub(crate) mod route;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use answer::{Answer, Content, Response};
pub(crate) use body::{json_of, lines_of};
pub use params::Params;
pub use route::{Handler, Route, Scope};

use crate::Elastic;
use crate::error::Error;

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
}

impl Method {
    /// The method of that name, in capitals.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => return None,
        })
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// Whom the server says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// Elasticsearch 8.19: what Beats, Logstash and Elastic's clients go on with.
    #[default]
    Elasticsearch,
    /// `OpenSearch` 3: what Grafana's `OpenSearch` plugin and `OpenSearch` Dashboards ask for.
    OpenSearch,
}

/// A request as it came, its body decompressed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: Method,
    /// Still with its escapes; begins with a slash, without any prefix.
    pub path: &'a str,
    /// After the `?`; empty when there is none.
    pub query: &'a str,
    /// Names in small letters.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    pub identity: Identity,
    /// Where the client reached us (`Host`), for addresses that it is told; empty when unknown.
    pub host: &'a str,
}

impl<'a> Request<'a> {
    /// A header's value; empty when it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &'a str {
        self.headers.iter().find(|(have, _)| *have == name).map_or("", |(_, value)| value)
    }
}

/// What a handler gets.
#[derive(Debug)]
pub struct Call<'a> {
    pub request: Request<'a>,
    /// Of the path (`index`, `id` …) and of the query.
    pub params: Params,
    /// The path, decoded.
    pub path: String,
}

impl Call<'_> {
    /// A parameter of the path or the query.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)
    }

    /// A parameter of the path that the route's pattern has.
    #[must_use]
    pub fn part(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    /// A boolean parameter; `default` when it is missing.
    ///
    /// # Errors
    /// 400 when it is neither `true` nor `false` nor empty (which is `true`).
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Error> {
        self.params.flag(name, default)
    }

    /// The body as JSON; `None` when there is none. Of a `GET` it may be in the parameter `source`.
    ///
    /// # Errors
    /// 406 for a content type that is not JSON, 400 for a body that is no JSON.
    pub fn json(&self) -> Result<Option<Value>, Error> {
        match (self.request.body, self.param("source")) {
            ([], None) => Ok(None),
            ([], Some(source)) => json_of(source.as_bytes()).map(Some),
            (body, _) => {
                body::check_type(&self.request)?;
                if body.iter().all(u8::is_ascii_whitespace) {
                    return Ok(None);
                }
                json_of(body).map(Some)
            }
        }
    }

    /// The same, where there has to be one.
    ///
    /// # Errors
    /// Also when there is none: `request body is required`.
    pub fn required_json(&self) -> Result<Value, Error> {
        self.json()?.ok_or_else(|| Error::new(400, "parse_exception", "request body is required"))
    }

    /// The lines of a body of newline-delimited JSON.
    ///
    /// # Errors
    /// 406 for a content type that is neither that nor JSON.
    pub fn lines(&self) -> Result<impl Iterator<Item = &[u8]>, Error> {
        body::check_type(&self.request)?;
        Ok(lines_of(self.request.body))
    }

    /// Whether the client asked as an Elasticsearch client asks.
    #[must_use]
    pub fn is_elasticsearch(&self) -> bool {
        self.request.identity == Identity::Elasticsearch
    }
}

/// What a request needs to be allowed; what no route takes needs to be allowed to read.
#[must_use]
pub fn scope(method: Method, path: &str) -> Scope {
    match route::find(method, path, &mut Params::default()) {
        route::Found::Route(route) => route.scope,
        route::Found::OtherMethods(_) | route::Found::Nothing => Scope::Read,
    }
}

/// Answers `request`; never fails.
#[must_use]
pub(crate) fn handle(elastic: &Elastic, request: &Request<'_>) -> Response {
    let path = params::decode(request.path, false);
    let mut params = match Params::of_query(request.query) {
        Ok(params) => params,
        Err(error) => return answer::of_error(request, &error, &Params::default()),
    };
    let route = match route::find(request.method, request.path, &mut params) {
        route::Found::Route(route) => route,
        route::Found::OtherMethods(allow) => return other_method(request, &path, &allow),
        route::Found::Nothing => {
            let reason =
                format!("no handler found for uri [{path}] and method [{}]", request.method.name());
            return answer::plain_error(request, 400, &reason);
        }
    };
    let call = Call { request: *request, params, path };
    let answered = call
        .params
        .check_known(route, &call.path)
        .and_then(|()| (route.handler)(elastic, &call))
        .and_then(|answer| answer::encode(&call, answer));
    answered.unwrap_or_else(|error| answer::of_error(request, &error, &call.params))
}

fn other_method(request: &Request<'_>, path: &str, allow: &[Method]) -> Response {
    let names: Vec<&str> = allow.iter().map(|method| method.name()).collect();
    if request.method == Method::Options {
        let mut response = answer::plain_error(request, 200, "");
        response.body.clear();
        response.headers.push(("allow", names.join(",")));
        return response;
    }
    let reason = format!(
        "Incorrect HTTP method for uri [{path}] and method [{}], allowed: [{}]",
        request.method.name(),
        names.join(", ")
    );
    let mut response = answer::plain_error(request, 405, &reason);
    response.headers.push(("allow", names.join(",")));
    response
}

/// `{"acknowledged":true}`
#[must_use]
pub(crate) fn acknowledged() -> Answer {
    Answer::json(json!({ "acknowledged": true }))
}
