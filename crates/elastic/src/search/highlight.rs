//! Marks in texts: what of a hit's values the query matched.

use logs::mapping::{FieldType, simple_match};
use logs::query::Query;
use logs::search::Target;
use logs::search::highlight::{Fragmenter, HighlightOptions, Highlighter};
use serde_json::{Map, Value};

use super::hits::{collect, leaves};
use super::opts::Opts;
use super::query::Parser;
use super::run;
use crate::Elastic;
use crate::error::Error;

/// Most letters of a text that are looked at (`index.highlight.max_analyzed_offset`).
const ANALYZED_MAX: u64 = 1_000_000;

/// What is marked in one field.
struct Ask<'a> {
    pattern: &'a str,
    options: HighlightOptions,
    /// `max_analyzer_offset`: longer texts are looked at up to here instead of being refused.
    cut: bool,
    /// `plain`, `unified`, or `fvh`.
    kind: String,
    query: Option<Query>,
    matched_fields: Vec<String>,
}

/// How a search marks texts, bound to one index.
pub(crate) struct Marks<'a> {
    asks: Vec<Ask<'a>>,
    own: Highlighter<'a>,
    others: Vec<Option<Highlighter<'a>>>,
    target: &'a Target,
    analyzed_max: u64,
}

fn texts_or_one(opts: &Opts<'_>, name: &str) -> Result<Option<String>, Error> {
    Ok(opts.texts(name)?.and_then(|texts| texts.into_iter().next()))
}

/// The options of one field, which fall back to those of all.
fn options(all: &Opts<'_>, own: &Opts<'_>) -> Result<(HighlightOptions, bool, String), Error> {
    let text = |name: &str| Ok::<_, Error>(texts_or_one(own, name)?.or(texts_or_one(all, name)?));
    let number = |name: &str| -> Result<Option<usize>, Error> {
        let value = own.int(name)?.or(all.int(name)?);
        Ok(value.map(|value| usize::try_from(value.max(0)).unwrap_or(usize::MAX)))
    };
    let flag = |name: &str| Ok::<_, Error>(own.flag(name)?.or(all.flag(name)?));
    let mut options = HighlightOptions::default();
    let kind = text("type")?.unwrap_or_else(|| "unified".to_owned());
    match kind.as_str() {
        "unified" => {}
        "plain" | "fvh" => options.fragmenter = Fragmenter::Sizes,
        other => {
            return Err(Error::illegal(format!(
                "unknown highlighter type [{other}] for the field"
            )));
        }
    }
    options.pre_tag = text("pre_tags")?.unwrap_or(options.pre_tag);
    options.post_tag = text("post_tags")?.unwrap_or(options.post_tag);
    options.fragment_size = number("fragment_size")?.unwrap_or(options.fragment_size);
    options.fragments = number("number_of_fragments")?.unwrap_or(options.fragments);
    options.no_match_size = number("no_match_size")?.unwrap_or(0);
    options.by_score = text("order")?.as_deref() == Some("score");
    options.require_field_match = flag("require_field_match")?.unwrap_or(true);
    options.phrase_as_one = kind != "plain";
    let cut = number("max_analyzer_offset")?;
    if let Some(cut) = cut {
        options.analyzed_bytes_max = cut;
    }
    Ok((options, cut.is_some(), kind))
}

const KNOWN: &[&str] = &[
    "fields",
    "pre_tags",
    "post_tags",
    "fragment_size",
    "number_of_fragments",
    "no_match_size",
    "order",
    "require_field_match",
    "type",
    "highlight_query",
    "encoder",
    "tags_schema",
    "fragmenter",
    "boundary_scanner",
    "boundary_chars",
    "boundary_max_scan",
    "boundary_scanner_locale",
    "phrase_limit",
    "force_source",
    "max_analyzer_offset",
    "max_analyzed_offset",
    "matched_fields",
    "fragment_offset",
    "options",
    "highlight_filter",
    "use_explicit_field_order",
];

