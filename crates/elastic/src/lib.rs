//! `OpenSearch`'s and Elasticsearch's REST surface over [`logs`]: JSON in, JSON out, no sockets.
//!
//! Requests come as method, path, query and body; answers leave as status, headers and body. Bodies become the engine's own queries and
//! aggregations; what is not there answers 400 with an error of `OpenSearch`'s shape, never a wrong value.
//!
//! Knows nothing of sockets, threads or configuration files.

pub mod error;
