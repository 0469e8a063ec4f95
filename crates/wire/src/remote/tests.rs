//! Remote write requests, both versions.
