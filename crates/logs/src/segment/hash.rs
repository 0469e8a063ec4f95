//! Tokens: what the filters know a field's words by.

use xxhash_rust::xxh3::xxh3_64;

use crate::text::finest;

/// A map or set by tokens, which are hashes already.
pub(crate) type TokenMap<V> = std::collections::HashMap<u64, V, Already>;

/// Takes the key for its own hash.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Already(u64);

impl std::hash::BuildHasher for Already {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl std::hash::Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// A map by texts, whose hash is that of the filters (`write_str` ends in one write of the bytes).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fast(u64);

impl std::hash::BuildHasher for Fast {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl std::hash::Hasher for Fast {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes).wrapping_add(self.0.rotate_left(23));
    }

    fn write_usize(&mut self, length: usize) {
        self.0 = length as u64;
    }

    fn write_u8(&mut self, _: u8) {
        // What ends a text in the standard library's hash of it.
    }
}

/// Of a word, before the salt.
pub(crate) fn word(word: &str) -> u64 {
    xxh3_64(word.as_bytes())
}

/// What tokens of `field` are salted with, by exclusive or.
pub(crate) fn salt(field: &str) -> u64 {
    xxh3_64(field.as_bytes())
}

/// `text` in the case that words are compared in; its own memory where nothing changes.
pub(crate) fn folded(text: &str) -> std::borrow::Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text.into();
    }
    finest::fold(text).into()
}
