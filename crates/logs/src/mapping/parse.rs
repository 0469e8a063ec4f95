//! A mapping out of JSON.

use serde_json::{Map, Value};

use super::dynamic::Template;
use super::types::PARAMS;
use super::{DEPTH_MAX, Dynamic, Field, FieldType, Mapping};

/// Most fields of a mapping, objects and multi-fields included.
pub const FIELDS_MAX: usize = 100_000;

/// Why a mapping cannot be taken. The texts are Elasticsearch's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// It is no mapping (`mapper_parsing_exception`).
    #[error("{0}")]
    Parse(String),
    /// It contradicts the mapping that is there, or itself (`illegal_argument_exception`).
    #[error("{0}")]
    Illegal(String),
}

/// Root keys that are kept as they are.
const ROOT_KEYS: &[&str] = &[
    "_data_stream_timestamp",
    "_doc_count",
    "_field_names",
    "_meta",
    "_routing",
    "_size",
    "_source",
    "context_aware_grouping",
    "date_detection",
    "derived",
    "disable_objects",
    "dynamic_date_formats",
    "dynamic_templates",
    "numeric_detection",
    "runtime",
    "subobjects",
];

fn bad(text: impl Into<String>) -> MappingError {
    MappingError::Parse(text.into())
}

impl Mapping {
    /// The mapping that `value` (an object with `properties` and the like) says.
    ///
    /// # Errors
    /// [`MappingError`] with Elasticsearch's text, without its `Failed to parse mapping [_doc]: `.
    pub fn parse(value: &Value) -> Result<Self, MappingError> {
        let Value::Object(body) = value else {
            return Err(bad("mapping must be an object"));
        };
        let mut mapping = Self::default();
        let mut count = 0;
        let flat = is_flat(body);
        for (key, value) in body {
            match key.as_str() {
                "properties" => {
                    let properties = properties_of("_doc", value)?;
                    for (name, value) in properties {
                        let mut parser = Parser { count: &mut count, depth: 1, flat };
                        parser.property(&mut mapping.root, name, value)?;
                    }
                }
                "dynamic" => set_dynamic(&mut mapping.root, value)?,
                "type" if value == "object" => {}
                // What older clients send, and nothing reads.
                "_all" | "_default_" | "_timestamp" | "_ttl" | "_id" => {}
                "dynamic_templates" => {
                    Template::parse_all(value)?;
                    mapping.meta.insert(key.clone(), value.clone());
                }
                known if ROOT_KEYS.contains(&known) => {
                    mapping.meta.insert(key.clone(), value.clone());
                }
                _ => {
                    return Err(bad(format!(
                        "Root mapping definition has unsupported parameters:  [{key} : {}]",
                        shown(value)
                    )));
                }
            }
        }
        mapping.check_references()?;
        Ok(mapping)
    }

    /// Aliases lead to fields.
    fn check_references(&self) -> Result<(), MappingError> {
        self.check_aliases(&self.root, "", 0)
    }

    fn check_aliases(&self, field: &Field, path: &str, depth: usize) -> Result<(), MappingError> {
        if depth > DEPTH_MAX {
            return Ok(());
        }
        for (name, child) in &field.properties {
            let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if child.kind == FieldType::Alias {
                let target = child.params.get("path").and_then(Value::as_str).unwrap_or_default();
                let problem = match self.find(target) {
                    _ if target == full => "an alias cannot refer to itself.",
                    None => "an alias must refer to an existing field in the mappings.",
                    Some(found) if found.field.kind == FieldType::Alias => {
                        "an alias cannot refer to another alias."
                    }
                    Some(found) if found.field.kind.is_object() => {
                        "an alias must refer to an existing field in the mappings."
                    }
                    Some(_) => continue,
                };
                return Err(bad(format!(
                    "Invalid [path] value [{target}] for field alias [{full}]: {problem}"
                )));
            }
            self.check_aliases(child, &full, depth + 1)?;
        }
        Ok(())
    }
}

