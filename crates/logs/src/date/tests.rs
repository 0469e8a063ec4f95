//! Formats read and print as Elasticsearch's do.

use super::*;

fn check(format: &str, text: &str, want: &str) {
    let format = Format::parse(format).unwrap();
    let out = Format::parse("strict_date_optional_time").unwrap();
    let have = format.read(text, &Zone::default(), Edge::First);
    let have = have.map_or("-".to_owned(), |ns| out.print(ns, &Zone::default()));
    assert_eq!(have, want, "{text} by {}", format.text());
}

fn prints(format: &str, zone: &str, want: &str) {
    // 2026-03-05T09:08:07.060504Z, a Thursday.
    let ns = 1_772_701_687_060_504_000;
    let format = Format::parse(format).unwrap();
    let have = format.print(ns, &Zone::parse(zone).unwrap());
    assert_eq!(have, want, "{}", format.text());
}

#[test]
fn texts_are_read() {
    let iso = "strict_date_optional_time";
    check(iso, "2026-03-05T09:08:07.060Z", "2026-03-05T09:08:07.060Z");
    check(iso, "2026-03-05T09:08:07,06+09:00", "2026-03-05T00:08:07.060Z");
    check(iso, "2026-03-05T09:08:07.123456789-0130", "2026-03-05T10:38:07.123456789Z");
    check(iso, "2026-03-05", "2026-03-05T00:00:00.000Z");
    check(iso, "2026-3-5", "-");
    check("date_optional_time", "2026-3-5", "2026-03-05T00:00:00.000Z");
    check(iso, "2026-02-30", "-");
    check(iso, "2026-03-05 09:08", "-");
    check("epoch_millis", "-1", "1969-12-31T23:59:59.999Z");
    check("epoch_second", "1.5", "1970-01-01T00:00:01.500Z");
    check("epoch_second", "1.", "1970-01-01T00:00:01.000Z");
    check("yyyy/MM/dd HH:mm:ss||epoch_millis", "2026/03/05 09:08:07", "2026-03-05T09:08:07.000Z");
    check("yyyy/MM/dd HH:mm:ss||epoch_millis", "7", "1970-01-01T00:00:00.007Z");
    check("yyyyMMddHHmmss", "20260305090807", "2026-03-05T09:08:07.000Z");
    check("dd/MMM/yyyy:HH:mm:ss Z", "05/Mar/2026:09:08:07 +0900", "2026-03-05T00:08:07.000Z");
    check("hh:mm a", "01:30 PM", "1970-01-01T13:30:00.000Z");
    check("basic_week_date", "2026W104", "2026-03-05T00:00:00.000Z");
    check("yyyy-MM-dd['T'HH:mm]", "2026-03-05", "2026-03-05T00:00:00.000Z");
    check("yyyy-MM-dd['T'HH:mm]", "2026-03-05T10:11", "2026-03-05T10:11:00.000Z");
    check("yyyy-MM-dd HH:mm:ss.SSS", "2026-03-05 10:11:12.13", "-");
}

#[test]
fn texts_are_printed() {
    prints("strict_date_optional_time", "UTC", "2026-03-05T09:08:07.060504Z");
    prints("date_time", "Asia/Seoul", "2026-03-05T18:08:07.060504+09:00");
    prints("yyyy/MM/dd HH:mm:ss.SSS", "UTC", "2026/03/05 09:08:07.060");
    prints("d.M.yy H:m:s", "UTC", "5.3.26 9:8:7");
    prints("EEE, dd MMM yyyy hh:mm a Z", "-05:00", "Thu, 05 Mar 2026 04:08 AM -0500");
    prints("date", "UTC", "2026-03-05");
    prints("yyyy-'W'ww", "UTC", "2026-W10");
    prints("epoch_millis", "UTC", "1772701687060");
    prints("epoch_second", "UTC", "1772701687.060504");
    prints("basic_date", "UTC", "20260305");
}

#[test]
fn formats_that_are_none() {
    for broken in ["", "yyyy-'x", "b", "yyyy]", "{"] {
        assert!(Format::parse(broken).is_err(), "{broken}");
    }
    assert!(Format::parse(&"y".repeat(1_025)).is_err());
    assert_eq!(Zone::parse("Nowhere/City"), None);
    assert_eq!(Zone::parse("+19:00"), None);
}
