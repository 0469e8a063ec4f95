//! The nouns of the house: labels, matchers, relabelling, samples, histograms, and the ports through which
//! storage is written ([`port::Appendable`]) and read ([`port::Queryable`]).
//!
//! Knows nothing of disks, sockets, exposition formats or the query language.

pub mod exemplar;
pub mod histogram;
pub mod labels;
pub mod matcher;
pub mod metadata;
pub mod names;
pub mod number;
pub mod port;
pub mod quote;
pub mod regex;
pub mod relabel;
pub mod sample;