impl Field {
    /// One field as `value` says; `name` is for errors.
    ///
    /// # Errors
    /// As [`Mapping::parse`].
    pub fn parse(name: &str, value: &Value) -> Result<Self, MappingError> {
        Parser { count: &mut 0, depth: 1, flat: true }.field(name, value)
    }
}

struct Parser<'a> {
    count: &'a mut usize,
    depth: usize,
    /// Whether dots in names are kept.
    flat: bool,
}

impl Parser<'_> {
    /// Puts the property `name` into `object`; a dotted name makes objects.
    fn property(
        &mut self,
        object: &mut Field,
        name: &str,
        value: &Value,
    ) -> Result<(), MappingError> {
        if name.trim().is_empty() {
            return Err(MappingError::Illegal("name cannot be empty string".to_owned()));
        }
        let Some((head, tail)) = name.split_once('.').filter(|_| !self.flat) else {
            let field = self.field(name, value)?;
            if let Some(there) = object.properties.get_mut(name) {
                // `a.b` stood before `a`.
                *there = there.merged(name, &field)?;
            } else {
                object.properties.insert(name.to_owned(), field);
            }
            return Ok(());
        };
        if head.is_empty() || tail.is_empty() {
            return Err(MappingError::Illegal(format!(
                "object field starting or ending with a [.] makes object resolution ambiguous: [{name}]"
            )));
        }
        self.deeper(name)?;
        let child = object
            .properties
            .entry(head.to_owned())
            .or_insert_with(|| Field::new(FieldType::Object));
        let put = self.property(child, tail, value);
        self.depth -= 1;
        put
    }

    fn deeper(&mut self, name: &str) -> Result<(), MappingError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(MappingError::Illegal(format!(
                "Limit of mapping depth [{DEPTH_MAX}] has been exceeded due to object field [{name}]"
            )));
        }
        Ok(())
    }

    fn field(&mut self, name: &str, value: &Value) -> Result<Field, MappingError> {
        *self.count += 1;
        if *self.count > FIELDS_MAX {
            return Err(MappingError::Illegal(format!(
                "Limit of total fields [{FIELDS_MAX}] has been exceeded"
            )));
        }
        let Value::Object(body) = value else {
            return Err(bad(format!(
                "Expected map for property [fields] on field [{name}] but got a class {}",
                class_of(value)
            )));
        };
        let kind = kind_of(name, body)?;
        let mut field = Field::new(kind);
        let flat = self.flat || is_flat(body);
        for (key, value) in body {
            match key.as_str() {
                "type" => {
                    if value.as_str().is_some_and(|written| written != kind.name()) {
                        field.params.insert(key.clone(), value.clone());
                    }
                }
                "properties" if kind.is_object() => {
                    self.deeper(name)?;
                    for (name, value) in properties_of(name, value)? {
                        let mut parser =
                            Parser { count: &mut *self.count, depth: self.depth, flat };
                        parser.property(&mut field, name, value)?;
                    }
                    self.depth -= 1;
                }
                "dynamic" if kind.is_object() => set_dynamic(&mut field, value)?,
                "fields" if !kind.is_object() => {
                    self.deeper(name)?;
                    self.multi_fields(&mut field, name, value)?;
                    self.depth -= 1;
                }
                // `precision_step` and `boost` mean nothing any more.
                "precision_step" => {}
                known if PARAMS.binary_search(&known).is_ok() => {
                    field.params.insert(key.clone(), plain_param(key, value));
                }
                _ => {
                    return Err(bad(format!(
                        "unknown parameter [{key}] on mapper [{name}] of type [{}]",
                        body.get("type").and_then(Value::as_str).unwrap_or("object")
                    )));
                }
            }
        }
        check(name, &field)?;
        Ok(field)
    }

    fn multi_fields(
        &mut self,
        field: &mut Field,
        name: &str,
        value: &Value,
    ) -> Result<(), MappingError> {
        let fields = match value {
            Value::Object(fields) => fields,
            // What PHP makes of an empty object.
            Value::Array(list) if list.is_empty() => return Ok(()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => {
                return Err(bad(format!(
                    "expected map for property [fields] on field [{name}] but got a class {}",
                    class_of(value)
                )));
            }
        };
        for (sub, value) in fields {
            if sub.contains('.') {
                return Err(bad(format!(
                    "Field name [{sub}] which is a multi field of [{name}] cannot contain '.'"
                )));
            }
            let parsed = self.field(sub, value)?;
            if parsed.kind.is_object() {
                return Err(bad(format!(
                    "Type [{}] cannot be used in multi field",
                    parsed.kind.name()
                )));
            }
            field.fields.insert(sub.clone(), parsed);
        }
        Ok(())
    }
}

