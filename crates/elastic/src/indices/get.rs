//! Indices looked at whole.

use logs::store::Index;
use serde_json::{Map, Value, json};

use crate::Elastic;
use crate::error::Error;
use crate::meta::Meta;
use crate::resolve::{self, Options};
use crate::rest::{Answer, Call, Method};
use crate::settings::{self, Flat};

/// `GET|HEAD /{index}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::admin().of(call)?;
    let targets = match resolve::targets(elastic, call.part("index"), options) {
        Err(error) if call.request.method == Method::Head && error.status == 404 => {
            return Ok(Answer::empty(404));
        }
        targets => targets?,
    };
    if call.request.method == Method::Head {
        return Ok(Answer::empty(if targets.is_empty() { 404 } else { 200 }));
    }
    let meta = elastic.meta();
    let mut out = Map::new();
    for target in targets {
        let index = &target.index;
        let mut body = json!({
            "aliases": aliases(&meta, index.name()),
            "mappings": index.mapping().to_json(),
            "settings": shown_settings(index, call, &|_| true)?,
        });
        if call.flag("include_defaults", false)? {
            let defaults = settings::defaults(&index.settings());
            body["defaults"] = settings::shown(&defaults, call.flag("flat_settings", false)?);
        }
        if let Some(stream) = meta.stream_of(index.name()) {
            body["data_stream"] = stream.into();
        }
        out.insert(index.name().to_owned(), body);
    }
    Ok(Answer::json(Value::Object(out)))
}

/// The aliases of an index as they are shown.
pub(crate) fn aliases(meta: &Meta, index: &str) -> Value {
    Value::Object(meta.aliases_of(index).cloned().unwrap_or_default())
}

/// The settings of an index that `wanted` lets through, as they are shown.
pub(super) fn shown_settings(
    index: &Index,
    call: &Call<'_>,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Value, Error> {
    let human = call.flag("human", false)?;
    let mut all: Flat = index.settings();
    all.remove(settings::CLOSED);
    let number = crate::identity::version_id(call.request.identity);
    for (name, value) in [
        ("index.creation_date", index.created_ms().to_string()),
        ("index.uuid", index.uuid().to_owned()),
        ("index.version.created", number.to_string()),
    ] {
        all.insert(name.to_owned(), value.into());
    }
    if human {
        let date = stdx::time::rfc3339_ms(index.created_ms());
        all.insert("index.creation_date_string".to_owned(), date.into());
        let version = crate::identity::version(call.request.identity);
        all.insert("index.version.created_string".to_owned(), version.into());
    }
    all.retain(|name, _| wanted(name));
    Ok(settings::shown(&all, call.flag("flat_settings", false)?))
}
