//! What each format writes for the same families.
