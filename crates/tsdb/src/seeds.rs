//! How long the random tests run: short by default, as long as `MANGRU_SEEDS` says otherwise.

/// Runs of a random test: `quick` unless the environment has another number.
pub(crate) fn seeds(quick: u32) -> u32 {
    std::env::var("MANGRU_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(quick)
}
