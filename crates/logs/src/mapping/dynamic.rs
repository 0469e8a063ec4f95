//! What a field becomes that the mapping does not name.

use regex_automata::meta::Regex;
use serde_json::{Map, Value, json};

use super::parse::{is_false, is_flat};
use super::{DEPTH_MAX, Dynamic, Field, FieldType, Mapping, MappingError};

/// The first value (no null, no empty array) that a document has at a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Leaf<'a> {
    Str(&'a str),
    Int,
    Float,
    Bool,
    /// An object: the path gets properties.
    Object,
}

/// What becomes of a new path.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The mapping gets this field there ([`Mapping::insert`]).
    Add(Field),
    /// It stands in the document's source only (`dynamic: false`, `enabled: false`).
    Leave,
    /// A leaf is mapped above the path (`a` is a number, the document says `a.b`): kept, and named in `_ignored`.
    Conflict,
    /// The document is refused: `object` (`_doc` for the root) takes no new fields.
    Refuse { object: String },
}

/// One rule of `dynamic_templates`.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: String,
    conditions: Vec<Condition>,
    mapping: Value,
}

#[derive(Debug)]
enum Condition {
    Name { yes: bool, patterns: Vec<Pattern> },
    Path { yes: bool, patterns: Vec<Pattern> },
    Kind { yes: bool, names: Vec<String> },
}

