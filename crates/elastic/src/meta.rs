//! What the surface keeps beside the indices: aliases, templates, data streams, pipelines, policies, settings of the cluster.
//!
//! Each is a small JSON document in the store. All of them are in memory too, as one picture that changes as a whole: a request sees one picture
//! from its beginning to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use logs::store::Store;
use serde_json::{Map, Value};

/// Kinds of documents, each with a space of names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// By index: its aliases with their properties.
    Aliases,
    /// Legacy templates.
    Template,
    IndexTemplate,
    ComponentTemplate,
    Pipeline,
    IlmPolicy,
    IsmPolicy,
    DataStream,
    /// One document, `settings`.
    Cluster,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Aliases,
        Self::Template,
        Self::IndexTemplate,
        Self::ComponentTemplate,
        Self::Pipeline,
        Self::IlmPolicy,
        Self::IsmPolicy,
        Self::DataStream,
        Self::Cluster,
    ];

    /// Its name in the store.
    fn name(self) -> &'static str {
        match self {
            Self::Aliases => "aliases",
            Self::Template => "template",
            Self::IndexTemplate => "index_template",
            Self::ComponentTemplate => "component_template",
            Self::Pipeline => "pipeline",
            Self::IlmPolicy => "ilm_policy",
            Self::IsmPolicy => "ism_policy",
            Self::DataStream => "data_stream",
            Self::Cluster => "cluster",
        }
    }
}

/// One picture of all documents.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meta {
    documents: BTreeMap<Kind, Arc<BTreeMap<String, Arc<Value>>>>,
    /// By alias, the indices that have it, by name.
    by_alias: Arc<BTreeMap<String, Vec<String>>>,
    /// By backing index, its data stream.
    by_backing: Arc<BTreeMap<String, String>>,
}

impl Meta {
    /// Everything that `store` has. A document that is no JSON is left out.
    pub(crate) fn load(store: &Store) -> Self {
        let mut meta = Self::default();
        for kind in Kind::ALL {
            let listed = store.list(kind.name()).into_iter();
            let documents = listed.filter_map(|(key, bytes)| {
                Some((key, Arc::new(serde_json::from_slice(&bytes).ok()?)))
            });
            meta.documents.insert(kind, Arc::new(documents.collect()));
        }
        meta.index_names();
        meta
    }

    pub(crate) fn get(&self, kind: Kind, key: &str) -> Option<&Arc<Value>> {
        self.documents.get(&kind)?.get(key)
    }

    /// All of a kind, by name.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = (&String, &Arc<Value>)> {
        self.documents.get(&kind).into_iter().flat_map(|documents| documents.iter())
    }

    /// The picture with one document changed or (`None`) gone.
    pub(crate) fn with(&self, kind: Kind, key: &str, value: Option<Value>) -> Self {
        let mut changed = self.clone();
        let documents = changed.documents.entry(kind).or_default();
        let documents = Arc::make_mut(documents);
        match value {
            Some(value) => documents.insert(key.to_owned(), Arc::new(value)),
            None => documents.remove(key),
        };
        if matches!(kind, Kind::Aliases | Kind::DataStream) {
            changed.index_names();
        }
        changed
    }

    fn index_names(&mut self) {
        let mut by_alias: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (index, aliases) in self.all(Kind::Aliases) {
            for alias in aliases.as_object().into_iter().flat_map(Map::keys) {
                by_alias.entry(alias.clone()).or_default().push(index.clone());
            }
        }
        let mut by_backing = BTreeMap::new();
        for (stream, document) in self.all(Kind::DataStream) {
            for index in backing_of(document) {
                by_backing.insert(index.to_owned(), stream.clone());
            }
        }
        self.by_alias = Arc::new(by_alias);
        self.by_backing = Arc::new(by_backing);
    }

    /// The aliases of `index` with their properties.
    pub(crate) fn aliases_of(&self, index: &str) -> Option<&Map<String, Value>> {
        self.get(Kind::Aliases, index)?.as_object()
    }

    /// The indices that have `alias`, by name.
    pub(crate) fn alias(&self, alias: &str) -> Option<&[String]> {
        self.by_alias.get(alias).map(Vec::as_slice)
    }

    /// All aliases with their indices.
    pub(crate) fn aliases(&self) -> impl Iterator<Item = (&String, &Vec<String>)> {
        self.by_alias.iter()
    }

    /// The index of `alias` that is written to; `None` when there are several and none is marked.
    pub(crate) fn write_index(&self, alias: &str) -> Option<&str> {
        let indices = self.alias(alias)?;
        let said =
            |index: &str| self.aliases_of(index)?.get(alias)?.get("is_write_index")?.as_bool();
        let marked = indices.iter().find(|index| said(index) == Some(true));
        match (marked, indices) {
            (Some(index), _) => Some(index),
            (None, [only]) if said(only) != Some(false) => Some(only),
            (None, _) => None,
        }
    }

    pub(crate) fn stream(&self, name: &str) -> Option<&Arc<Value>> {
        self.get(Kind::DataStream, name)
    }

    /// The data stream that `index` is a part of.
    pub(crate) fn stream_of(&self, index: &str) -> Option<&str> {
        self.by_backing.get(index).map(String::as_str)
    }

    /// The indices of the data stream `name`, oldest first.
    pub(crate) fn backing(&self, name: &str) -> Vec<&str> {
        self.stream(name).map(|document| backing_of(document)).unwrap_or_default()
    }
}

fn backing_of(document: &Value) -> Vec<&str> {
    let list = document.get("indices").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What [`Kind`] is called in the store: for writing.
pub(crate) fn store_name(kind: Kind) -> &'static str {
    kind.name()
}