impl<'a> Marks<'a> {
    /// Binds the member `highlight` of a body; `query` is the search's own.
    pub(crate) fn bind(
        elastic: &Elastic,
        target: &'a Target,
        map: &'a Map<String, Value>,
        query: &Query,
    ) -> Result<Self, Error> {
        let all = Opts { owner: "highlight", map }.known(KNOWN)?;
        let mut fields: Vec<(&String, &Value)> = Vec::new();
        match all.get("fields") {
            Some(Value::Object(map)) => fields.extend(map),
            Some(Value::Array(list)) => {
                fields.extend(list.iter().filter_map(Value::as_object).flatten());
            }
            Some(_) | None => {}
        }
        let lookup = super::lookup(elastic);
        let limits = run::limits(elastic, None);
        let bind = |query: &Query| {
            Highlighter::bind(target, query, &limits).map_err(|error| {
                run::phase(elastic, &target.index, "fetch", &run::query_error(&error))
            })
        };
        let (mut asks, mut others) = (Vec::new(), Vec::new());
        for (pattern, value) in fields {
            let own = Opts::of("highlight_field", value)?.known(KNOWN)?;
            let (options, cut, kind) = options(&all, &own)?;
            let written = own.get("highlight_query").or_else(|| all.get("highlight_query"));
            let query = written.map(|query| Parser::new(&lookup).query(query)).transpose()?;
            others.push(query.as_ref().map(bind).transpose()?);
            let matched_fields = own.texts("matched_fields")?.unwrap_or_default();
            asks.push(Ask { pattern, options, cut, kind, query, matched_fields });
        }
        let setting =
            run::setting_number(elastic, &target.index, "index.highlight.max_analyzed_offset");
        Ok(Self {
            asks,
            own: bind(query)?,
            others,
            target,
            analyzed_max: setting.unwrap_or(ANALYZED_MAX),
        })
    }

    /// The member `highlight` of a hit with the document `source`.
    pub(crate) fn of(&self, source: &Value) -> Result<Map<String, Value>, Error> {
        let mut out = Map::new();
        let leaves = leaves(&self.target.mapping);
        for (ask, other) in self.asks.iter().zip(&self.others) {
            let highlighter = other.as_ref().unwrap_or(&self.own);
            debug_assert_eq!(ask.query.is_some(), other.is_some());
            for (path, field) in &leaves {
                let exact = path == ask.pattern;
                let is_text = matches!(
                    field.kind,
                    FieldType::Text
                        | FieldType::MatchOnlyText
                        | FieldType::SearchAsYouType
                        | FieldType::Keyword
                        | FieldType::ConstantKeyword
                        | FieldType::Wildcard
                );
                if !is_text || !(exact || simple_match(ask.pattern, path)) {
                    continue;
                }
                let column = self.target.mapping.find(path).map_or(path.as_str(), |f| f.column);
                let mut values = Vec::new();
                collect(source, column, &mut values, 0);
                let above = field.params.get("ignore_above").and_then(Value::as_u64);
                let texts: Vec<String> = values
                    .into_iter()
                    .filter_map(super::opts::scalar)
                    .filter(|text| {
                        let len = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
                        above.is_none_or(|above| len <= above)
                    })
                    .collect();
                self.check_length(path, field, ask, &texts)?;
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let mut names = vec![path.as_str()];
                names.extend(ask.matched_fields.iter().map(String::as_str));
                let found = names
                    .iter()
                    .map(|name| highlighter.fragments(name, &texts, &ask.options))
                    .max_by_key(|found| marks(found, &ask.options.pre_tag))
                    .unwrap_or_default();
                if !found.is_empty() {
                    out.insert(path.clone(), found.into());
                }
            }
        }
        Ok(out)
    }

    fn check_length(
        &self,
        path: &str,
        field: &logs::mapping::Field,
        ask: &Ask<'_>,
        texts: &[String],
    ) -> Result<(), Error> {
        let len: usize = texts.iter().map(|text| text.chars().count()).sum();
        let has_offsets = field.params.get("index_options").and_then(Value::as_str)
            == Some("offsets")
            || field.params.contains_key("term_vector");
        let too_long = u64::try_from(len).unwrap_or(u64::MAX) > self.analyzed_max;
        if too_long && !ask.cut && (ask.kind == "plain" || !has_offsets) {
            return Err(Error::illegal(format!(
                "The length of [{path}] field of [{}] index has exceeded [{}] - maximum allowed to be analyzed for highlighting. This maximum can be set by changing the [index.highlight.max_analyzed_offset] index level setting. For large texts, indexing with offsets or term vectors is recommended!",
                self.target.index, self.analyzed_max
            )));
        }
        Ok(())
    }
}

/// How many marks there are.
fn marks(fragments: &[String], tag: &str) -> usize {
    if tag.is_empty() {
        return fragments.len();
    }
    fragments.iter().map(|fragment| fragment.matches(tag).count()).sum()
}
