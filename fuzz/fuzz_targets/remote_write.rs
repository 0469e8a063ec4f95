//! Remote write requests of both versions, compressed and not: no panic.
#![no_main]

use wire::remote::{Request, TimeSeries, Version, decompress};

fn walk(message: &[u8]) {
    for version in [Version::V1, Version::V2] {
        let Ok(mut request) = Request::new(version, message) else {
            continue;
        };
        let _ = request.metadata();
        let mut series = TimeSeries::default();
        while let Ok(true) = request.next_series(&mut series) {
            let _ = series.labels.to_labels();
        }
    }
}

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    walk(body);
    if let Ok(message) = decompress(body) {
        walk(&message);
    }
});
