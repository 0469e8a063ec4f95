//! Who may come in, and how: TLS, passwords, added headers and a bound on requests, as Prometheus' web configuration file says.
//!
//! The file and the certificates are read anew whenever they have changed; what cannot be read lets nobody in.

mod client_cert;
pub(crate) mod config;
mod guard;
mod limit;
mod passwords;
mod san;
mod tls;
mod tokens;

pub(crate) use guard::{Guard, Standing};
pub use passwords::check_hash;
pub(crate) use tokens::Access;
pub use tokens::{Scope, Token};

/// Reads a file and the certificates that it names, as a server does at its start.
///
/// # Errors
/// Why a server would not start with it.
pub fn check_web(file: config::WebFile) -> Result<(), String> {
    Guard::new(file).map(drop)
}
