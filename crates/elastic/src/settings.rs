//! Settings of indices: their names, what is accepted, and how they are shown.
//!
//! Inside they are flat (`index.number_of_shards`), and their values are texts or lists of texts, as in `OpenSearch`.

use serde_json::{Map, Value, json};

use crate::error::Error;

/// Flat settings. A `null` takes a setting away.
pub(crate) type Flat = Map<String, Value>;

/// Says that an index is closed; never shown.
pub(crate) const CLOSED: &str = "mangru.closed";

/// Deepest nesting of settings.
const DEPTH_MAX: usize = 32;

/// Settings that are known by their whole name, and whether they may change while the index is open.
const KNOWN: &[(&str, bool)] = &[
    ("index.number_of_shards", false),
    ("index.number_of_replicas", true),
    ("index.number_of_routing_shards", false),
    ("index.auto_expand_replicas", true),
    ("index.refresh_interval", true),
    ("index.codec", false),
    ("index.hidden", true),
    ("index.default_pipeline", true),
    ("index.final_pipeline", true),
    ("index.mode", false),
    ("index.max_result_window", true),
    ("index.max_inner_result_window", true),
    ("index.max_rescore_window", true),
    ("index.max_docvalue_fields_search", true),
    ("index.max_script_fields", true),
    ("index.max_ngram_diff", true),
    ("index.max_shingle_diff", true),
    ("index.max_terms_count", true),
    ("index.max_regex_length", true),
    ("index.max_refresh_listeners", true),
    ("index.max_slices_per_scroll", true),
    ("index.max_slices_per_pit", true),
    ("index.max_adjacency_matrix_filters", true),
    ("index.gc_deletes", true),
    ("index.priority", true),
    ("index.write.wait_for_active_shards", true),
    ("index.shard.check_on_startup", false),
    ("index.load_fixed_bitset_filters_eagerly", false),
    ("index.soft_deletes.enabled", false),
    ("index.flush_after_merge", true),
    ("index.routing_partition_size", false),
    ("index.routing_path", false),
    ("index.uuid", false),
    ("index.provided_name", false),
    ("index.creation_date", false),
    ("index.creation_date_string", false),
    ("index.version.created", false),
    ("index.version.created_string", false),
    ("index.verified_before_close", true),
    ("index.data_path", false),
    ("index.append_only.enabled", false),
    ("index.composite_index", false),
    ("index.derived_source.enabled", false),
];

/// Settings that are known by how they begin.
const KNOWN_BELOW: &[(&str, bool)] = &[
    ("index.analysis.", false),
    ("index.analyze.", true),
    ("index.blocks.", true),
    ("index.bulk.", true),
    ("index.context.", false),
    ("index.fielddata.", false),
    ("index.highlight.", true),
    ("index.indexing.", true),
    ("index.lifecycle.", true),
    ("index.mangru.", true),
    ("index.mapper.", true),
    ("index.mapping.", true),
    ("index.merge.", true),
    ("index.opendistro.", true),
    ("index.plugins.", true),
    ("index.queries.", true),
    ("index.query.", true),
    ("index.query_string.", false),
    ("index.recovery.", true),
    ("index.replication.", false),
    ("index.requests.", true),
    ("index.routing.", true),
    ("index.search.", true),
    ("index.searchable_snapshot.", false),
    ("index.similarity.", false),
    ("index.sort.", false),
    ("index.store.", false),
    ("index.time_series.", true),
    ("index.translog.", true),
    ("index.unassigned.", true),
    ("index.warmer.", true),
];

/// What a setting is when nobody says anything.
const DEFAULTS: &[(&str, &str)] = &[
    ("index.refresh_interval", "1s"),
    ("index.max_result_window", "10000"),
    ("index.max_inner_result_window", "100"),
    ("index.max_docvalue_fields_search", "100"),
    ("index.max_terms_count", "65536"),
    ("index.max_regex_length", "1000"),
    ("index.max_ngram_diff", "1"),
    ("index.max_shingle_diff", "3"),
    ("index.hidden", "false"),
    ("index.codec", "default"),
    ("index.default_pipeline", "_none"),
    ("index.final_pipeline", "_none"),
    ("index.blocks.read_only", "false"),
    ("index.blocks.write", "false"),
    ("index.auto_expand_replicas", "false"),
    ("index.mapping.total_fields.limit", "1000"),
    ("index.mapping.total_fields.ignore_dynamic_beyond_limit", "true"),
    ("index.mapping.ignore_malformed", "true"),
    ("index.mapping.depth.limit", "20"),
    ("index.highlight.max_analyzed_offset", "1000000"),
    ("index.translog.durability", "REQUEST"),
    ("index.soft_deletes.enabled", "true"),
    ("index.query.default_field", "*"),
];

