//! Putting segments together: row groups and their indexes are copied as they are, only directory and footer are new.

use std::path::Path;
use std::sync::Arc;

use stdx::fs::Fs;

use super::column::Key;
use super::directory::{Entry, GROUPS_MAX};
use super::read::Segment;
use super::write::{Output, packer};
use super::{Summary, WriteError};
use crate::part::ReadError;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 20;

/// Writes the row groups of `segments` (of one index), in their order, as one segment at `path`. Nothing is decoded; each row group is checked by
/// whoever reads it. Returns when file and name are on stable storage.
///
/// # Errors
/// Segments that cannot be read, more than 4,096 row groups, the disk.
pub fn concat(fs: &dyn Fs, path: &Path, segments: &[Arc<Segment>]) -> Result<Summary, WriteError> {
    let groups: usize = segments.iter().map(|segment| segment.group_count()).sum();
    if groups > GROUPS_MAX {
        let what = format!("{groups} row groups, at most {GROUPS_MAX}");
        return Err(ReadError { part: path.display().to_string(), block: 0, what }.into());
    }
    let id_key = segments.first().map_or(0, |segment| segment.inner.directory.id_key);
    let mut output = Output::create(fs, path, id_key)?;
    for segment in segments {
        for at in 0..segment.group_count() {
            copy(segment, at, &mut output)?;
        }
    }
    output.finish(fs, &mut packer(path)?)
}

fn copy(segment: &Segment, at: usize, output: &mut Output) -> Result<(), WriteError> {
    let inner = &segment.inner;
    let entry: &Entry = &inner.directory.groups[at];
    let keys: Vec<Key> = entry.keys.iter().map(|key| inner.directory.keys[*key].clone()).collect();
    output.enter(entry.clone(), &keys, inner.chunks(at)?.to_vec());
    let mut done = 0;
    while done < entry.len {
        let len = usize::try_from(entry.len - done).unwrap_or(COPY_BYTES).min(COPY_BYTES);
        let bytes = inner.read(at, done, len).map_err(|damage| inner.damaged(at, &damage))?;
        output.append(&bytes)?;
        done += len as u64;
    }
    Ok(())
}
