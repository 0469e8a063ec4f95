//! The program that a person types.

fn main() {}
