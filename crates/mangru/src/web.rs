//! `--web.config.file`: the file as the server reads it, at the start and whenever it has changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config;
use crate::flags::Flags;

/// The file that is named; `None`: none is.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn file(flags: &Flags) -> anyhow::Result<Option<server::WebFile>> {
    let path = flags.text("web.config.file");
    if path.is_empty() {
        return Ok(None);
    }
    let path = PathBuf::from(path);
    config::load_web(&path).map_err(|error| {
        anyhow::anyhow!("Unable to validate web configuration file: {}", error.0)
    })?;
    Ok(Some(file_at(&path)))
}

/// The file at `path`, not read yet.
pub(crate) fn file_at(path: &Path) -> server::WebFile {
    let read = path.to_owned();
    let load = Arc::new(move || config::load_web(&read).map_err(|error| error.0));
    server::WebFile { path: path.to_owned(), load }
}
