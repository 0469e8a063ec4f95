//! Whom the server says it is: `/`, and what depends on it.

use logs::store::Store;
use serde_json::{Value, json};
use stdx::clock::Clock;
use stdx::rand::Rng;

use crate::Elastic;
use crate::error::Error;
use crate::rest::{Answer, Call, Identity, Method};

/// The Elasticsearch whose REST surface is spoken.
pub(crate) const ELASTICSEARCH: &str = "8.19.0";
/// The `OpenSearch` whose REST surface is spoken.
pub(crate) const OPENSEARCH: &str = "3.6.0";
/// Stands where a build's hash is asked for: ours is no build of theirs.
const BUILD_HASH: &str = "0000000000000000000000000000000000000000";
const BUILD_DATE: &str = "2026-01-01T00:00:00.000000000Z";

/// Letters of identifiers: safe in URLs.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The kind and key under which the cluster's identifier is kept.
const UUID: (&str, &str) = ("identity", "cluster_uuid");

/// The cluster's identifier: kept from the first start on. One that cannot be stored is made anew at the next start.
pub(crate) fn cluster_uuid(store: &Store, clock: &dyn Clock, seed: u64) -> String {
    let kept = store.list(UUID.0).into_iter().find(|(key, _)| key == UUID.1);
    if let Some(uuid) = kept.and_then(|(_, bytes)| String::from_utf8(bytes).ok()) {
        return uuid;
    }
    let time = u64::try_from(clock.now_ms()).unwrap_or(0);
    let mut random = Rng::new(seed ^ time.rotate_left(20));
    let uuid: String = (0..22)
        .map(|_| char::from(LETTERS[usize::try_from(random.below(64)).unwrap_or(0)]))
        .collect();
    let _not_kept = store.put(UUID.0, UUID.1, Some(uuid.as_bytes())).is_err();
    uuid
}

/// The version that `identity` has.
pub(crate) fn version(identity: Identity) -> &'static str {
    match identity {
        Identity::Elasticsearch => ELASTICSEARCH,
        Identity::OpenSearch => OPENSEARCH,
    }
}

/// The value of a `Warning` header.
pub(crate) fn warning(identity: Identity, text: &str) -> String {
    let product = match identity {
        Identity::Elasticsearch => "Elasticsearch",
        Identity::OpenSearch => "OpenSearch",
    };
    let text: String = text
        .chars()
        .map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' })
        .collect();
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("299 {product}-{}-{BUILD_HASH} \"{text}\"", version(identity))
}

/// `/`
pub(crate) fn root(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    if call.request.method == Method::Head {
        return Ok(Answer::empty(200));
    }
    let (version, tagline) = match call.request.identity {
        Identity::Elasticsearch => (elasticsearch(), "You Know, for Search"),
        Identity::OpenSearch => (opensearch(), "The OpenSearch Project: https://opensearch.org/"),
    };
    Ok(Answer::json(json!({
        "name": elastic.options.node_name,
        "cluster_name": elastic.options.cluster_name,
        "cluster_uuid": elastic.cluster_uuid,
        "version": version,
        "tagline": tagline,
    })))
}

fn elasticsearch() -> Value {
    json!({
        "number": ELASTICSEARCH,
        "build_flavor": "default",
        "build_type": "tar",
        "build_hash": BUILD_HASH,
        "build_date": BUILD_DATE,
        "build_snapshot": false,
        "lucene_version": "9.12.2",
        "minimum_wire_compatibility_version": "7.17.0",
        "minimum_index_compatibility_version": "7.0.0",
    })
}

fn opensearch() -> Value {
    json!({
        "distribution": "opensearch",
        "number": OPENSEARCH,
        "build_type": "tar",
        "build_hash": BUILD_HASH,
        "build_date": BUILD_DATE,
        "build_snapshot": false,
        "lucene_version": "10.3.2",
        "minimum_wire_compatibility_version": "2.19.0",
        "minimum_index_compatibility_version": "2.0.0",
    })
}

/// The version as a number, as in `index.version.created`.
pub(crate) fn version_id(identity: Identity) -> u64 {
    match identity {
        Identity::Elasticsearch => 8_536_000,
        Identity::OpenSearch => 137_287_827,
    }
}
