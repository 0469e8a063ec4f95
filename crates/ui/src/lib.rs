//! The page (`web/`) as compressed assets, fixed at build time. `build.rs` says where they come from.

/// One file of the page.
#[derive(Debug)]
pub struct Asset {
    /// Below the page's base, without a leading slash: `index.html`, `assets/index-….js`.
    pub path: &'static str,
    /// The media type.
    pub kind: &'static str,
    /// A quoted entity tag of the content.
    pub etag: &'static str,
    /// Whether the name holds a hash of the content, so that it may be kept for ever.
    pub immutable: bool,
    /// The content as gzip.
    pub gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file at `path`; `None` when there is none.
#[must_use]
pub fn asset(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// All files.
#[must_use]
pub fn assets() -> &'static [Asset] {
    ASSETS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of all files, compressed (the budget of the whole page).
    const PAGE_BYTES_MAX: usize = 1_000_000;

    #[test]
    fn there_is_a_page() {
        let index = asset("index.html").expect("every build has a page");
        assert_eq!(index.kind, "text/html; charset=utf-8");
        assert!(!index.immutable && index.etag.starts_with('"') && index.etag.ends_with('"'));
        assert!(asset("../index.html").is_none() && asset("").is_none());
    }

    #[test]
    fn files_are_gzip_and_stay_in_the_budget() {
        for one in assets() {
            assert!(one.gzip.starts_with(&[0x1f, 0x8b]), "{}", one.path);
        }
        let bytes: usize = assets().iter().map(|asset| asset.gzip.len()).sum();
        assert!(bytes > 100 && bytes <= PAGE_BYTES_MAX, "{bytes}");
    }
}
