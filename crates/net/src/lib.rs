//! Sockets with policy: an HTTP client with TLS, credentials, proxies, redirects and deadlines.
//!
//! Knows nothing of what is fetched, or why.

pub mod client;
pub mod config;
pub mod error;
pub mod url;

mod auth;
mod connect;
mod proxy;
#[cfg(test)]
mod tests;
mod tls;

pub use auth::SECRET_BYTES_MAX;
pub use client::{Client, Session};
pub use connect::{HEAD_BYTES_MAX, HEADERS_MAX};
pub use tls::system_roots;
