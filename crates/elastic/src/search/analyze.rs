//! How texts become words.

use std::sync::Arc;

use logs::text::analysis::{Analysis, Analyzer};
use serde_json::{Map, Value, json};

use super::opts::Opts;
use crate::error::Error;
use crate::rest::{Answer, Call};
use crate::{Elastic, docs};

pub(super) const PARAMS: &[&str] =
    &["index", "text", "analyzer", "field", "tokenizer", "prefer_local"];

/// Most words of an answer (`index.analyze.max_token_count`).
const TOKENS_MAX: usize = 10_000;

/// `GET|POST /{index}/_analyze`
pub(super) fn analyze(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut map = match call.json()? {
        Some(Value::Object(map)) => map,
        Some(_) | None => Map::new(),
    };
    for name in ["text", "analyzer", "field", "tokenizer"] {
        if let Some(value) = call.param(name) {
            map.insert(name.to_owned(), value.into());
        }
    }
    let opts = Opts { owner: "analyze_request", map: &map }.known(&[
        "text",
        "analyzer",
        "field",
        "tokenizer",
        "filter",
        "char_filter",
        "normalizer",
        "explain",
        "attributes",
    ])?;
    let texts = opts.texts("text")?.filter(|texts| !texts.is_empty()).ok_or_else(|| {
        Error::new(
            400,
            "action_request_validation_exception",
            "Validation Failed: 1: text is missing;",
        )
    })?;
    let index = call.part("index");
    let most = tokens_max(elastic, index)?;
    let analyzer = analyzer(elastic, index, &opts)?;
    let mut tokens = Vec::new();
    let (mut base, mut position) = (0, 0);
    for text in &texts {
        let mut last = position;
        for token in analyzer.tokens(text) {
            let (start, end) = (letters(text, token.start), letters(text, token.end));
            last = position + token.position;
            tokens.push(json!({
                "token": token.text, "start_offset": base + start, "end_offset": base + end,
                "type": token.kind, "position": last,
            }));
            if tokens.len() > most {
                return Err(Error::new(
                    500,
                    "illegal_state_exception",
                    format!(
                        "The number of tokens produced by calling _analyze has exceeded the allowed maximum of [{most}]. This limit can be set by changing the [index.analyze.max_token_count] index level setting."
                    ),
                ));
            }
        }
        base += text.encode_utf16().count() + 1;
        position = last + 100;
    }
    if opts.is_set("explain")? {
        let name = opts.text("analyzer")?.unwrap_or_else(|| "standard".to_owned());
        return Ok(Answer::json(json!({"detail": {
            "custom_analyzer": false, "analyzer": {"name": name, "tokens": tokens},
        }})));
    }
    Ok(Answer::json(json!({ "tokens": tokens })))
}

/// Most words of an answer, as the index says.
fn tokens_max(elastic: &Elastic, index: &str) -> Result<usize, Error> {
    if index.is_empty() {
        Ok(TOKENS_MAX)
    } else {
        let found = docs::get::one_index(elastic, index)?;
        let settings = found.settings();
        let setting = settings.get("index.analyze.max_token_count").cloned();
        Ok(setting
            .and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()))
            .and_then(|value| usize::try_from(value).ok())
            .unwrap_or(TOKENS_MAX))
    }
}

/// Where a byte is, in the units of UTF-16 that clients count in.
fn letters(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(0, |head| head.encode_utf16().count())
}

fn analyzer(elastic: &Elastic, index: &str, opts: &Opts<'_>) -> Result<Arc<Analyzer>, Error> {
    let analysis = if index.is_empty() {
        Analysis::default()
    } else {
        let settings = docs::get::one_index(elastic, index)?.settings();
        Analysis::from_settings(&settings).map_err(|error| Error::illegal(error.to_string()))?
    };
    let not_found =
        |kind: &str, name: &str| Error::illegal(format!("failed to find global {kind} [{name}]"));
    if let Some(name) = opts.text("analyzer")? {
        return analysis.analyzer(&name).ok_or_else(|| not_found("analyzer", &name));
    }
    if let Some(field) = opts.text("field")?
        && !index.is_empty()
    {
        let found = docs::get::one_index(elastic, index)?;
        let mapping = found.mapping();
        if let Some(of) = mapping.find(&field) {
            let is_text = matches!(
                of.field.kind,
                logs::mapping::FieldType::Text | logs::mapping::FieldType::MatchOnlyText
            );
            let own = of.field.params.get("analyzer").and_then(Value::as_str);
            let name = own.unwrap_or(if is_text { "standard" } else { "keyword" });
            return analysis.analyzer(name).ok_or_else(|| not_found("analyzer", name));
        }
    }
    if opts.get("tokenizer").is_none()
        && opts.get("filter").is_none()
        && opts.get("char_filter").is_none()
    {
        return analysis.analyzer("standard").ok_or_else(|| not_found("analyzer", "standard"));
    }
    analysis.described(opts.map).map(Arc::new).map_err(|error| Error::illegal(error.to_string()))
}
