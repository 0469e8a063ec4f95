//! What is answered to a write.

use logs::store::Index;
use serde_json::{Map, Value, json};

use super::{Kind, Written};
use crate::error::Error;
use crate::indices::shards;
use crate::rest::Call;

/// Whether `refresh` asks for one: `None` when it does not (then nothing is said of it).
pub(super) fn refreshed(call: &Call<'_>) -> Result<Option<bool>, Error> {
    match call.param("refresh") {
        None | Some("false") => Ok(None),
        Some("" | "true") => Ok(Some(true)),
        // Everything that is acknowledged can be searched: there is nothing to wait for.
        Some("wait_for") => Ok(Some(false)),
        Some(other) => Err(Error::illegal(format!("Unknown value for refresh: [{other}]."))),
    }
}

/// The body of a single write's answer, and of an item of a bulk's without its status.
pub(super) fn written(
    index: &Index,
    written: &Written,
    refreshed: Option<bool>,
) -> Map<String, Value> {
    let (_, copies) = shards(index);
    let mut out = Map::new();
    out.insert("_index".to_owned(), index.name().into());
    out.insert("_id".to_owned(), written.id.clone().into());
    out.insert("_version".to_owned(), written.version.into());
    out.insert("result".to_owned(), written.result().into());
    if refreshed == Some(true) {
        out.insert("forced_refresh".to_owned(), true.into());
    }
    out.insert("_shards".to_owned(), json!({ "total": copies, "successful": 1, "failed": 0 }));
    out.insert("_seq_no".to_owned(), written.seq.into());
    out.insert("_primary_term".to_owned(), 1.into());
    out
}

/// An item of a bulk's answer that was written, as JSON text.
pub(super) fn push_item(
    out: &mut String,
    kind: Kind,
    (index, copies): (&str, u64),
    item: &Written,
    forced: bool,
) {
    use std::fmt::Write as _;
    let forced = if forced { r#""forced_refresh":true,"# } else { "" };
    // Names of indices need no escapes.
    let written = write!(
        out,
        r#"{{"{}":{{"_index":"{}","_id":{},"_version":{},"result":"{}",{forced}"_shards":{{"total":{copies},"successful":1,"failed":0}},"_seq_no":{},"_primary_term":1,"status":{}}}}}"#,
        kind.name(),
        index,
        Value::from(item.id.as_str()),
        item.version,
        item.result(),
        item.seq,
        item.status()
    );
    written.expect("a String takes everything");
}

/// An item of a bulk's answer that failed, as JSON text.
pub(super) fn push_error(
    out: &mut String,
    kind: Kind,
    index: &str,
    id: Option<&str>,
    error: &Error,
) {
    use std::fmt::Write as _;
    let id = id.map_or(Value::Null, Value::from);
    let written = write!(
        out,
        r#"{{"{}":{{"_index":{},"_id":{id},"status":{},"error":{}}}}}"#,
        kind.name(),
        Value::from(index),
        error.status,
        error.object()
    );
    written.expect("a String takes everything");
}
