//! One target's life: wait for its turn, fetch, hand the bytes to the state machine on a blocking thread, again.

use std::sync::Arc;
use std::time::Duration;

use model::port::Appendable;
use net::client::{Bounds, RequestHeaders, Session};
use net::error::ClientError;
use parking_lot::Mutex;
use stdx::budget::{Budget, Charge};
use stdx::clock::Clock;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::body::{BodyError, gunzip};
use crate::metrics::Metrics;
use crate::populate::offset_hash;
use crate::schedule::{Schedule, offset};
use crate::state::{Fetched, Settings, State, Times};
use crate::target::Target;

/// Buffers kept between scrapes, over all targets.
const BUFFERS_MAX: usize = 32;
/// Largest buffer that is kept, in bytes.
const BUFFER_BYTES_MAX: usize = 4 << 20;

/// What all loops share.
pub(crate) struct Shared {
    pub(crate) appendable: Arc<dyn Appendable>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) metrics: Metrics,
    /// Bounds how many bodies are read at once.
    pub(crate) readers: Arc<Semaphore>,
    pub(crate) buffers: Buffers,
    /// Keys the caches' hashes.
    pub(crate) hash_seed: u64,
    /// True when the server stops: no staleness markers then.
    pub(crate) shutdown: watch::Sender<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// Body buffers that wait for their next use.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }

    fn give(&self, mut buffer: Vec<u8>) {
        let mut kept = self.0.lock();
        if kept.len() < BUFFERS_MAX && buffer.capacity() <= BUFFER_BYTES_MAX {
            buffer.clear();
            kept.push(buffer);
        }
    }
}

/// What the pool tells a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Run,
    /// The target is gone: mark its series stale, unless it comes back meanwhile.
    Remove,
    /// Another loop goes on with what this one knows.
    Replace,
}

/// A loop's task; gives what it knows when it was replaced.
pub(crate) type Task = JoinHandle<Option<Box<State>>>;

/// A target and all that is needed to scrape it.
pub(crate) struct Loop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) target: Arc<Target>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) headers: RequestHeaders,
    pub(crate) body_bytes_max: u64,
    pub(crate) offset_seed: u64,
    pub(crate) session: Session,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) shutdown: watch::Receiver<bool>,
}

/// A body as it came, with what it is charged for.
struct Came {
    body: Vec<u8>,
    content_type: String,
    gzip: bool,
    charge: Charge,
}

/// Why nothing came.
struct Missed {
    error: String,
    too_large: bool,
}