/// Flat settings out of what a client wrote: nested or dotted, with or without `index.`, perhaps inside of `settings`.
pub(crate) fn flat(body: &Value) -> Result<Flat, Error> {
    let mut out = Flat::new();
    if let Some(map) = body.as_object() {
        flatten(map, "", &mut out, 0)?;
    } else if !body.is_null() {
        return Err(Error::new(400, "parse_exception", "settings must be an object"));
    }
    Ok(out)
}

fn flatten(
    map: &Map<String, Value>,
    prefix: &str,
    out: &mut Flat,
    depth: usize,
) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::illegal(format!("settings deeper than {DEPTH_MAX}")));
    }
    for (key, value) in map {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Object(inner) => flatten(inner, &name, out, depth + 1)?,
            Value::Array(list) => {
                let texts = list.iter().map(text_of).map(Value::String).collect();
                out.insert(with_index(&name), Value::Array(texts));
            }
            Value::Null => {
                out.insert(with_index(&name), Value::Null);
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                out.insert(with_index(&name), Value::String(text_of(value)));
            }
        }
    }
    Ok(())
}

fn with_index(name: &str) -> String {
    if name.starts_with("index.") { name.to_owned() } else { format!("index.{name}") }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a setting is known, and may change while its index is open.
fn known(name: &str) -> Option<bool> {
    KNOWN
        .iter()
        .find(|(have, _)| *have == name)
        .or_else(|| KNOWN_BELOW.iter().find(|(start, _)| name.starts_with(start)))
        .map(|(_, dynamic)| *dynamic)
}

/// Refuses unknown names and values that make no sense.
pub(crate) fn check(settings: &Flat) -> Result<(), Error> {
    for (name, value) in settings {
        if known(name).is_none() {
            return Err(Error::illegal(format!(
                "unknown setting [{name}] please check that any required plugins are installed, or check the breaking changes documentation for removed settings"
            )));
        }
        let Some(text) = value.as_str() else { continue };
        check_value(name, text)?;
    }
    if settings.contains_key("index.sort.order") && !settings.contains_key("index.sort.field") {
        return Err(Error::illegal(
            "setting [index.sort.order] requires setting [index.sort.field] to be configured",
        ));
    }
    Ok(())
}

fn check_value(name: &str, text: &str) -> Result<(), Error> {
    let least = match name {
        "index.number_of_shards" | "index.number_of_routing_shards" | "index.max_result_window" => {
            Some(1)
        }
        "index.number_of_replicas" | "index.priority" => Some(0),
        "index.mapping.total_fields.limit" | "index.mapping.depth.limit" => Some(0),
        _ => None,
    };
    if let Some(least) = least {
        let number: i64 = text.parse().map_err(|_| {
            Error::illegal(format!("Failed to parse value [{text}] for setting [{name}]"))
        })?;
        if number < least {
            return Err(Error::illegal(format!(
                "Failed to parse value [{text}] for setting [{name}] must be >= {least}"
            )));
        }
        if name == "index.number_of_shards" && number > 1024 {
            return Err(Error::illegal(format!(
                "Failed to parse value [{text}] for setting [{name}] must be <= 1024"
            )));
        }
    }
    let is_flag = name == "index.hidden" || name.starts_with("index.blocks.");
    if is_flag && !matches!(text, "true" | "false") {
        return Err(Error::illegal(format!(
            "Failed to parse value [{text}] as only [true] or [false] are allowed."
        )));
    }
    if name == "index.refresh_interval" && text != "-1" && duration_ms(text).is_none() {
        return Err(Error::illegal(format!(
            "failed to parse setting [{name}] with value [{text}] as a time value: unit is missing or unrecognized"
        )));
    }
    Ok(())
}

/// Refuses what cannot change: ever, or while the index is open.
pub(crate) fn check_change(
    settings: &Flat,
    index: &str,
    uuid: &str,
    open: bool,
) -> Result<(), Error> {
    let finals = ["index.number_of_shards", "index.number_of_routing_shards", "index.uuid"];
    for name in settings.keys() {
        if finals.contains(&name.as_str()) {
            return Err(Error::illegal(format!("final {index} setting [{name}], not updateable")));
        }
    }
    let fixed: Vec<&str> =
        settings.keys().map(String::as_str).filter(|name| known(name) == Some(false)).collect();
    if open && !fixed.is_empty() {
        return Err(Error::illegal(format!(
            "Can't update non dynamic settings [[{}]] for open indices [[{index}/{uuid}]]",
            fixed.join(", ")
        )));
    }
    Ok(())
}

/// Settings as they are shown: nested, or flat where it is asked for.
pub(crate) fn shown(settings: &Flat, is_flat: bool) -> Value {
    if is_flat {
        return Value::Object(settings.clone());
    }
    let mut root = Map::new();
    for (name, value) in settings {
        put_nested(&mut root, name, value.clone());
    }
    Value::Object(root)
}

fn put_nested(root: &mut Map<String, Value>, name: &str, value: Value) {
    let mut at = root;
    let mut rest = name;
    for _ in 0..=DEPTH_MAX {
        let Some((head, tail)) = rest.split_once('.') else { break };
        if at.get(head).is_some_and(|there| !there.is_object()) {
            // `a` has a value itself: `a.b` stays dotted.
            break;
        }
        let next = at.entry(head.to_owned()).or_insert_with(|| json!({}));
        let Some(map) = next.as_object_mut() else { return };
        at = map;
        rest = tail;
    }
    at.insert(rest.to_owned(), value);
}

/// The defaults of what `settings` does not say.
pub(crate) fn defaults(settings: &Flat) -> Flat {
    let missing = DEFAULTS.iter().filter(|(name, _)| !settings.contains_key(*name));
    missing.map(|(name, text)| ((*name).to_owned(), (*text).into())).collect()
}

/// The text of a setting.
pub(crate) fn text<'a>(settings: &'a Flat, name: &str) -> Option<&'a str> {
    settings.get(name)?.as_str()
}

