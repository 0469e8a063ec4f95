//! Two mappings into one, and a mapping as JSON.

use serde_json::{Map, Value};

use super::{DEPTH_MAX, Field, FieldType, Mapping, MappingError};

/// Parameters that may change while an index has documents.
const CHANGEABLE: &[&str] = &[
    "boost",
    "coerce",
    "copy_to",
    "depth_limit",
    "dynamic",
    "eager_global_ordinals",
    "enabled",
    "fielddata",
    "fielddata_frequency_filter",
    "ignore_above",
    "ignore_malformed",
    "ignore_z_value",
    "include_in_parent",
    "include_in_root",
    "locale",
    "max_input_length",
    "meta",
    "path",
    "relations",
    "search_analyzer",
    "search_quote_analyzer",
    "split_queries_on_whitespace",
    "subobjects",
    "time_series_metric",
    "value",
];

/// Parameters whose absence says the same as this value.
const DEFAULTS: &[(&str, &str)] = &[
    ("doc_values", "true"),
    ("index", "true"),
    ("norms", "true"),
    ("store", "false"),
    ("analyzer", "\"default\""),
    ("similarity", "\"BM25\""),
    ("index_options", "\"positions\""),
    ("term_vector", "\"no\""),
    ("format", "\"strict_date_optional_time||epoch_millis\""),
];

impl Mapping {
    /// This mapping with `other` in addition; where both speak, `other` wins if it may.
    ///
    /// # Errors
    /// [`MappingError::Illegal`] when a field would change its type or how its values are kept.
    pub fn merge(&self, other: &Self) -> Result<Self, MappingError> {
        let mut merged = self.clone();
        merged.root = self.root.merge_at("", &other.root, 0)?;
        for (key, value) in &other.meta {
            let both = (merged.meta.get_mut(key), value);
            if key == "dynamic_templates"
                && let (Some(Value::Array(have)), Value::Array(new)) = both
            {
                merge_templates(have, new);
            } else {
                merged.meta.insert(key.clone(), value.clone());
            }
        }
        Ok(merged)
    }

    /// This mapping with `other` laid over it: objects are put together, any other field of `other` takes the place of ours. That is how templates
    /// are composed.
    #[must_use]
    pub fn overlaid(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        merged.root = self.root.overlay(&other.root, 0);
        for (key, value) in &other.meta {
            let both = (merged.meta.get_mut(key), value);
            match both {
                (Some(Value::Array(have)), Value::Array(new)) if key == "dynamic_templates" => {
                    merge_templates(have, new);
                }
                (Some(Value::Object(have)), Value::Object(new)) => have.extend(new.clone()),
                (Some(_) | None, _) => {
                    merged.meta.insert(key.clone(), value.clone());
                }
            }
        }
        merged
    }

    /// As `_mapping` shows it: an object without members when nothing is known.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        put_dynamic(&self.root, &mut object);
        object.extend(self.meta.clone());
        if !self.root.properties.is_empty() {
            object.insert("properties".to_owned(), properties_json(&self.root, 0));
        }
        Value::Object(object)
    }
}

/// A template of the same name is replaced in its place.
fn merge_templates(have: &mut Vec<Value>, new: &[Value]) {
    let name = |value: &Value| value.as_object().and_then(|map| map.keys().next().cloned());
    for template in new {
        match have.iter_mut().find(|there| name(there) == name(template)) {
            Some(there) => *there = template.clone(),
            None => have.push(template.clone()),
        }
    }
}

impl Field {
    /// This field with what `other` adds; `path` is for errors.
    ///
    /// # Errors
    /// As [`Mapping::merge`].
    pub fn merged(&self, path: &str, other: &Self) -> Result<Self, MappingError> {
        self.merge_at(path, other, 0)
    }

    fn overlay(&self, other: &Self, depth: usize) -> Self {
        if !self.kind.is_object() || !other.kind.is_object() || depth > DEPTH_MAX {
            return other.clone();
        }
        let mut merged = self.clone();
        merged.kind = other.kind;
        merged.dynamic = other.dynamic.or(self.dynamic);
        merged.params.extend(other.params.clone());
        for (name, field) in &other.properties {
            let field = match self.properties.get(name) {
                Some(have) => have.overlay(field, depth + 1),
                None => field.clone(),
            };
            merged.properties.insert(name.clone(), field);
        }
        merged
    }

