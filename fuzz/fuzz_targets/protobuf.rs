//! The protobuf exposition parser: no panic, with and without native histograms.
#![no_main]

#[path = "shared/exposition.rs"]
mod exposition;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    exposition::walk(body, wire::exposition::Format::Protobuf);
});
