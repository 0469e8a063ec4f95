//! Whom the server says it is: `/`, and what depends on it.

use serde_json::{Value, json};

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
        "cluster_uuid": elastic.options.cluster_uuid,
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
