//! Which index a write goes to: names, aliases, data streams; an index that is not there yet is made.

use std::sync::Arc;

use logs::store::Index;

use super::Kind;
use crate::error::Error;
use crate::meta::{self, Meta};
use crate::resolve;
use crate::settings;
use crate::{Changing, Elastic, indices, streams, templates};

/// What the name has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Need {
    pub(crate) alias: bool,
    pub(crate) stream: bool,
}

/// The index that a write of `kind` to `name` goes to.
pub(crate) fn place(
    elastic: &Elastic,
    name: &str,
    kind: Kind,
    need: Need,
) -> Result<Arc<Index>, Error> {
    let name = resolve::one_name(elastic, name)?;
    check_need(&elastic.meta(), &name, need)?;
    if let Some(index) = there(elastic, &elastic.meta(), &name, kind)? {
        return Ok(index);
    }
    if kind == Kind::Delete {
        return Err(Error::no_index(&name));
    }
    let changing = elastic.change();
    // Somebody else may have made it meanwhile.
    if let Some(index) = there(elastic, &elastic.meta(), &name, kind)? {
        return Ok(index);
    }
    make(elastic, &changing, &name, kind)
}

fn check_need(meta: &Meta, name: &str, need: Need) -> Result<(), Error> {
    let missing = |flag: &str, what: &str| {
        let mut error = Error::no_index(name);
        error.reason = format!(
            "no such index [{name}] and [{flag}] request flag is [true] and [{name}] is not {what}"
        );
        Err(error)
    };
    if need.alias && meta.alias(name).is_none() {
        return missing("require_alias", "an alias");
    }
    if need.stream && meta.stream(name).is_none() && !makes_stream(meta, name) {
        return missing("require_data_stream", "a data stream");
    }
    Ok(())
}

fn makes_stream(meta: &Meta, name: &str) -> bool {
    templates::for_index(meta, name).is_ok_and(|base| base.is_some_and(|base| base.is_stream))
}

/// The index, if it is there and takes the write.
fn there(
    elastic: &Elastic,
    meta: &Meta,
    name: &str,
    kind: Kind,
) -> Result<Option<Arc<Index>>, Error> {
    let index = if let Some(index) = elastic.store.index(name) {
        Some(index)
    } else if let Some(indices) = meta.alias(name) {
        let write = meta.write_index(name).ok_or_else(|| no_write_index(name, indices, kind))?;
        elastic.store.index(write)
    } else if meta.stream(name).is_some() {
        if kind != Kind::Create {
            return Err(Error::illegal(
                "only write ops with an op_type of create are allowed in data streams",
            ));
        }
        meta.backing(name).last().and_then(|index| elastic.store.index(index))
    } else {
        None
    };
    if let Some(index) = &index {
        check_writable(index)?;
    }
    Ok(index)
}

fn no_write_index(alias: &str, indices: &[String], kind: Kind) -> Error {
    if kind == Kind::Delete && indices.len() > 1 {
        return several(alias, indices);
    }
    Error::illegal(format!(
        "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
    ))
}

/// Refuses what can only be done to one index.
pub(crate) fn several(alias: &str, indices: &[String]) -> Error {
    Error::illegal(format!(
        "alias [{alias}] has more than one index associated with it [{}], can't execute a single index op",
        indices.join(", ")
    ))
}

/// Refuses writes to a closed or blocked index.
pub(crate) fn check_writable(index: &Index) -> Result<(), Error> {
    let settings = index.settings();
    if settings::is_set(&settings, settings::CLOSED) {
        return Err(Error::new(400, "index_closed_exception", "closed")
            .with("index", index.name())
            .with("index_uuid", index.uuid()));
    }
    for (name, what) in [
        ("index.blocks.read_only", "FORBIDDEN/5/index read-only (api)"),
        ("index.blocks.write", "FORBIDDEN/8/index write (api)"),
        (
            "index.blocks.read_only_allow_delete",
            "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block",
        ),
    ] {
        if settings::is_set(&settings, name) {
            let status = if what.starts_with("TOO") { 429 } else { 403 };
            let reason = format!("index [{}] blocked by: [{what}];", index.name());
            return Err(
                Error::new(status, "cluster_block_exception", reason).with("index", index.name())
            );
        }
    }
    Ok(())
}

/// Makes the index or data stream that a first write asks for.
fn make(
    elastic: &Elastic,
    changing: &Changing<'_>,
    name: &str,
    kind: Kind,
) -> Result<Arc<Index>, Error> {
    let meta = elastic.meta();
    indices::check_name(name)?;
    let base = templates::for_index(&meta, name)?;
    if !may_auto_create(&meta, name) {
        let mut error = Error::no_index(name);
        error.reason =
            format!("no such index [{name}] and [action.auto_create_index] does not allow it");
        return Err(error);
    }
    match base {
        Some(base) if base.is_stream => {
            if kind != Kind::Create {
                return Err(Error::illegal(
                    "only write ops with an op_type of create are allowed in data streams",
                ));
            }
            streams::create(elastic, changing, name, base)
        }
        base => {
            let wanted = base.map(|base| base.wanted).unwrap_or_default();
            indices::create(elastic, changing, name, wanted)
        }
    }
}

/// What the cluster's setting `action.auto_create_index` says of `name`.
fn may_auto_create(meta: &Meta, name: &str) -> bool {
    let document = meta.get(meta::Kind::Cluster, "settings");
    let said = |scope: &str| {
        document.and_then(|d| d.get(scope)?.get("action.auto_create_index")?.as_str())
    };
    let Some(rule) = said("transient").or_else(|| said("persistent")) else { return true };
    match rule {
        "true" => return true,
        "false" => return false,
        _ => {}
    }
    for pattern in rule.split(',').map(str::trim) {
        let (allowed, pattern) = match pattern.strip_prefix('-') {
            Some(pattern) => (false, pattern),
            None => (true, pattern.strip_prefix('+').unwrap_or(pattern)),
        };
        if logs::mapping::simple_match(pattern, name) {
            return allowed;
        }
    }
    false
}
