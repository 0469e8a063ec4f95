//! Bytes ⇄ model for every exchange format of metrics. Sans-IO: slices in, values or bytes out; bounded; never a panic on input.
//!
//! [`exposition`] reads what targets expose.

pub mod exposition;
pub mod float;
mod mime;
pub mod names;
mod quote;

pub use mime::MimeError;
pub use quote::QUOTED_BYTES_MAX;
