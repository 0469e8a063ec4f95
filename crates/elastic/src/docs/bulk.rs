//! `_bulk`: many actions, one answer for each.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use logs::mapping::{Leaf, Mapping};
use logs::store::{Condition, Index};
use serde_json::Value;

use super::answer::{push_error, push_item, refreshed};
use super::bulk_parse::{Action, Item, parse};
use super::source::Filter;
use super::update::{Change, Planned, noop_body, plan};
use super::write::{ID_BYTES_MAX, write_all};
use super::{Doc, Kind, Need, Written, place};
use crate::error::Error;
use crate::rest::{Answer, Call, json_of};
use crate::{Elastic, routing};

/// Bytes that pipelines may have made of documents before these are written.
const MADE_BYTES_MAX: usize = 64 << 20;

/// What came of an item.
#[derive(Debug)]
enum Came {
    Written(Arc<Index>, Written),
    /// An update that says what the document is now.
    Shown(Arc<Index>, Written, Value),
    Noop(Value),
    Failed(Error),
}

/// A document that waits, the place of its item, and what is shown of it.
type Pending<'a> = (usize, Doc<'a>, Option<(Filter, Value)>);

/// A bulk at work.
struct Bulk<'a> {
    elastic: &'a Elastic,
    /// Where names lead, so that each is asked for once.
    places: HashMap<(String, Kind, Need), Result<Arc<Index>, Error>>,
    /// The index that was written to last, and whether it has pipelines of its own.
    last: Option<(Arc<Index>, bool)>,
    /// Documents that wait for the store, each with the place of its item.
    pending: Vec<Pending<'a>>,
    /// Index and identifier of those of them that have one.
    names: HashSet<(String, String)>,
    /// Bytes of those of them that pipelines made.
    made: usize,
    results: Vec<Option<Came>>,
}

/// `POST|PUT /{index}/_bulk`
pub(super) fn bulk(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    let begun = elastic.clock.mono();
    let forced = refreshed(call)? == Some(true);
    let items = parse(call)?;
    let default_source = Filter::of_params(call);
    let mut bulk = Bulk {
        elastic,
        places: HashMap::new(),
        last: None,
        pending: Vec::new(),
        names: HashSet::new(),
        made: 0,
        results: items.iter().map(|_| None).collect(),
    };
    for (at, item) in items.iter().enumerate() {
        if let Err(error) = bulk.take(at, item, default_source.as_ref()) {
            bulk.results[at] = Some(Came::Failed(error));
        }
    }
    bulk.flush()?;
    let took = elastic.clock.mono().saturating_sub(begun).as_millis();
    Ok(Answer::raw(written(&items, bulk.results, took, forced).into_bytes()))
}

impl<'a> Bulk<'a> {
    fn take(
        &mut self,
        at: usize,
        item: &'a Item<'a>,
        default_source: Option<&Filter>,
    ) -> Result<(), Error> {
        let action = &item.action;
        check_id(action)?;
        let index = self.place(action)?;
        let routing = routing::of_write(self.elastic, &action.index, action.routing.as_deref())?;
        routing::check_required(&index, action.id.as_deref(), routing.as_deref())?;
        if let Some(templates) = &action.templates {
            self.apply_templates(&index, templates, item.source)?;
        }
        if action.kind == Kind::Update {
            return self.take_update(at, item, &index, routing.as_deref(), default_source);
        }
        let doc = Doc {
            index,
            kind: action.kind,
            id: action.id.as_deref().map(Cow::Borrowed),
            routing: routing.map(Cow::Owned),
            source: Cow::Borrowed(item.source),
            condition: action.condition,
        };
        let pipeline = action.pipeline.as_deref();
        if pipeline.is_none() && !self.has_pipelines(&doc.index) {
            self.push(at, doc, None);
            return Ok(());
        }
        match crate::pipelines::prepared(self.elastic, doc, &action.index, pipeline)? {
            Some(doc) => {
                if let Cow::Owned(source) = &doc.source {
                    self.made += source.len();
                }
                self.push(at, doc, None);
                // A small request may become large documents.
                if self.made > MADE_BYTES_MAX {
                    self.flush()?;
                }
            }
            None => {
                let body = serde_json::json!({
                    "_index": action.index, "_id": action.id, "_version": -3, "result": "noop",
                    "_shards": { "total": 0, "successful": 0, "failed": 0 },
                });
                self.results[at] = Some(Came::Noop(body));
            }
        }
        Ok(())
    }

