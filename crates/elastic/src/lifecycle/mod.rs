//! Lifecycles: Elasticsearch's (`_ilm`) and `OpenSearch`'s (`_plugins/_ism`) policies, as far as they roll over and delete.
//!
//! Policies are kept as they are written. What else they say (allocate, shrink, force merge, replicas …) means nothing to a store on one node and
//! is passed over; `explain` says what is honoured.

mod http;
mod policy;

use serde_json::Value;

pub(crate) use http::ROUTES;
use policy::{Due, ilm, ism};

use crate::meta::{Kind, Meta};
use crate::settings::{self, Flat};
use crate::{Changing, Elastic, indices, rollover};

/// The setting that names an index's policy of Elasticsearch's kind.
const ILM: &str = "index.lifecycle.name";
/// The same of `OpenSearch`'s kind.
const ISM: &str = "index.plugins.index_state_management.policy_id";
/// How often policies are looked at.
const EVERY: std::time::Duration = std::time::Duration::from_secs(30);

/// When policies were looked at last, in monotonic time.
#[derive(Debug, Default)]
pub(crate) struct Last(parking_lot::Mutex<Option<std::time::Duration>>);

/// Does what policies say, when it is time to look at them.
pub(crate) fn maintain(elastic: &Elastic, last: &Last) {
    let now = elastic.clock.mono();
    let mut last = last.0.lock();
    if last.is_some_and(|last| now.saturating_sub(last) < EVERY) {
        return;
    }
    *last = Some(now);
    drop(last);
    run(elastic);
}

/// Does what policies say now.
pub(crate) fn run(elastic: &Elastic) {
    for index in elastic.store.indices() {
        let meta = elastic.meta();
        let Some((kind, policy)) = of_index(&meta, index.name(), &index.settings()) else {
            continue;
        };
        let changing = elastic.change();
        let age_ms = elastic.clock.now_ms().saturating_sub(index.created_ms());
        let due = if kind == Kind::IlmPolicy { ilm(&policy, age_ms) } else { ism(&policy, age_ms) };
        apply(elastic, &changing, index.name(), &due);
    }
}

fn apply(elastic: &Elastic, changing: &Changing<'_>, index: &str, due: &Due) {
    let meta = elastic.meta();
    let is_written = is_write_index(elastic, &meta, index);
    if let (Some(conditions), Some(name)) = (&due.rollover, &is_written) {
        // What cannot be rolled over stays; it is tried again.
        let _stays = rollover::roll_if(elastic, changing, name, conditions).is_err();
    }
    let last_of_stream = meta.stream_of(index).is_some() && is_written.is_some();
    let waits = due.rollover.is_some() && is_written.is_some();
    if due.delete && !waits && !last_of_stream {
        let _stays = indices::remove(elastic, changing, index).is_err();
    }
}

/// The data stream, or the alias of its lifecycle, that writes to `index`.
fn is_write_index(elastic: &Elastic, meta: &Meta, index: &str) -> Option<String> {
    if let Some(stream) = meta.stream_of(index) {
        return (meta.backing(stream).last() == Some(&index)).then(|| stream.to_owned());
    }
    let settings = elastic.store.index(index)?.settings();
    let names =
        ["index.lifecycle.rollover_alias", "index.plugins.index_state_management.rollover_alias"];
    let alias = names.iter().find_map(|name| settings::text(&settings, name))?;
    (meta.write_index(alias) == Some(index)).then(|| alias.to_owned())
}

/// The policy that an index has: by its settings, or by the templates of a policy.
fn of_index(meta: &Meta, index: &str, settings: &Flat) -> Option<(Kind, Value)> {
    let named = |kind: Kind, name: &str| Some((kind, (**meta.get(kind, name)?).clone()));
    if let Some(name) = settings::text(settings, ILM) {
        return named(Kind::IlmPolicy, name);
    }
    if let Some(name) = settings::text(settings, ISM) {
        return named(Kind::IsmPolicy, name);
    }
    policy::by_template(meta, index).and_then(|name| named(Kind::IsmPolicy, &name))
}
