//! The machine's file system.