    fn merge_at(&self, path: &str, other: &Self, depth: usize) -> Result<Self, MappingError> {
        let illegal = |text: String| Err(MappingError::Illegal(text));
        if depth > DEPTH_MAX {
            return illegal(format!("Limit of mapping depth [{DEPTH_MAX}] has been exceeded"));
        }
        match (self.kind.is_object(), other.kind.is_object()) {
            (true, false) => {
                return illegal(format!(
                    "can't merge a non object mapping [{path}] with an object mapping"
                ));
            }
            (false, true) => {
                return illegal(format!(
                    "can't merge an object mapping [{path}] with a non object mapping"
                ));
            }
            (true, true) if self.kind != other.kind => {
                let (from, to) = if self.kind == FieldType::Nested {
                    ("nested", "non-nested")
                } else {
                    ("non-nested", "nested")
                };
                return illegal(format!("cannot change object mapping from {from} to {to}"));
            }
            (false, false) if self.kind != other.kind => {
                return illegal(format!(
                    "mapper [{path}] cannot be changed from type [{}] to [{}]",
                    self.type_name(),
                    other.type_name()
                ));
            }
            (true, true) | (false, false) => {}
        }
        let mut merged = self.clone();
        if other.dynamic.is_some() {
            merged.dynamic = other.dynamic;
        }
        merged.params = self.merge_params(path, other)?;
        for (name, field) in &other.fields {
            let full = join(path, name);
            let field = match self.fields.get(name) {
                Some(have) => have.merge_at(&full, field, depth + 1)?,
                None => field.clone(),
            };
            merged.fields.insert(name.clone(), field);
        }
        for (name, field) in &other.properties {
            let full = join(path, name);
            let field = match self.properties.get(name) {
                Some(have) => have.merge_at(&full, field, depth + 1)?,
                None => field.clone(),
            };
            merged.properties.insert(name.clone(), field);
        }
        Ok(merged)
    }

    fn merge_params(&self, path: &str, other: &Self) -> Result<Map<String, Value>, MappingError> {
        if self.kind.is_object() {
            let mut params = self.params.clone();
            params.extend(other.params.clone());
            return Ok(params);
        }
        let mut conflicts = Vec::new();
        let names = self.params.keys().chain(other.params.keys());
        for name in names.filter(|name| !CHANGEABLE.contains(&name.as_str())) {
            let (have, new) = (param(self, name), param(other, name));
            let text = format!("Cannot update parameter [{name}] from [{have}] to [{new}]");
            if have != new && !conflicts.contains(&text) {
                conflicts.push(text);
            }
        }
        if !conflicts.is_empty() {
            return Err(MappingError::Illegal(format!(
                "Mapper for [{path}] conflicts with existing mapper:\n\t{}",
                conflicts.join("\n\t")
            )));
        }
        Ok(other.params.clone())
    }

    fn type_name(&self) -> &str {
        self.params.get("type").and_then(Value::as_str).unwrap_or_else(|| self.kind.name())
    }

    /// As it stands in a mapping.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.json_at(0)
    }

    fn json_at(&self, depth: usize) -> Value {
        let mut object = Map::new();
        let bare = self.properties.is_empty() && self.dynamic.is_none() && self.params.is_empty();
        if self.kind != FieldType::Object || bare || self.params.contains_key("type") {
            object.insert("type".to_owned(), self.type_name().into());
        }
        put_dynamic(self, &mut object);
        for (key, value) in self.params.iter().filter(|(key, _)| *key != "type") {
            object.insert(key.clone(), value.clone());
        }
        if depth < DEPTH_MAX {
            if !self.fields.is_empty() {
                let fields = self.fields.iter();
                let fields = fields.map(|(name, field)| (name.clone(), field.json_at(depth + 1)));
                object.insert("fields".to_owned(), Value::Object(fields.collect()));
            }
            if !self.properties.is_empty() {
                object.insert("properties".to_owned(), properties_json(self, depth + 1));
            }
        }
        Value::Object(object)
    }
}

fn param(field: &Field, name: &str) -> String {
    let default = || DEFAULTS.iter().find(|(key, _)| *key == name).map(|(_, text)| *text);
    let text = match field.params.get(name) {
        Some(value) => value.to_string(),
        None => default().unwrap_or("null").to_owned(),
    };
    text.trim_matches('"').to_owned()
}

fn put_dynamic(field: &Field, object: &mut Map<String, Value>) {
    if let Some(dynamic) = field.dynamic {
        let written = field.params.get("dynamic").cloned();
        object.insert("dynamic".to_owned(), written.unwrap_or_else(|| dynamic.name().into()));
    }
}

fn properties_json(field: &Field, depth: usize) -> Value {
    let properties = field.properties.iter();
    Value::Object(properties.map(|(name, field)| (name.clone(), field.json_at(depth))).collect())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