#[derive(Debug)]
enum Pattern {
    Simple(String),
    Regex(Regex),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Simple(pattern) => simple_match(pattern, text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Whether `text` is of the form `pattern`, in which `*` stands for any run of letters.
#[must_use]
pub fn simple_match(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

impl Template {
    /// The templates of a mapping's `dynamic_templates`.
    pub(super) fn parse_all(value: &Value) -> Result<Vec<Self>, MappingError> {
        let bad = |text: &str| MappingError::Parse(text.to_owned());
        let Value::Array(list) = value else {
            return Err(bad(
                "Dynamic template syntax error. An array of named objects is expected.",
            ));
        };
        let one = |entry: &Value| {
            let named = entry.as_object().filter(|map| map.len() == 1);
            let Some((name, Value::Object(body))) = named.and_then(|map| map.iter().next()) else {
                return Err(bad("A dynamic template must be defined with a name and an object"));
            };
            Self::parse(name, body)
        };
        list.iter().map(one).collect()
    }

    fn parse(name: &str, body: &Map<String, Value>) -> Result<Self, MappingError> {
        let regex = body.get("match_pattern").is_some_and(|value| value == "regex");
        let mut conditions = Vec::new();
        let mut mapping = None;
        for (key, value) in body {
            let yes = !key.starts_with("un") && !key.contains("_un");
            match key.as_str() {
                "match" | "unmatch" => {
                    let patterns = patterns(name, value, regex)?;
                    conditions.push(Condition::Name { yes, patterns });
                }
                "path_match" | "path_unmatch" => {
                    let patterns = patterns(name, value, regex)?;
                    conditions.push(Condition::Path { yes, patterns });
                }
                "match_mapping_type" | "unmatch_mapping_type" => {
                    let names = texts(value);
                    conditions.push(Condition::Kind { yes, names });
                }
                "mapping" | "runtime" => mapping = Some(value.clone()),
                "match_pattern" => {}
                _ => {
                    return Err(MappingError::Illegal(format!(
                        "Illegal dynamic template parameter: [{key}]"
                    )));
                }
            }
        }
        let Some(mapping) = mapping else {
            return Err(MappingError::Parse(format!(
                "template [{name}] must have either mapping or runtime set"
            )));
        };
        Ok(Self { name: name.to_owned(), conditions, mapping })
    }

    /// Whether it speaks of a field; one without conditions is only taken by name.
    fn matches(&self, name: &str, path: &str, kind: &str) -> bool {
        let fits = |condition: &Condition| match condition {
            Condition::Name { yes, patterns } => {
                patterns.iter().any(|pattern| pattern.matches(name)) == *yes
            }
            Condition::Path { yes, patterns } => {
                patterns.iter().any(|pattern| pattern.matches(path)) == *yes
            }
            Condition::Kind { yes, names } => {
                names.iter().any(|have| have == "*" || have == kind) == *yes
            }
        };
        !self.conditions.is_empty() && self.conditions.iter().all(fits)
    }

    /// The field that it makes.
    fn field(&self, name: &str, kind: &str) -> Result<Field, MappingError> {
        let default = if kind == "string" { "text" } else { kind };
        let mut body = filled(&self.mapping, name, default, 0);
        if let Value::Object(map) = &mut body
            && !map.contains_key("type")
        {
            map.insert("type".to_owned(), default.into());
        }
        Field::parse(name, &body)
    }
}

fn patterns(name: &str, value: &Value, regex: bool) -> Result<Vec<Pattern>, MappingError> {
    let one = |text: String| {
        if !regex {
            return Ok(Pattern::Simple(text));
        }
        let whole = format!("^(?:{text})$");
        Regex::new(&whole).map(Pattern::Regex).map_err(|error| {
            MappingError::Illegal(format!(
                "Pattern [{text}] of type [regex] is invalid. Cannot create dynamic template [{name}]. {error}"
            ))
        })
    };
    texts(value).into_iter().map(one).collect()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// The template's mapping with `{name}` and `{dynamic_type}` filled in.
fn filled(value: &Value, name: &str, kind: &str, depth: usize) -> Value {
    let fill = |text: &str| {
        text.replace("{name}", name).replace("{dynamic_type}", kind).replace("{dynamicType}", kind)
    };
    match value {
        Value::String(text) => Value::String(fill(text)),
        Value::Object(map) if depth < DEPTH_MAX => {
            let map = map.iter();
            Value::Object(map.map(|(k, v)| (fill(k), filled(v, name, kind, depth + 1))).collect())
        }
        Value::Array(list) if depth < DEPTH_MAX => {
            Value::Array(list.iter().map(|v| filled(v, name, kind, depth + 1)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.clone()
        }
    }
}

impl Mapping {
    /// What becomes of the dotted `path`, which [`Mapping::find`] does not know, when its first value is `leaf`.
    #[must_use]
    pub fn dynamic(&self, path: &str, leaf: Leaf<'_>) -> Decision {
        let (object, above, lenient) = match self.nearest(path) {
            Nearest::Object { dynamic, path, lenient } => (dynamic, path, lenient),
            Nearest::Leaf => return Decision::Conflict,
            Nearest::Disabled => return Decision::Leave,
        };
        let refuse = || {
            let object = if above.is_empty() { "_doc" } else { above };
            Decision::Refuse { object: object.to_owned() }
        };
        match object {
            Dynamic::False => return Decision::Leave,
            Dynamic::Strict => return refuse(),
            Dynamic::True | Dynamic::StrictAllowTemplates => {}
        }
        let (kind, default) = self.guess(leaf);
        let name = path.rsplit('.').next().unwrap_or(path);
        let templates = self.meta.get("dynamic_templates").map(Template::parse_all);
        if let Some(Ok(templates)) = templates
            && let Some(template) = templates.iter().find(|one| one.matches(name, path, kind))
            && let Ok(field) = template.field(name, kind)
        {
            return Decision::Add(field);
        }
        match object {
            Dynamic::StrictAllowTemplates if lenient => Decision::Leave,
            Dynamic::StrictAllowTemplates => refuse(),
            Dynamic::True | Dynamic::False | Dynamic::Strict => Decision::Add(default),
        }
    }

    /// The field that the dynamic template `template` makes of `path`: what a bulk item asks for by name.
    ///
    /// # Errors
    /// When there is no such template, or its mapping is none.
    pub fn by_template(
        &self,
        template: &str,
        path: &str,
        leaf: Leaf<'_>,
    ) -> Result<Field, MappingError> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let templates = self.meta.get("dynamic_templates").map(Template::parse_all).transpose()?;
        let templates = templates.unwrap_or_default();
        let found = templates.iter().find(|one| one.name == template).ok_or_else(|| {
            MappingError::Parse(format!(
                "Can't find dynamic template for dynamic template name [{template}] of field [{path}]"
            ))
        })?;
        found.field(name, self.guess(leaf).0)
    }

    /// The name that templates know the value's type by, and what it becomes without one.
    fn guess(&self, leaf: Leaf<'_>) -> (&'static str, Field) {
        match leaf {
            Leaf::Int => ("long", Field::new(FieldType::Long)),
            Leaf::Float => ("double", Field::new(FieldType::Float)),
            Leaf::Bool => ("boolean", Field::new(FieldType::Boolean)),
            Leaf::Object => ("object", Field::new(FieldType::Object)),
            Leaf::Str(text) => self.guess_text(text),
        }
    }

    fn guess_text(&self, text: &str) -> (&'static str, Field) {
        let numeric = self.meta.get("numeric_detection").is_some_and(|v| !is_false(v));
        let (is_int, is_float) = (text.parse::<i64>().is_ok(), text.parse::<f64>().is_ok());
        if numeric && is_int {
            return ("long", Field::new(FieldType::Long));
        }
        if numeric && is_float {
            return ("double", Field::new(FieldType::Float));
        }
        let dates = !self.meta.get("date_detection").is_some_and(is_false);
        if dates && !is_int && !is_float && self.looks_like_date(text) {
            let mut field = Field::new(FieldType::Date);
            if let Some(format) = self.date_format_of(text) {
                field.params.insert("format".to_owned(), format.into());
            }
            return ("date", field);
        }
        let mut keyword = Field::new(FieldType::Keyword);
        keyword.params.insert("ignore_above".to_owned(), json!(256));
        let mut field = Field::new(FieldType::Text);
        field.fields.insert("keyword".to_owned(), keyword);
        ("string", field)
    }

    fn looks_like_date(&self, text: &str) -> bool {
        self.meta.get("dynamic_date_formats").map_or_else(
            || is_iso_date(text) || is_slashed_date(text),
            |_| self.date_format_of(text).is_some(),
        )
    }

    /// The format to write into the mapping; `None` for the default one.
    fn date_format_of(&self, text: &str) -> Option<String> {
        let Some(formats) = self.meta.get("dynamic_date_formats") else {
            return is_slashed_date(text)
                .then(|| "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis".to_owned());
        };
        let fits = |format: &String| {
            format.split("||").any(|one| match one {
                "strict_date_optional_time" | "date_optional_time" | "date_time" => {
                    is_iso_date(text)
                }
                pattern => shape_fits(pattern, text),
            })
        };
        texts(formats).into_iter().find(fits)
    }

    /// Puts `field` at `path` and makes the objects above it.
    ///
    /// # Errors
    /// [`MappingError::Illegal`] when something else is there.
    pub fn insert(&mut self, path: &str, field: Field) -> Result<(), MappingError> {
        let mut object = &mut self.root;
        let mut flat = is_flat(&self.meta);
        let mut rest = path;
        for _ in 0..DEPTH_MAX {
            let cut = if flat { None } else { rest.split_once('.') };
            let Some((head, tail)) = cut else {
                let merged = match object.properties.get(rest) {
                    Some(there) => there.merged(path, &field)?,
                    None => field,
                };
                object.properties.insert(rest.to_owned(), merged);
                return Ok(());
            };
            object = object
                .properties
                .entry(head.to_owned())
                .or_insert_with(|| Field::new(FieldType::Object));
            if !object.kind.is_object() {
                return Err(MappingError::Illegal(format!(
                    "can't merge a non object mapping [{path}] with an object mapping"
                )));
            }
            flat = is_flat(&object.params);
            rest = tail;
        }
        Err(MappingError::Illegal(format!(
            "Limit of mapping depth [{DEPTH_MAX}] has been exceeded"
        )))
    }

    /// The deepest mapped thing on the way to `path`.
    fn nearest<'a>(&self, path: &'a str) -> Nearest<'a> {
        let mut object = &self.root;
        let mut dynamic = object.dynamic.unwrap_or_default();
        let mut lenient = is_lenient(object);
        let mut start = 0;
        'down: for _ in 0..DEPTH_MAX {
            if object.params.get("enabled").is_some_and(is_false) {
                return Nearest::Disabled;
            }
            let rest = &path[start..];
            for (cut, _) in rest.match_indices('.') {
                let Some(child) = object.properties.get(&rest[..cut]) else { continue };
                if !child.kind.is_object() {
                    return Nearest::Leaf;
                }
                object = child;
                if child.dynamic.is_some() {
                    dynamic = child.dynamic.unwrap_or(dynamic);
                    lenient = is_lenient(child);
                }
                start += cut + 1;
                continue 'down;
            }
            break;
        }
        Nearest::Object { dynamic, path: path[..start].trim_end_matches('.'), lenient }
    }
}

/// Whether what has no template is left alone, not refused.
fn is_lenient(object: &Field) -> bool {
    object.params.get("dynamic").is_some_and(|written| written == "false_allow_templates")
}

enum Nearest<'a> {
    Object { dynamic: Dynamic, path: &'a str, lenient: bool },
    Leaf,
    Disabled,
}

/// Whether `text` is of the form `strict_date_optional_time`, with a month at least.
fn is_iso_date(text: &str) -> bool {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let number = |text: &str, max: u32| {
        text.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u32>().is_ok_and(|n| n <= max)
    };
    let date_fits = match parts.as_slice() {
        [year, month, more @ ..] => {
            year.len() == 4
                && year.bytes().all(|b| b.is_ascii_digit())
                && number(month, 12)
                && *month != "00"
                && match more {
                    [] => time.is_none(),
                    [day] => number(day, 31) && *day != "00",
                    [_, _, ..] => false,
                }
        }
        [_] | [] => false,
    };
    let Some(time) = time.filter(|time| !time.is_empty()) else { return date_fits };
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let pieces: Vec<&str> = clock.split(':').collect();
    let maxima = [24, 59, 59];
    let zone_digits = zone.trim_start_matches(['+', '-']).replace(':', "");
    date_fits
        && pieces.len() <= 3
        && pieces.iter().zip(maxima).all(|(piece, max)| number(piece, max))
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && (zone.is_empty()
            || zone == "Z"
            || (matches!(zone_digits.len(), 2 | 4)
                && zone_digits.bytes().all(|b| b.is_ascii_digit())))
}

/// Whether `text` is of the form `yyyy/MM/dd HH:mm:ss` or `yyyy/MM/dd`.
fn is_slashed_date(text: &str) -> bool {
    ["yyyy/MM/dd HH:mm:ss", "yyyy/MM/dd"].iter().any(|pattern| shape_fits(pattern, text))
}

/// Whether `text` has digits and signs where the date pattern has letters and signs, and its month and day are some.
fn shape_fits(pattern: &str, text: &str) -> bool {
    let fits = pattern.len() == text.len()
        && pattern.bytes().zip(text.bytes()).all(|(form, have)| match form {
            b'a'..=b'z' | b'A'..=b'Z' => have.is_ascii_digit(),
            sign => sign == have,
        });
    let within = |letters: &str, range: std::ops::RangeInclusive<u32>| {
        let Some(at) = pattern.find(letters) else { return true };
        text.get(at..at + letters.len())
            .and_then(|digits| digits.parse().ok())
            .is_some_and(|number| range.contains(&number))
    };
    fits && within("MM", 1..=12) && within("dd", 1..=31) && within("HH", 0..=24)
}
