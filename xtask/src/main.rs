//! Chores of the project: tidy, bench tools.

fn main() {}
