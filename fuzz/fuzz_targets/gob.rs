//! Persistence files of Pushgateway: no panic on any, and each group that is given has a job.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let found = scrape::push::persisted(bytes);
    for group in &found.groups {
        assert!(group.labels.get("job").is_some_and(|job| !job.is_empty()));
    }
});
