//! `_tasks/{id}`: the results of requests that were not waited for.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::Elastic;
use crate::error::Error;
use crate::rest::{Answer, Call};

/// Most results that are kept; the oldest go.
const KEPT_MAX: usize = 1_000;

/// Results by number.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    kept: Mutex<(u64, VecDeque<(u64, Value)>)>,
}

impl Tasks {
    /// Keeps the result of the request at `path`; the name under which it is found.
    pub(super) fn add(&self, elastic: &Elastic, path: &str, response: &Value) -> String {
        let mut kept = self.kept.lock();
        kept.0 += 1;
        let number = kept.0;
        let node = &elastic.cluster_uuid;
        let action = match path.rsplit('/').next() {
            Some("_delete_by_query") => "indices:data/write/delete/byquery",
            Some("_update_by_query") => "indices:data/write/update/byquery",
            Some(_) | None => "indices:data/write/reindex",
        };
        let task = json!({
            "completed": true,
            "task": {
                "node": node, "id": number, "type": "transport", "action": action, "description": path,
                "status": response, "start_time_in_millis": elastic.clock.now_ms(),
                "running_time_in_nanos": 0, "cancellable": false, "headers": {},
            },
            "response": response,
        });
        if kept.1.len() >= KEPT_MAX {
            kept.1.pop_front();
        }
        kept.1.push_back((number, task));
        format!("{node}:{number}")
    }
}

fn find(elastic: &Elastic, id: &str) -> Result<Value, Error> {
    let number = id.rsplit_once(':').and_then(|(_, number)| number.parse::<u64>().ok());
    let number = number.ok_or_else(|| Error::illegal(format!("malformed task id {id}")))?;
    let kept = elastic.tasks.kept.lock();
    let found = kept.1.iter().find(|(have, _)| *have == number);
    found.map(|(_, task)| task.clone()).ok_or_else(|| {
        let reason = format!("task [{id}] isn't running and hasn't stored its results");
        Error::new(404, "resource_not_found_exception", reason)
    })
}

/// `GET /_tasks/{task_id}`
pub(super) fn get(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    find(elastic, call.part("task_id")).map(Answer::json)
}

/// `POST /_tasks/{task_id}/_cancel`: what is found has ended.
pub(super) fn cancel(elastic: &Elastic, call: &Call<'_>) -> Result<Answer, Error> {
    find(elastic, call.part("task_id"))?;
    Ok(Answer::json(json!({ "nodes": {} })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::surface;

    #[test]
    fn results_are_bounded() {
        let elastic = surface();
        let ids: Vec<String> =
            (0..=KEPT_MAX).map(|_| elastic.tasks.add(&elastic, "/_reindex", &json!({}))).collect();
        assert!(find(&elastic, &ids[0]).is_err());
        assert!(find(&elastic, &ids[1]).is_ok());
    }
}
