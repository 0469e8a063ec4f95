//! The only crate that serves HTTP: routes, the API, limits, assets, and the wiring of everything behind them.
//!
//! [`run`] takes plain values; YAML and flags are the program's. A request goes `listen` → `serve` (past the guard of `web`) → `route` → a handler →
//! `answer` → back.

mod answer;
mod compress;
mod config;
mod elastic;
mod exposure;
mod federate;
mod http;
mod json;
mod lifecycle;
mod listen;
mod names;
mod pages;
mod params;
mod parts;
mod place;
mod push;
mod query;
mod request_line;
mod result;
mod route;
mod run;
mod scraper;
mod self_metrics;
mod serve;
mod sockets;
mod stall;
mod state;
mod status;
mod storage;
mod table;
mod targets;
#[cfg(test)]
mod tests;
mod tree;
mod web;
mod write;

pub use ::elastic::Identity;
pub use config::{
    AutoReload, Config, Fingerprint, Loaded, Loader, LogsConfig, PushConfig, PushLimits,
    QueryConfig, RunError, StorageConfig, TargetFiles, Version,
};
pub use run::run;
pub use web::config::{ClientAuth, RateLimit, TlsServer, WebConfig, WebFile, WebLoader};
pub use web::{Scope, Token, check_hash, check_web};