    fn has_pipelines(&mut self, index: &Arc<Index>) -> bool {
        if let Some((last, has)) = &self.last
            && Arc::ptr_eq(last, index)
        {
            return *has;
        }
        let has = crate::pipelines::are_set(index);
        self.last = Some((Arc::clone(index), has));
        has
    }

    fn push(&mut self, at: usize, doc: Doc<'a>, shown: Option<(Filter, Value)>) {
        if let Some(id) = &doc.id {
            self.names.insert((doc.index.name().to_owned(), id.clone().into_owned()));
        }
        self.pending.push((at, doc, shown));
    }

    fn place(&mut self, action: &Action) -> Result<Arc<Index>, Error> {
        let key = (action.index.clone(), action.kind, action.need);
        if let Some(found) = self.places.get(&key) {
            return found.clone();
        }
        let found = place(self.elastic, &action.index, action.kind, action.need);
        self.places.insert(key, found.clone());
        found
    }

    fn take_update(
        &mut self,
        at: usize,
        item: &'a Item<'a>,
        index: &Arc<Index>,
        routing: Option<&str>,
        default_source: Option<&Filter>,
    ) -> Result<(), Error> {
        let action = &item.action;
        let id = action.id.as_deref().unwrap_or_default();
        let mut change = Change::parse(&json_of(item.source)?)?;
        let source = action.source.as_ref().map(Filter::of_body).transpose()?;
        change.source = change.source.or(source).or_else(|| default_source.cloned());
        // What is written before in this request has to be seen.
        if self.names.contains(&(index.name().to_owned(), id.to_owned())) {
            self.flush()?;
        }
        let condition = match action.condition {
            Condition::None => change.own_condition(),
            said @ (Condition::SeqNo { .. } | Condition::External { .. }) => said,
        };
        let planned = plan(self.elastic, index, &action.index, (id, routing), &change, condition)?;
        match planned {
            Planned::Noop { seq, version, source } => {
                let mut body = noop_body(index, id, (seq, version));
                if let Some(filter) = change.source.as_ref().filter(|filter| filter.shown) {
                    body["get"] = serde_json::json!({ "_seq_no": seq, "_primary_term": 1, "found": true,
                        "_source": filter.apply(source) });
                }
                self.results[at] = Some(Came::Noop(body));
            }
            Planned::Write { source, condition } => {
                let filter = change.source.filter(|filter| filter.shown);
                let shown = match filter {
                    Some(filter) => Some((filter, json_of(&source)?)),
                    None => None,
                };
                let kind = if condition == Condition::None { Kind::Create } else { Kind::Update };
                let doc = Doc {
                    index: Arc::clone(index),
                    kind,
                    id: Some(Cow::Borrowed(id)),
                    routing: routing.map(|routing| Cow::Owned(routing.to_owned())),
                    source: Cow::Owned(source),
                    condition,
                };
                self.push(at, doc, shown);
            }
        }
        Ok(())
    }

