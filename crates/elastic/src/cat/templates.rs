//! Tables of templates.

use serde_json::Value;

use super::Table;
use super::table::{Cell, Column, column};
use crate::Elastic;
use crate::error::Error;
use crate::meta::Kind;
use crate::rest::{Answer, Call};
use crate::templates::asked;

const TEMPLATES: &[Column] = &[
    column("name", "n", "template name"),
    column("index_patterns", "t", "template index patterns"),
    column("order", "o,p", "template application order/priority number"),
    column("version", "v", "version"),
    column("composed_of", "c", "component templates comprising index template"),
];

fn list(body: &Value, key: &str) -> String {
    let list = body.get(key).and_then(Value::as_array);
    let texts: Vec<&str> = list.into_iter().flatten().filter_map(Value::as_str).collect();
    format!("[{}]", texts.join(", "))
}

/// A number as text: these columns are not right-aligned.
fn number(body: &Value, key: &str) -> Option<String> {
    body.get(key).and_then(Value::as_i64).map(|number| number.to_string())
}

/// `GET /_cat/templates`
pub(super) fn templates(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let meta = elastic.meta();
    let mut table = Table::new(TEMPLATES);
    let legacy = meta.all(Kind::Template).map(|(name, body)| (name, body, "order"));
    let composable = meta.all(Kind::IndexTemplate).map(|(name, body)| (name, body, "priority"));
    for (name, body, order) in legacy.chain(composable) {
        if !asked(&names, name) {
            continue;
        }
        let components = if order == "order" { String::new() } else { list(body, "composed_of") };
        table.row(vec![
            name.as_str().into(),
            list(body, "index_patterns").into(),
            number(body, order).unwrap_or_else(|| "0".to_owned()).into(),
            number(body, "version").map_or(Cell::Missing, Cell::from),
            components.into(),
        ]);
    }
    table.answer(call)
}

const COMPONENTS: &[Column] = &[
    column("name", "n", "component template name"),
    column("version", "v", "version"),
    column("mapping_count", "mc", "number of mapped fields"),
    column("settings_count", "sc", "number of settings"),
    column("alias_count", "ac", "number of aliases"),
];

/// `GET /_cat/component_templates`
pub(super) fn components(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let names = call.params.list("name").unwrap_or_default();
    let mut table = Table::new(COMPONENTS);
    for (name, body) in elastic.meta().all(Kind::ComponentTemplate) {
        if !asked(&names, name) {
            continue;
        }
        let size = |path: &str| {
            let members = body.pointer(path).and_then(Value::as_object);
            Cell::from(crate::number::count(members.map_or(0, serde_json::Map::len)))
        };
        table.row(vec![
            name.as_str().into(),
            number(body, "version").map_or(Cell::Missing, Cell::from),
            size("/template/mappings/properties"),
            size("/template/settings"),
            size("/template/aliases"),
        ]);
    }
    table.answer(call)
}