/// Whether a setting is `true`.
pub(crate) fn is_set(settings: &Flat, name: &str) -> bool {
    text(settings, name) == Some("true")
}

/// `30s`, `5m`, `1d`, `100ms`, `0` in milliseconds.
pub(crate) fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let cut =
        text.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '-')?;
    let (number, unit) = text.split_at(cut);
    let scale = match unit.to_ascii_lowercase().as_str() {
        "d" => 86_400_000.0,
        "h" => 3_600_000.0,
        "m" => 60_000.0,
        "s" => 1_000.0,
        "ms" => 1.0,
        "micros" => 0.001,
        "nanos" => 0.000_001,
        _ => return None,
    };
    let ms = number.parse::<f64>().ok()? * scale;
    ms.is_finite().then(|| crate::number::whole(ms))
}

/// `10gb`, `512mb`, `100b` in bytes.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let cut = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(cut);
    let power = match unit {
        "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    let scale = 2_f64.powi(power);
    u64::try_from(crate::number::whole(number.parse::<f64>().ok()? * scale)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_flat_inside_and_nested_outside() {
        let settings = flat(&json!({"index": {"number_of_shards": 3, "sort.field": ["a", "b"]}, "refresh_interval": null, "blocks": {"write": true}})).unwrap();
        assert_eq!(
            Value::Object(settings.clone()),
            json!({"index.number_of_shards": "3", "index.sort.field": ["a", "b"], "index.refresh_interval": null, "index.blocks.write": "true"})
        );
        assert_eq!(
            shown(&settings, false),
            json!({"index": {"number_of_shards": "3", "sort": {"field": ["a", "b"]}, "refresh_interval": null, "blocks": {"write": "true"}}})
        );
    }

    #[test]
    fn bad_settings_are_refused() {
        let reason = |body: Value| check(&flat(&body).unwrap()).unwrap_err().reason;
        assert_eq!(
            reason(json!({"number_of_shards": 0})),
            "Failed to parse value [0] for setting [index.number_of_shards] must be >= 1"
        );
        assert!(reason(json!({"nope": 1})).starts_with("unknown setting [index.nope] please"));
    }

    #[test]
    fn durations() {
        for (text, ms) in [
            ("30s", Some(30_000)),
            ("1.5h", Some(5_400_000)),
            ("7d", Some(604_800_000)),
            ("5", None),
            ("x", None),
        ] {
            assert_eq!(duration_ms(text), ms, "{text}");
        }
    }
}
