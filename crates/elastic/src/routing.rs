//! Routing: which shard a document would be on. We have no shards, but a document that was written with a routing value is found by its identifier
//! only with one that leads to the same shard, and clients know that.

use logs::store::Index;
use serde_json::Value;

use crate::Elastic;
use crate::docs::Doc;
use crate::error::Error;
use crate::indices::shards;

/// The routing value of a write to `name`: what the request says, or what the alias has.
pub(crate) fn of_write(
    elastic: &Elastic,
    name: &str,
    said: Option<&str>,
) -> Result<Option<String>, Error> {
    of_alias(elastic, name, said, "index_routing")
}

/// The routing value of a read by identifier.
pub(crate) fn of_read(
    elastic: &Elastic,
    name: &str,
    said: Option<&str>,
) -> Result<Option<String>, Error> {
    of_alias(elastic, name, said, "search_routing")
}

fn of_alias(
    elastic: &Elastic,
    name: &str,
    said: Option<&str>,
    key: &str,
) -> Result<Option<String>, Error> {
    let meta = elastic.meta();
    let alias = meta.alias(name).and_then(|indices| {
        let index = meta.write_index(name).or(indices.first().map(String::as_str))?;
        meta.aliases_of(index)?.get(name)?.get(key)?.as_str().map(str::to_owned)
    });
    match (alias, said) {
        (Some(alias), Some(said)) if alias != said => Err(Error::illegal(format!(
            "Alias [{name}] has index routing associated with it [{alias}], and was provided with routing value [{said}], rejecting operation"
        ))),
        (Some(alias), _) => Ok(Some(alias)),
        (None, said) => Ok(said.filter(|said| !said.is_empty()).map(str::to_owned)),
    }
}

/// Refuses a request without a routing value where the mapping asks for one.
pub(crate) fn check_required(
    index: &Index,
    id: Option<&str>,
    routing: Option<&str>,
) -> Result<(), Error> {
    let mapping = index.mapping();
    let required = mapping.meta.get("_routing").and_then(|of| of.get("required"));
    if routing.is_some() || required != Some(&Value::Bool(true)) {
        return Ok(());
    }
    let reason = format!("routing is required for [{}]/[{}]", index.name(), id.unwrap_or("null"));
    Err(Error::new(400, "routing_missing_exception", reason)
        .with("index", index.name())
        .with("index_uuid", index.uuid()))
}

/// Whether a document with the routing value `have` is found with the routing value `asked`.
pub(crate) fn same_shard(index: &Index, id: &str, have: Option<&str>, asked: Option<&str>) -> bool {
    let (have, asked) = (have.unwrap_or(id), asked.unwrap_or(id));
    have == asked || {
        let (count, _) = shards(index);
        shard(have, count) == shard(asked, count)
    }
}

/// Whether a write by identifier meets the document that is there.
pub(crate) fn reaches(elastic: &Elastic, doc: &Doc<'_>) -> bool {
    let _ = elastic;
    let Some(id) = &doc.id else { return true };
    match doc.index.get(id) {
        Ok(Some(there)) => {
            same_shard(&doc.index, id, there.routing.as_deref(), doc.routing.as_deref())
        }
        Ok(None) | Err(_) => true,
    }
}

/// How many slices the hash's range has, of which each shard gets the same number.
pub(crate) fn routing_shards(count: u64) -> u64 {
    let count = count.max(1);
    let bits = 64 - (count - 1).leading_zeros();
    count << 10_u32.saturating_sub(bits).max(1)
}

/// The shard of `count` that `routing` leads to.
fn shard(routing: &str, count: u64) -> u64 {
    let slices = routing_shards(count);
    let hash = i64::from(murmur3(routing));
    let slice = hash.rem_euclid(i64::try_from(slices).unwrap_or(i64::MAX));
    u64::try_from(slice).unwrap_or(0) / (slices / count.max(1)).max(1)
}

/// `Murmur3` (x86, 32 bits, seed 0) over the text's UTF-16.
fn murmur3(text: &str) -> i32 {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut hash = 0_u32;
    let mix = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let word = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        hash = (hash ^ mix(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    let mut tail = 0_u32;
    for (at, byte) in chunks.remainder().iter().enumerate() {
        tail |= u32::from(*byte) << (8 * at);
    }
    hash ^= mix(tail);
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_elasticsearchs() {
        // The values that Elasticsearch's own tests have.
        for (text, want) in [
            ("hell", 0x5a0c_b7c3_u32),
            ("hello", 0xd7c3_1989),
            ("hello w", 0x22ab_2984),
            ("hello wo", 0xdf0c_a123),
            ("hello wor", 0xe7744d61),
        ] {
            assert_eq!(murmur3(text).cast_unsigned(), want, "{text}");
        }
        assert_eq!((routing_shards(1), routing_shards(3)), (1024, 768));
    }
}
