//! The router driven in process: a request in, the whole answer out.

mod core;
mod memory;
mod names;
mod push;
mod query;
mod sockets;
mod web;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response};
use stdx::clock::SimClock;

use self::memory::{Memory, Stub};
use crate::config::{Config, Loaded, Loader};
use crate::http::ReplyBody;
use crate::parts::Parts;
use crate::push::face::Face;
use crate::request_line::LineStart;
use crate::serve::serve;
use crate::state::{Phase, State};

/// 2023-11-14T22:13:20Z
pub(crate) const NOW_MS: i64 = 1_700_000_000_000;

/// A server without sockets.
pub(crate) struct Server {
    pub(crate) state: Arc<State>,
    /// What is behind it, once it is ready.
    pub(crate) memory: Arc<Memory>,
    runtime: tokio::runtime::Runtime,
}

/// An answer as a test compares it.
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// `STATUS BODY`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status, self.text())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Server {
    /// A server whose storage is not open yet.
    pub(crate) fn starting(config: Config) -> Self {
        let loader = Box::new(|| Err("mangru.yml:3:1: unknown key \"x\"".to_owned()));
        let loaded = Loaded { yaml: "global: {}\n".to_owned(), ..Loaded::default() };
        Self::starting_with(config, loaded, loader)
    }

    /// The same with a configuration of its own, and what reads the next one.
    pub(crate) fn starting_with(config: Config, loaded: Loaded, loader: Loader) -> Self {
        let clock = Arc::new(SimClock::at(NOW_MS));
        let state = Arc::new(State::new(config, loaded, loader, clock).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { state, memory: Arc::default(), runtime }
    }

    /// A server that is ready, with nothing behind it.
    pub(crate) fn bare(config: Config) -> Self {
        let server = Self::starting(config);
        server.state.enter(Phase::Ready);
        server
    }

    /// A server with four series that have a sample at [`NOW_MS`].
    pub(crate) fn with_series() -> Self {
        Self::over(
            Config { external_url: "http://mon.example".to_owned(), ..Config::default() },
            Memory::with(&[
                (&[("__name__", "up"), ("job", "b")], &[(NOW_MS, 0.0)]),
                (&[("__name__", "up"), ("job", "a")], &[(NOW_MS, 1.0)]),
                (
                    &[("__name__", "http_requests_total"), ("job", "a"), ("code", "200")],
                    &[(NOW_MS - 60_000, 10.0), (NOW_MS, 70.0)],
                ),
                (&[("__name__", "utf"), ("my.label", "v")], &[(NOW_MS, 5.0)]),
            ]),
        )
    }

    pub(crate) fn over(config: Config, memory: Arc<Memory>) -> Self {
        Self::bare(config).with_memory(memory)
    }

    /// The same server with `memory` behind it.
    pub(crate) fn with_memory(mut self, memory: Arc<Memory>) -> Self {
        self.memory = memory;
        let store = Arc::clone(&self.memory);
        let engine = self.state.engine();
        self.state.set_parts(Parts { store, engine, scraper: Arc::new(Stub) });
        self.state.enter(Phase::Ready);
        self
    }

    pub(crate) fn get(&self, path: &str) -> Got {
        self.send(Request::get(path).body(Full::default()).unwrap())
    }

    pub(crate) fn send(&self, request: Request<Full<Bytes>>) -> Got {
        self.send_to(Face::Main, request)
    }

    pub(crate) fn send_to(&self, face: Face, request: Request<Full<Bytes>>) -> Got {
        self.runtime.block_on(async {
            let response: Response<ReplyBody> =
                serve(Arc::clone(&self.state), face, request, LineStart::new()).await;
            let (head, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes().to_vec();
            Got { status: head.status.as_u16(), headers: head.headers, body }
        })
    }
}
