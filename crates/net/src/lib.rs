//! Sockets with policy: an HTTP client with TLS, credentials, proxies, redirects and deadlines.
//!
//! Knows nothing of what is fetched, or why.

pub mod config;
