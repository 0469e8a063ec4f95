//! `storage`, `tracing` and `otlp`.

use crate::schema::{Default, Kind, Named, Problem, Record, Section, Value, key, no_check};

use super::http::TLS;
use super::remote::check_headers;

pub(super) static STORAGE: Section = Section {
    name: "config.StorageConfig",
    keys: &[&[
        key("tsdb", Kind::Section(&TSDB)).if_set().or(Default::Section),
        key("exemplars", Kind::Section(&EXEMPLARS)).if_set(),
    ]],
    check: no_check,
};

static TSDB: Section = Section {
    name: "config.plain",
    keys: &[&[
        // Prometheus' dump has this key by an accident of its encoder; what was dumped can be read.
        key("outofordertimewindow", Kind::Int),
        key("out_of_order_time_window", Kind::Duration),
        key("stale_series_compaction_threshold", Kind::Float),
        key("chunk_encoding", Kind::Section(&CHUNK_ENCODING)),
        key("retention", Kind::Section(&RETENTION)).if_set().or(Default::Section),
    ]],
    check: no_check,
};

static FLOATS: Named = Named::words("xor or xor2");

static CHUNK_ENCODING: Section = Section {
    name: "config.ChunkEncodingConfig",
    keys: &[&[key("floats", Kind::Named(&FLOATS))]],
    check: |record| {
        let floats = record.text("floats");
        if ["", "xor", "xor2"].contains(&floats) {
            return Ok(());
        }
        let text = format!(
            "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got {floats:?}"
        );
        Err(record.key_problem("floats", text))
    },
};

static RETENTION: Section = Section {
    name: "config.plain",
    keys: &[&[
        key("time", Kind::Duration),
        key("size", Kind::Bytes),
        key("percentage", Kind::Float),
    ]],
    check: |record| {
        let percentage = record.float("percentage");
        if (0.0..=100.0).contains(&percentage) {
            return Ok(());
        }
        let text = format!(
            "'storage.tsdb.retention.percentage' must be in the range [0, 100], got {percentage}"
        );
        Err(record.key_problem("percentage", text))
    },
};

/// Keys of the storage that are accepted and do nothing yet, with what happens instead.
pub(super) fn not_active(root: &Record) -> Vec<String> {
    let Some(tsdb) = root.section("storage").and_then(|storage| storage.section("tsdb")) else {
        return Vec::new();
    };
    let mut names = Vec::new();
    let retention = tsdb.section("retention");
    for name in ["size", "percentage"] {
        if retention.is_some_and(|retention| retention.is_given(name)) {
            names.push(format!("storage.tsdb.retention.{name} (time alone bounds what is kept)"));
        }
    }
    if tsdb.is_given("stale_series_compaction_threshold") {
        names.push("storage.tsdb.stale_series_compaction_threshold".to_owned());
    }
    let encoding = tsdb.section("chunk_encoding");
    if encoding.is_some_and(|encoding| encoding.text("floats") == "xor2") {
        names.push("storage.tsdb.chunk_encoding.floats: xor2 (xor is written)".to_owned());
    }
    names
}

static EXEMPLARS: Section = Section {
    name: "config.ExemplarsConfig",
    keys: &[&[key("max_exemplars", Kind::Int)]],
    check: no_check,
};

pub(super) static TRACING: Section = Section {
    name: "config.plain",
    keys: &[&[
        key("client_type", Kind::Named(&CLIENT_TYPE)).or(Default::Text("grpc")),
        key("endpoint", Kind::Text),
        key("sampling_fraction", Kind::Float),
        key("insecure", Kind::Bool),
        key("tls_config", Kind::Section(&TLS)),
        key("headers", Kind::Map(&Kind::Text)),
        key("compression", Kind::Named(&COMPRESSION)),
        key("timeout", Kind::Duration),
    ]],
    check: |record| {
        check_headers(record, "custom authorization header configuration is not yet supported")?;
        if !record.is_given("endpoint") {
            return Err(record.key_problem("endpoint", "tracing endpoint must be set"));
        }
        let compression = record.text("compression");
        if !["", "gzip"].contains(&compression) {
            let text =
                format!("invalid compression type {compression} provided, valid options: gzip");
            return Err(record.key_problem("compression", text));
        }
        Ok(())
    },
};

