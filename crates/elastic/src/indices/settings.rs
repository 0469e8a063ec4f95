//! `_settings`, `_open`, `_close`.

use logs::mapping::simple_match;
use serde_json::{Map, Value, json};

use crate::Elastic;
use crate::error::{self, Error};
use crate::resolve::{self, Options, Target};
use crate::rest::{Answer, Call, acknowledged};
use crate::settings::{self, Flat};

use super::get::shown_settings;

/// `GET /{index}/_settings/{name}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let options = Options::admin_closed_too().of(call)?;
    let names = call.params.list("name").unwrap_or_default();
    let wanted = |name: &str| {
        names.is_empty()
            || names.iter().any(|pattern| *pattern == "_all" || simple_match(pattern, name))
    };
    let mut out = Map::new();
    for target in resolve::targets(elastic, call.part("index"), options)? {
        let index = &target.index;
        let mut body = json!({ "settings": shown_settings(index, call, &wanted)? });
        if call.flag("include_defaults", false)? {
            let mut defaults = settings::defaults(&index.settings());
            defaults.retain(|name, _| wanted(name));
            body["defaults"] = settings::shown(&defaults, call.flag("flat_settings", false)?);
        }
        out.insert(index.name().to_owned(), body);
    }
    Ok(Answer::json(Value::Object(out)))
}

/// `PUT /{index}/_settings`
pub(super) fn put(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let body = call.required_json()?;
    let body = match body.as_object() {
        Some(map) if map.len() == 1 => map.get("settings").unwrap_or(&body),
        Some(_) | None => &body,
    };
    let wanted = settings::flat(body)?;
    settings::check(&wanted)?;
    let keep = call.flag("preserve_existing", false)?;
    let reopen = call.flag("reopen", false)?;
    let _changing = elastic.change();
    let options = Options::admin_closed_too().of(call)?;
    let targets = resolve::targets(elastic, call.part("index"), options)?;
    for Target { index, .. } in &targets {
        let open = !resolve::closed(index) && !reopen;
        settings::check_change(&wanted, index.name(), index.uuid(), open)?;
    }
    for Target { index, .. } in &targets {
        set(elastic, index.name(), &wanted, keep)?;
    }
    Ok(acknowledged())
}

/// Changes settings of an index; with `keep` only those that it does not have yet.
pub(crate) fn set(elastic: &Elastic, index: &str, wanted: &Flat, keep: bool) -> Result<(), Error> {
    let changed = elastic.store.change(index, &mut |have, _| {
        for (name, value) in wanted {
            if value.is_null() {
                have.remove(name);
                if name == "index.number_of_replicas" {
                    have.insert(name.clone(), "1".into());
                }
            } else if !keep || !have.contains_key(name) {
                have.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    });
    changed.map_err(|e| error::store(&e))
}

/// `POST /{index}/_open`
pub(super) fn open(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let closed = resolve::Expand { open: false, closed: true, hidden: false };
    let options = Options { expand: closed, ..Options::admin() };
    for target in named(elastic, call, options)? {
        set_closed(elastic, target.index.name(), false)?;
    }
    Ok(Answer::json(json!({ "acknowledged": true, "shards_acknowledged": true })))
}

/// `POST /{index}/_close`
pub(super) fn close(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let mut indices = Map::new();
    let meta = elastic.meta();
    let targets = named(elastic, call, Options::admin())?;
    for target in &targets {
        let name = target.index.name();
        if let Some(stream) = meta.stream_of(name)
            && meta.backing(stream).last() == Some(&name)
        {
            return Err(Error::illegal(format!(
                "cannot close the following data stream write indices [{name}]"
            )));
        }
    }
    for target in targets {
        set_closed(elastic, target.index.name(), true)?;
        indices.insert(target.index.name().to_owned(), json!({ "closed": true }));
    }
    Ok(Answer::json(json!({
        "acknowledged": true,
        "shards_acknowledged": true,
        "indices": indices,
    })))
}

fn named(elastic: &Elastic, call: &Call<'_>, options: Options) -> Result<Vec<Target>, Error> {
    resolve::targets(elastic, call.part("index"), options.of(call)?)
}

fn set_closed(elastic: &Elastic, index: &str, closed: bool) -> Result<(), Error> {
    let _changing = elastic.change();
    let mut wanted = Flat::new();
    let value = if closed { Value::from("true") } else { Value::Null };
    wanted.insert(settings::CLOSED.to_owned(), value);
    set(elastic, index, &wanted, false)
}
