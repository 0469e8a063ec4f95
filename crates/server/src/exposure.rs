//! What the log and the page say of addresses that others than this machine reach: who comes in unasked, and whose secrets go in the clear.

use std::net::SocketAddr;

use crate::state::State;

/// One sentence for each thing that is open; none when all listeners are on loopback, or ask who comes under TLS.
pub(crate) fn warnings(state: &State) -> Vec<String> {
    let open: Vec<String> =
        state.listeners().iter().filter(|at| !is_loopback(at)).map(SocketAddr::to_string).collect();
    if open.is_empty() {
        return Vec::new();
    }
    let guard = state.guard.as_ref();
    let (asks, has_tls) = guard.map_or((false, false), |one| (one.asks_who_comes(), one.has_tls()));
    let tokens = !state.loaded().tokens.is_empty();
    let addresses = open.join(", ");
    let mut texts = Vec::new();
    if !asks && !tokens {
        texts.push(format!("listening on an open address without authentication: {addresses}"));
    }
    if !has_tls && (asks || tokens || state.config.push.write_token.is_some()) {
        texts.push(format!(
            "passwords and tokens go over plain HTTP on an open address: {addresses}"
        ));
    }
    texts
}

/// Says them in the log.
pub(crate) fn warn(state: &State) {
    for text in warnings(state) {
        tracing::warn!("{text}");
    }
}

/// Whether only this machine reaches the address.
fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
