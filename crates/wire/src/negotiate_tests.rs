//! Headers, both ways.

use crate::escaping::{EscapingScheme, unescape_values};
use crate::exposition::{Format, format_for};
use crate::negotiate::{
    DEFAULT_PROTOCOLS, PROTOBUF_FIRST_PROTOCOLS, Protocol, accept_header, negotiate,
    negotiate_among,
};

#[test]
fn accept_of_a_scrape() {
    assert_eq!(
        accept_header(&DEFAULT_PROTOCOLS, EscapingScheme::AllowUtf8),
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    );
    assert_eq!(
        accept_header(&PROTOBUF_FIRST_PROTOCOLS, EscapingScheme::Underscores),
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=underscores;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
    );
}

#[test]
fn what_is_answered() {
    let scrape = accept_header(&DEFAULT_PROTOCOLS, EscapingScheme::AllowUtf8);
    let cases = [
        (None, "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        (Some("*/*"), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        (
            Some("text/html,text/plain"),
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
        ),
        (
            Some(scrape.as_str()),
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        ),
        (
            Some("application/openmetrics-text;q=0.2,text/plain;version=1.0.0;escaping=dots;q=0.9"),
            "text/plain; version=1.0.0; charset=utf-8; escaping=dots",
        ),
        (
            Some(
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            ),
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores",
        ),
        (
            Some("application/vnd.google.protobuf;proto=other;encoding=delimited;escaping=values"),
            "text/plain; version=0.0.4; charset=utf-8; escaping=values",
        ),
        (Some(";;,=;q=x,,"), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
    ];
    for (accept, expected) in cases {
        let (protocol, escaping) = negotiate(accept);
        assert_eq!(protocol.content_type(escaping), expected, "{accept:?}");
    }
    let only_text = negotiate_among(Some(&scrape), &[Protocol::Text004]);
    assert_eq!(only_text, (Protocol::Text004, EscapingScheme::AllowUtf8));
}

#[test]
fn clauses_are_bounded() {
    let max = crate::negotiate::ACCEPT_CLAUSES_MAX;
    let wanted = "application/openmetrics-text;version=1.0.0";
    let at = format!("{}{wanted}", "x/y,".repeat(max - 1));
    assert_eq!(negotiate(Some(&at)).0, Protocol::OpenMetrics100);
    let past = format!("{}{wanted}", "x/y,".repeat(max));
    assert_eq!(negotiate(Some(&past)).0, Protocol::Text004);
}

#[test]
fn names_of_protocols() {
    for protocol in PROTOBUF_FIRST_PROTOCOLS {
        assert_eq!(Protocol::from_name(protocol.as_str()), Some(protocol));
        let content_type = protocol.content_type(EscapingScheme::Values);
        assert_eq!(format_for(Some(&content_type), None), Ok(protocol.format()));
    }
    assert_eq!(Protocol::from_name("prometheusproto"), None);
}

#[test]
fn formats_of_content_types() {
    let said = |text| format_for(Some(text), None).map_err(|error| error.to_string());
    assert_eq!(said("text/plain"), Ok(Format::Text));
    assert_eq!(said("TEXT/Plain; charset=\"utf-8\";"), Ok(Format::Text));
    assert_eq!(
        said(""),
        Err("non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target".into())
    );
    assert_eq!(
        said("text/html"),
        Err("received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target".into())
    );
    assert_eq!(
        said("counter"),
        Err("received unsupported Content-Type \"counter\" and no fallback_scrape_protocol specified for target".into())
    );
    for (text, why) in [
        (";", "mime: no media type"),
        ("a b", "mime: expected slash after first token"),
        ("a/", "mime: expected token after slash"),
        ("a/b c", "mime: unexpected content after media subtype"),
        ("text/plain; a", "mime: invalid media parameter"),
        ("text/plain; a=1; a=2", "mime: duplicate parameter name"),
    ] {
        let expected = format!(
            "cannot parse Content-Type \"{text}\" and no fallback_scrape_protocol for target\n{why}"
        );
        assert_eq!(said(text), Err(expected));
    }
    for text in [None, Some("text/html"), Some("a/")] {
        assert_eq!(format_for(text, Some(Format::OpenMetrics)), Ok(Format::OpenMetrics));
    }
    assert_eq!(format_for(Some("text/plain"), Some(Format::OpenMetrics)), Ok(Format::Text));
}

#[test]
fn escaped_names() {
    let cases = [
        ("a_b", "a_b", "a__b", "a_b"),
        ("a.b_c", "a_b_c", "a_dot_b__c", "U__a_2e_b__c"),
        ("1a", "_a", "__a", "U___31_a"),
        ("é/", "__", "____", "U___e9__2f_"),
        ("", "", "", ""),
    ];
    for (name, underscores, dots, values) in cases {
        assert_eq!(EscapingScheme::AllowUtf8.escape(name), name);
        assert_eq!(EscapingScheme::Underscores.escape(name), underscores);
        assert_eq!(EscapingScheme::Dots.escape(name), dots);
        assert_eq!(EscapingScheme::Values.escape(name), values);
        assert_eq!(unescape_values(values), name);
    }
    for odd in ["a__b", "U__a_", "U__a_zz_", "U___d800_", "U___1234567_", "U__a_2e"] {
        assert_eq!(unescape_values(odd), odd);
    }
}