    /// Gives the fields that an item names a template for their types.
    fn apply_templates(
        &self,
        index: &Arc<Index>,
        templates: &serde_json::Map<String, Value>,
        source: &[u8],
    ) -> Result<(), Error> {
        let mapping = index.mapping();
        let unknown = templates.iter().filter(|(path, _)| mapping.find(path).is_none());
        let mut fresh = Mapping::default();
        let document = json_of(source)?;
        for (path, template) in unknown {
            let value = document
                .get(path)
                .or_else(|| path.split('.').try_fold(&document, |at, key| at.get(key)));
            let (Some(value), Some(template)) = (value, template.as_str()) else { continue };
            let leaf = match value {
                Value::String(text) => Leaf::Str(text),
                Value::Bool(_) => Leaf::Bool,
                Value::Number(number) if number.is_f64() => Leaf::Float,
                Value::Number(_) | Value::Null => Leaf::Int,
                Value::Array(_) | Value::Object(_) => Leaf::Object,
            };
            let field =
                mapping.by_template(template, path, leaf).map_err(|e| crate::error::mapping(&e))?;
            fresh.insert(path, field).map_err(|e| crate::error::mapping(&e))?;
        }
        if fresh == Mapping::default() {
            return Ok(());
        }
        crate::indices::merge_into(self.elastic, index.name(), &fresh)
    }

    /// Writes what waits.
    fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.names.clear();
        self.made = 0;
        let mut places = Vec::new();
        let mut docs = Vec::new();
        for (at, doc, shown) in self.pending.drain(..) {
            places.push((at, shown));
            docs.push(doc);
        }
        let outcomes = write_all(self.elastic, &docs)?;
        for ((outcome, (at, shown)), doc) in outcomes.into_iter().zip(places).zip(docs) {
            let result = match (outcome, shown) {
                (Ok(written), None) => Came::Written(doc.index, written),
                (Ok(written), Some((filter, source))) => {
                    Came::Shown(doc.index, written, filter.apply(source))
                }
                (Err(error), _) => Came::Failed(error),
            };
            self.results[at] = Some(result);
        }
        Ok(())
    }
}

fn check_id(action: &Action) -> Result<(), Error> {
    match &action.id {
        Some(id) if id.is_empty() => {
            Err(Error::illegal("if _id is specified it must not be empty"))
        }
        Some(id) if id.len() > ID_BYTES_MAX => Err(Error::illegal(format!(
            "id [{id}] is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {}",
            id.len()
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The answer, compact and in the order of keys that shippers look for.
fn written(items: &[Item<'_>], results: Vec<Option<Came>>, took: u128, forced: bool) -> String {
    let errors = results.iter().any(|result| matches!(result, Some(Came::Failed(_)) | None));
    let mut out = String::with_capacity(200 * items.len() + 64);
    let mut copies: HashMap<String, u64> = HashMap::new();
    out.push_str(&format!(r#"{{"took":{took},"errors":{errors},"items":["#));
    for (at, (item, result)) in items.iter().zip(results).enumerate() {
        if at > 0 {
            out.push(',');
        }
        let kind = item.action.kind;
        match result {
            Some(Came::Written(index, written)) => {
                let copies = match copies.get(index.name()) {
                    Some(copies) => *copies,
                    None => {
                        let (_, of) = crate::indices::shards(&index);
                        copies.insert(index.name().to_owned(), of);
                        of
                    }
                };
                push_item(&mut out, kind, (index.name(), copies), &written, forced);
            }
            Some(Came::Shown(index, written, source)) => {
                let mut body = super::answer::written(&index, &written, forced.then_some(true));
                body.insert(
                    "get".to_owned(),
                    serde_json::json!({ "_seq_no": written.seq, "_primary_term": 1,
                    "found": true, "_source": source }),
                );
                body.insert("status".to_owned(), written.status().into());
                out.push_str(&serde_json::json!({ kind.name(): body }).to_string());
            }
            Some(Came::Noop(mut body)) => {
                body["status"] = 200.into();
                out.push_str(&serde_json::json!({ kind.name(): body }).to_string());
            }
            Some(Came::Failed(error)) => {
                push_error(&mut out, kind, &item.action.index, item.action.id.as_deref(), &error);
            }
            None => {
                let error = Error::new(500, "exception", "not written");
                push_error(&mut out, kind, &item.action.index, item.action.id.as_deref(), &error);
            }
        }
    }
    out.push_str("]}");
    out
}