impl Loop {
    /// Scrapes until told otherwise. `older`: the loop to go on from, once it has ended.
    pub(crate) async fn run(mut self, older: Option<Task>) -> Option<Box<State>> {
        let mut state = Box::new(self.fresh_state());
        if let Some(older) = older
            && let Ok(Some(older)) = older.await
        {
            state.adopt(*older);
        }
        let interval_ms = self.target.spec.interval_ms;
        let hash = offset_hash(&self.target.spec.labels, &self.target.spec.url_text);
        let wait = offset(self.shared.clock.now_ms(), interval_ms, hash, self.offset_seed);
        let mut ticks = interval_at(Instant::now() + wait, millis(interval_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut schedule = Schedule::new(interval_ms);
        let mut last: Option<Duration> = None;
        while self.next_tick(&mut ticks).await {
            let began = self.shared.clock.mono();
            if let Some(last) = last {
                let interval = self.target.spec.labels.get("__scrape_interval__").unwrap_or("");
                self.shared.metrics.observe_interval(interval, began.saturating_sub(last));
            }
            last = Some(began);
            let t_ms = schedule.time(self.shared.clock.now_ms());
            state = self.scrape(state, t_ms, began).await;
        }
        if *self.shutdown.borrow() {
            return None;
        }
        let order = *self.orders.borrow();
        match order {
            Order::Run => None,
            Order::Replace => Some(state),
            Order::Remove => {
                if last.is_some() {
                    self.end_of_run(state, ticks).await;
                }
                None
            }
        }
    }

    fn fresh_state(&self) -> State {
        let metadata = Arc::clone(&self.target.metadata);
        State::new(Arc::clone(&self.settings), metadata, self.shared.hash_seed)
    }

    /// Waits for the next scrape; false when there is to be none.
    async fn next_tick(&mut self, ticks: &mut Interval) -> bool {
        tokio::select! {
            biased;
            _ = self.shutdown.wait_for(|stop| *stop) => false,
            _ = self.orders.wait_for(|order| *order != Order::Run) => false,
            _ = ticks.tick() => true,
        }
    }

    /// One scrape. A server that stops cuts the fetch off, and nothing is stored.
    async fn scrape(&mut self, state: Box<State>, t_ms: i64, began: Duration) -> Box<State> {
        let mut shutdown = self.shutdown.clone();
        let came = tokio::select! {
            biased;
            _ = shutdown.wait_for(|stop| *stop) => return state,
            came = self.fetch() => came,
        };
        let Ok(reader) = Arc::clone(&self.shared.readers).acquire_owned().await else {
            return state;
        };
        let (shared, target) = (Arc::clone(&self.shared), Arc::clone(&self.target));
        let body_bytes_max = self.body_bytes_max;
        let read = tokio::task::spawn_blocking(move || {
            let state = read(state, &shared, &target, came, (t_ms, began, body_bytes_max));
            drop(reader);
            state
        });
        match read.await {
            Ok(state) => state,
            Err(error) => {
                self.shared.metrics.panics.inc();
                tracing::error!(target = self.target.spec.url_text, %error, "a scrape failed by a mistake of ours");
                let error = Some("internal error while reading the scrape".to_owned());
                let took = self.shared.clock.mono().saturating_sub(began);
                self.target.report(t_ms, took, error, None);
                Box::new(self.fresh_state())
            }
        }
    }

    async fn fetch(&mut self) -> Result<Came, Missed> {
        let missed = |error: String| Missed { error, too_large: false };
        if let Some(error) = self.target.forced_error() {
            return Err(missed(error));
        }
        let url = match &self.target.spec.url {
            Ok(url) => url,
            Err(error) => {
                return Err(missed(format!("Get \"{}\": {error}", self.target.spec.url_text)));
            }
        };
        let bounds = Bounds {
            deadline: millis(self.target.spec.timeout_ms),
            body_bytes_max: self.body_bytes_max,
            budget: Arc::clone(&self.shared.budget),
        };
        let mut body = self.shared.buffers.take();
        let answer = self.session.get(url, &self.headers, &bounds, &mut body).await;
        match answer {
            Ok(answer) if answer.status == 200 => Ok(Came {
                body,
                gzip: answer.content_encoding == "gzip",
                content_type: answer.content_type,
                charge: answer.charge,
            }),
            Ok(answer) => {
                self.shared.buffers.give(body);
                Err(missed(format!("server returned HTTP status {}", answer.status_text)))
            }
            Err(error) => {
                self.shared.buffers.give(body);
                let too_large = matches!(error, ClientError::BodyLimit);
                Err(Missed { error: error.to_string(), too_large })
            }
        }
    }

    /// Waits for two intervals and a little: a target that is back by then has newer samples, and storage refuses the markers.
    async fn end_of_run(mut self, mut state: Box<State>, mut ticks: Interval) {
        let interval = millis(self.target.spec.interval_ms);
        let wait = async {
            ticks.tick().await;
            let t_ms = self.shared.clock.now_ms();
            ticks.tick().await;
            tokio::time::sleep(interval / 10).await;
            t_ms
        };
        let t_ms = tokio::select! {
            biased;
            _ = self.shutdown.wait_for(|stop| *stop) => return,
            t_ms = wait => t_ms,
        };
        let shared = Arc::clone(&self.shared);
        let marked =
            tokio::task::spawn_blocking(move || state.end_of_run(shared.appendable.as_ref(), t_ms));
        match marked.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(target = self.target.spec.url_text, %error, "staleness markers not stored")
            }
            Err(error) => {
                self.shared.metrics.panics.inc();
                tracing::error!(target = self.target.spec.url_text, %error, "a scrape failed by a mistake of ours");
            }
        }
    }
}

/// Unpacks and stores a body; on a blocking thread.
fn read(
    mut state: Box<State>,
    shared: &Shared,
    target: &Target,
    came: Result<Came, Missed>,
    (t_ms, began, body_bytes_max): (i64, Duration, u64),
) -> Box<State> {
    let came = came.and_then(|came| unpack(came, shared, body_bytes_max));
    let elapsed = || shared.clock.mono().saturating_sub(began);
    let times = Times { t_ms, now_ms: shared.clock.now_ms(), elapsed: &elapsed };
    let fetched = match &came {
        Ok(came) => Fetched::Body { bytes: &came.body, content_type: &came.content_type },
        Err(missed) => Fetched::Failed { error: &missed.error, too_large: missed.too_large },
    };
    let outcome = state.ingest(shared.appendable.as_ref(), &times, fetched);
    match came {
        Ok(came) => shared.buffers.give(came.body),
        Err(missed) => shared.metrics.over_body_size.add(u64::from(missed.too_large)),
    }
    shared.metrics.observe(&outcome);
    let counts = &outcome.counts;
    if counts.out_of_order + counts.duplicate + counts.out_of_bounds > 0 {
        tracing::warn!(
            target = target.spec.url_text,
            out_of_order = counts.out_of_order,
            duplicate = counts.duplicate,
            out_of_bounds = counts.out_of_bounds,
            "samples dropped"
        );
    }
    if let Some(error) = &outcome.error {
        tracing::debug!(target = target.spec.url_text, pool = target.pool, %error, "scrape failed");
    }
    target.report(t_ms, outcome.duration, outcome.error, outcome.refused);
    state
}

fn unpack(mut came: Came, shared: &Shared, body_bytes_max: u64) -> Result<Came, Missed> {
    if !came.gzip || came.body.is_empty() {
        return Ok(came);
    }
    let mut plain = shared.buffers.take();
    let unpacked = gunzip(&came.body, body_bytes_max, &mut came.charge, &mut plain);
    shared.buffers.give(std::mem::replace(&mut came.body, plain));
    match unpacked {
        Ok(()) => Ok(came),
        Err(error) => {
            let too_large = matches!(error, BodyError::TooLarge);
            Err(Missed { error: error.to_string(), too_large })
        }
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}
