//! The only crate that serves HTTP: routes, the API, limits, assets, and the wiring of everything behind them.
//!
//! [`run`] takes plain values; YAML and flags are the program's.

mod config;
mod run;

pub use config::{Config, Loaded, Loader, QueryConfig, RunError, StorageConfig, Version};
pub use run::run;