/// What single types ask for.
fn check(name: &str, field: &Field) -> Result<(), MappingError> {
    let lacks = |kind: FieldType, key: &str| field.kind == kind && !field.params.contains_key(key);
    if lacks(FieldType::ScaledFloat, "scaling_factor") {
        return Err(bad("Field [scaling_factor] is required"));
    }
    if lacks(FieldType::Alias, "path") {
        return Err(bad(format!("The [path] property must be specified for field [{name}].")));
    }
    if lacks(FieldType::TokenCount, "analyzer") {
        return Err(bad(format!("Analyzer must be set for field [{name}] but wasn't.")));
    }
    Ok(())
}

fn kind_of(name: &str, body: &Map<String, Value>) -> Result<FieldType, MappingError> {
    match body.get("type") {
        None | Some(Value::Null) => {
            let is_object = ["properties", "dynamic", "enabled", "subobjects"]
                .iter()
                .any(|key| body.contains_key(*key));
            if is_object || body.is_empty() {
                return Ok(FieldType::Object);
            }
            Err(bad(format!("No type specified for field [{name}]")))
        }
        Some(Value::String(kind)) => FieldType::named(kind)
            .ok_or_else(|| bad(format!("No handler for type [{kind}] declared on field [{name}]"))),
        Some(other) => {
            Err(bad(format!("No handler for type [{}] declared on field [{name}]", shown(other))))
        }
    }
}

fn set_dynamic(field: &mut Field, value: &Value) -> Result<(), MappingError> {
    let text = match value.as_bool() {
        Some(true) => "true",
        Some(false) => "false",
        None => value.as_str().unwrap_or_default(),
    };
    let dynamic = Dynamic::named(text).ok_or_else(|| {
        bad(format!(
            "Could not convert [dynamic] to boolean: Failed to parse value [{}] as only [true] or [false] are allowed.",
            shown(value)
        ))
    })?;
    field.dynamic = Some(dynamic);
    if text == dynamic.name() {
        field.params.remove("dynamic");
    } else {
        field.params.insert("dynamic".to_owned(), value.clone());
    }
    Ok(())
}

fn properties_of<'a>(
    name: &str,
    value: &'a Value,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, MappingError> {
    match value {
        Value::Object(properties) => Ok(Some(properties).into_iter().flatten()),
        Value::Array(list) if list.is_empty() => Ok(None.into_iter().flatten()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(bad(format!("Expected map for property [properties] on field [{name}]")))
        }
    }
}

/// Booleans may come as texts.
fn plain_param(key: &str, value: &Value) -> Value {
    match value.as_str().filter(|_| !matches!(key, "null_value" | "value" | "path")) {
        Some("true") => Value::Bool(true),
        Some("false") => Value::Bool(false),
        Some(_) | None => value.clone(),
    }
}

/// Whether an object of these parameters keeps dots in names.
pub(super) fn is_flat(params: &Map<String, Value>) -> bool {
    let disabled = params.get("disable_objects");
    params.get("subobjects").is_some_and(is_false)
        || disabled.is_some_and(|value| value == &Value::Bool(true) || value == "true")
}

pub(super) fn is_false(value: &Value) -> bool {
    value == &Value::Bool(false) || value == "false"
}

/// A value as Java prints it in errors.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let inner: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}={}", shown(value))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn class_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(_) => "java.lang.Integer",
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.HashMap",
    }
}
