//! Bytes ⇄ model for every exchange format of metrics. Sans-IO: slices in, values or bytes out; bounded; never a panic on input.
//!
//! [`exposition`] reads what targets expose, [`encode`] writes it, [`negotiate`] and [`escaping`] are what both sides say about
//! it in headers. [`remote`] is remote write.

pub mod encode;
pub mod escaping;
pub mod exposition;
pub mod float;
#[cfg(test)]
mod float_tests;
mod mime;
pub mod negotiate;
#[cfg(test)]
mod negotiate_tests;
mod proto;
mod quote;
pub mod remote;

pub use mime::MimeError;
pub use proto::ProtoError;
pub use quote::QUOTED_BYTES_MAX;
