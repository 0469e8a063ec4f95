//! The table of routes, and which of them a path means.

use super::params::decode;
use super::{Answer, Call, Method, Params};
use crate::Elastic;
use crate::error::Error;

/// What a caller needs to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Read,
    Write,
    Admin,
}

/// What answers.
pub type Handler = fn(&Elastic, &Call<'_>) -> Result<Answer, Error>;

/// One row of the table.
#[derive(Debug)]
pub struct Route {
    pub methods: &'static [Method],
    /// `{name}` stands for one part of the path.
    pub path: &'static str,
    pub scope: Scope,
    /// The parameters that it knows beside those of all routes, in groups.
    pub params: &'static [&'static [&'static str]],
    pub handler: Handler,
}

pub(crate) const GET: &[Method] = &[Method::Get];
pub(crate) const GET_HEAD: &[Method] = &[Method::Get, Method::Head];
pub(crate) const POST: &[Method] = &[Method::Post];
pub(crate) const PUT: &[Method] = &[Method::Put];
pub(crate) const POST_PUT: &[Method] = &[Method::Post, Method::Put];
pub(crate) const GET_POST: &[Method] = &[Method::Get, Method::Post];
pub(crate) const DELETE: &[Method] = &[Method::Delete];

/// How indices are chosen.
pub(crate) const INDICES: &[&str] =
    &["ignore_unavailable", "allow_no_indices", "expand_wildcards", "ignore_throttled"];
/// How long is waited, and for whom.
pub(crate) const TIMEOUTS: &[&str] =
    &["timeout", "master_timeout", "cluster_manager_timeout", "local", "wait_for_active_shards"];

/// A route, for tables.
pub(crate) const fn route(
    methods: &'static [Method],
    path: &'static str,
    scope: Scope,
    params: &'static [&'static [&'static str]],
    handler: Handler,
) -> Route {
    Route { methods, path, scope, params, handler }
}

/// What a path means.
#[derive(Debug)]
pub(super) enum Found {
    Route(&'static Route),
    /// There is something, but not with this method.
    OtherMethods(Vec<Method>),
    Nothing,
}

/// The route of `path`; what stands for its pattern's names is put into `params`. Where several fit, the one whose words come first does.
pub(super) fn find(method: Method, path: &str, params: &mut Params) -> Found {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut best: Option<(Vec<bool>, &'static Route)> = None;
    let mut allow = Vec::new();
    for route in crate::table::routes() {
        let Some(words) = fits(route.path, &parts) else { continue };
        if !route.methods.contains(&method) {
            allow.extend_from_slice(route.methods);
        } else if best.as_ref().is_none_or(|(have, _)| words > *have) {
            best = Some((words, route));
        }
    }
    let Some((_, route)) = best else {
        allow.sort_unstable();
        allow.dedup();
        return if allow.is_empty() { Found::Nothing } else { Found::OtherMethods(allow) };
    };
    for (pattern, part) in pieces(route.path).zip(&parts) {
        if let Some(name) = pattern.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            params.put_part(name, decode(part, false));
        }
    }
    Found::Route(route)
}

/// For each part of the path whether the pattern has it as a word; `None` when the pattern does not fit.
fn fits(pattern: &str, parts: &[&str]) -> Option<Vec<bool>> {
    let mut words = Vec::with_capacity(parts.len());
    let mut pieces = pieces(pattern);
    for part in parts {
        let piece = pieces.next()?;
        let word = !piece.starts_with('{');
        if word && piece != *part {
            return None;
        }
        words.push(word);
    }
    pieces.next().is_none().then_some(words)
}

fn pieces(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split('/').filter(|piece| !piece.is_empty())
}