static COMPRESSION: Named = Named::words("gzip");

static CLIENT_TYPE: Named = Named {
    name: "config.plain",
    allowed: "http or grpc",
    read: |text| match text {
        "http" | "grpc" => Ok(text.to_owned()),
        _ => Err(format!("expected tracing client type to be to be http or grpc, but got {text}")),
    },
};

static STRATEGY: Named = Named::words(
    "UnderscoreEscapingWithSuffixes, NoUTF8EscapingWithSuffixes, UnderscoreEscapingWithoutSuffixes or NoTranslation",
);

pub(super) static OTLP: Section = Section {
    name: "config.plain",
    keys: &[&[
        key("promote_all_resource_attributes", Kind::Bool),
        key("promote_resource_attributes", Kind::List(&Kind::Text)),
        key("ignore_resource_attributes", Kind::List(&Kind::Text)),
        key("translation_strategy", Kind::Named(&STRATEGY))
            .or(Default::Text("UnderscoreEscapingWithSuffixes")),
        key("keep_identifying_resource_attributes", Kind::Bool),
        key("convert_histograms_to_nhcb", Kind::Bool),
        key("promote_scope_metadata", Kind::Bool),
        key("label_name_underscore_sanitization", Kind::Bool).or(Default::Bool(true)),
        key("label_name_preserve_multiple_underscores", Kind::Bool).or(Default::Bool(true)),
    ]],
    check: check_otlp,
};

fn check_otlp(record: &mut Record) -> Result<(), Problem> {
    let (all, promote, ignore) = (
        "promote_all_resource_attributes",
        "promote_resource_attributes",
        "ignore_resource_attributes",
    );
    if record.flag(all) {
        if record.is_given(promote) {
            let text = "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously";
            return Err(record.key_problem(promote, text));
        }
        return trim_attributes(record, ignore, "ignored");
    }
    if record.is_given(ignore) {
        let text = "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true";
        return Err(record.key_problem(ignore, text));
    }
    trim_attributes(record, promote, "promoted")
}

/// Trims the names of a list; refuses empty and repeated ones, all at once.
fn trim_attributes(record: &mut Record, list: &str, adjective: &str) -> Result<(), Problem> {
    if !record.has(list) {
        return Ok(());
    }
    let mut names: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for name in record.texts(list) {
        let name = name.trim().to_owned();
        if name.is_empty() {
            wrong.push(format!("empty {adjective} OTel resource attribute"));
        } else if names.contains(&name) {
            wrong.push(format!("duplicated {adjective} OTel resource attribute {name:?}"));
        } else {
            names.push(name);
        }
    }
    if !wrong.is_empty() {
        return Err(record.key_problem(list, format!("invalid '{list}': {}", wrong.join("\n"))));
    }
    record.set(list, Value::List(names.into_iter().map(Value::Text).collect()));
    Ok(())
}

/// Whether the strategy is known and fits how names may look.
pub(super) fn check_translation(otlp: &Record, legacy: bool) -> Result<(), Problem> {
    let strategy = otlp.text("translation_strategy");
    let text = match strategy {
        "" | "UnderscoreEscapingWithSuffixes" | "UnderscoreEscapingWithoutSuffixes" => {
            return Ok(());
        }
        "NoTranslation" | "NoUTF8EscapingWithSuffixes" if !legacy => return Ok(()),
        "NoTranslation" | "NoUTF8EscapingWithSuffixes" => {
            format!("OTLP translation strategy {strategy:?} is not allowed when UTF8 is disabled")
        }
        _ => format!("unsupported OTLP translation strategy {strategy:?}"),
    };
    Err(otlp.key_problem("translation_strategy", text))
}
