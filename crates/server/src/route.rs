//! The one table of routes: path, methods, lane, bounds and handler together. What is not in it does not exist.

use hyper::Method;

use crate::answer::ApiResult;
use crate::http::Reply;
use crate::params::decode;
use crate::serve::Call;
use crate::web::Scope;

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// On the runtime's thread: it only looks at what is in memory, and little of it.
    Inline,
    /// A PromQL evaluation.
    Query,
    /// A look-up in the storage.
    Read,
    /// Samples come in.
    Write,
    /// Groups of the push gateway change.
    Push,
    /// Documents are looked up or searched.
    Search,
    /// Documents come in; indices change.
    Logs,
    /// Few and always let through: reload, self metrics.
    Control,
}

/// The largest body that a route takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit {
    pub(crate) name: &'static str,
    pub(crate) bytes_max: usize,
}

pub(crate) enum Handler {
    /// Answers in the API's envelope, readable for other origins.
    Api(fn(&Call) -> ApiResult),
    Plain(fn(&Call) -> Reply),
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Api(_) => "Api",
            Self::Plain(_) => "Plain",
        })
    }
}

#[derive(Debug)]
pub(crate) struct Route {
    /// `:name` stands for one segment, `*` at the end for one and all behind it.
    pub(crate) path: &'static str,
    pub(crate) methods: &'static [Method],
    /// What a token has to be good for.
    pub(crate) scope: Scope,
    pub(crate) lane: Lane,
    /// Whether it is refused until the storage is open and while the server stops.
    pub(crate) ready: bool,
    pub(crate) compress: bool,
    pub(crate) body: BodyLimit,
    pub(crate) handler: Handler,
}

/// What stands at a path.
#[derive(Debug)]
pub(crate) enum Found {
    /// The route, and what stood for its parameter, decoded.
    Route(&'static Route, String),
    /// The path exists, but not with this method; the methods for `Allow`.
    OtherMethods(String),
    /// The answer to OPTIONS; the methods for `Allow`.
    Options(String),
    Nothing,
}

/// Looks `path` up in `routes`; it starts with a slash.
pub(crate) fn find(routes: &'static [Route], method: &Method, path: &str) -> Found {
    let mut allow: Vec<&str> = Vec::new();
    for route in routes {
        let Some(segment) = matched(route.path, path) else { continue };
        if route.methods.contains(method) {
            return Found::Route(route, segment);
        }
        // The answer to OPTIONS for all of the API makes no path of it exist.
        if !route.methods.contains(&Method::OPTIONS) {
            allow.extend(route.methods.iter().map(Method::as_str));
        }
    }
    if allow.is_empty() {
        return Found::Nothing;
    }
    allow.push("OPTIONS");
    allow.sort_unstable();
    allow.dedup();
    let allow = allow.join(", ");
    if method == Method::OPTIONS { Found::Options(allow) } else { Found::OtherMethods(allow) }
}

/// Whether `path` is of the form `pattern`, and what stands for its parameter.
fn matched(pattern: &str, path: &str) -> Option<String> {
    let mut segment = String::new();
    let mut parts = path.split('/');
    for want in pattern.split('/') {
        if want == "*" {
            let first = parts.next()?;
            return Some(parts.fold(first.to_owned(), |all, part| format!("{all}/{part}")));
        }
        let part = parts.next()?;
        if want.starts_with(':') && !part.is_empty() {
            segment = decode(part, false);
        } else if part != want {
            return None;
        }
    }
    parts.next().is_none().then_some(segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn check(method: &Method, path: &str) -> String {
        match find(crate::table::ROUTES, method, path) {
            Found::Route(route, segment) => format!("{} [{segment}]", route.path),
            other @ (Found::OtherMethods(_) | Found::Options(_) | Found::Nothing) => {
                format!("{other:?}")
            }
        }
    }

    #[test]
    fn paths_find_their_routes() {
        for (method, path, want) in [
            (Method::GET, "/api/v1/rules", expect![["/api/v1/rules []"]]),
            (Method::GET, "/api/v1/label//values", expect![["Nothing"]]),
            (Method::GET, "/api/v1/query/", expect![["Nothing"]]),
            (Method::GET, "//api/v1/query", expect![["Nothing"]]),
            (Method::GET, "/api/v1/../query", expect![["Nothing"]]),
            (Method::DELETE, "/-/ready", expect![[r#"OtherMethods("GET, HEAD, OPTIONS")"#]]),
            (Method::OPTIONS, "/api/v1/nothing/at/all", expect![["/api/v1/* [nothing/at/all]"]]),
            (Method::GET, "/api/v1/nothing", expect![["Nothing"]]),
            (Method::OPTIONS, "/metrics", expect![[r#"Options("GET, OPTIONS")"#]]),
            (Method::HEAD, "/metrics", expect![[r#"OtherMethods("GET, OPTIONS")"#]]),
            (Method::GET, "/assets/x.js", expect![["/assets/* [x.js]"]]),
            (Method::PUT, "/metrics/job/a/b/", expect![["/metrics/job/* [a/b/]"]]),
            (Method::PUT, "/metrics/job/", expect![["/metrics/job/* []"]]),
            (Method::PUT, "/metrics/job", expect![["Nothing"]]),
        ] {
            want.assert_eq(&check(&method, path));
        }
    }
}
