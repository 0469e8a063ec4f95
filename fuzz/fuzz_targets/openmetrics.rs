//! The OpenMetrics parser: no panic, and the scrape cache's way gives what the full parser gives.
#![no_main]

#[path = "shared/exposition.rs"]
mod exposition;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    exposition::walk(body, wire::exposition::Format::OpenMetrics);
    exposition::known_equals_full(body, wire::exposition::Format::OpenMetrics);
});
