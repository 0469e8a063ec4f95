//! Makes a damaged log whole again, so that any reader (Prometheus' too) gets all that is left of it.
//!
//! Damage at a segment's end is cut off. A segment with damage in its middle is written anew without it, beside the old
//! one, and takes its name when it is on stable storage. For a missing segment an empty one is put.

use std::io;
use std::path::Path;
use std::sync::Arc;

use stdx::fs::{Fs, OpenMode};

use super::WalError;
use super::dir::{checkpoint_path, repair_path, segment_path};
use super::frame::put_record;
use super::metrics::WalMetrics;
use super::replay::{Damage, DamageKind, DamageReport};
use super::scan::{Found, Scan};

/// Most empty segments that are put for missing ones; a longer gap is no gap but another log.
pub const GAP_MAX: u64 = 10_000;
/// Bytes after which a rewritten segment's records go to disk.
const FLUSH_BYTES: usize = 1 << 20;

/// Repairs what `report` lists, and counts it. May be stopped by a crash at any point and done again. Segments that could not be read
/// are left as they are.
///
/// # Errors
/// [`WalError::Io`]: the log can be read as before, but not handed on.
pub fn repair(
    fs: &dyn Fs,
    dir: &Path,
    report: &DamageReport,
    metrics: &WalMetrics,
) -> Result<(), WalError> {
    metrics.corruptions.add(report.damage.len() as u64 + report.omitted);
    for &(checkpoint, segment) in report.segments.difference(&report.unreadable) {
        let folder = checkpoint.map_or_else(|| dir.to_owned(), |index| checkpoint_path(dir, index));
        let here =
            |one: &&Damage| one.place.checkpoint == checkpoint && one.place.segment == segment;
        let damage: Vec<&Damage> = report.damage.iter().filter(here).collect();
        let result = if fs.exists(&segment_path(&folder, segment)).unwrap_or(true) {
            repair_segment(fs, &folder, segment, &damage)
        } else {
            fill_gap(fs, &folder, segment)
        };
        result.map_err(|error| WalError::io(&format!("repair segment {segment:08}"), &error))?;
    }
    Ok(())
}

fn fill_gap(fs: &dyn Fs, dir: &Path, first: u64) -> io::Result<()> {
    for index in first..first.saturating_add(GAP_MAX) {
        let path = segment_path(dir, index);
        if fs.exists(&path)? {
            return fs.sync_dir(dir);
        }
        fs.open(&path, OpenMode::CreateNew)?.sync()?;
    }
    Err(io::Error::other(format!("more than {GAP_MAX} segments are missing")))
}

fn repair_segment(fs: &dyn Fs, dir: &Path, index: u64, damage: &[&Damage]) -> io::Result<()> {
    let path = segment_path(dir, index);
    let file = fs.open(&path, OpenMode::Write)?;
    let len = file.len()?;
    if let [only] = damage
        && only.kind != DamageKind::Missing
        && only.place.offset + only.bytes >= len
    {
        file.truncate(only.place.offset)?;
        return file.sync();
    }
    let tmp = repair_path(dir, index);
    if fs.exists(&tmp)? {
        fs.remove_file(&tmp)?;
    }
    let new = fs.open(&tmp, OpenMode::CreateNew)?;
    let mut scan = Scan::new(Arc::clone(&file), len);
    let mut out = Vec::new();
    let mut offset = 0;
    loop {
        match scan.next() {
            Found::End => break,
            Found::Damage { is_unreadable: true, what, .. } => return Err(io::Error::other(what)),
            Found::Damage { is_unreadable: false, .. } => {}
            Found::Record => {
                let start = scan.record_range().0;
                let is_left_out = |one: &&Damage| {
                    (one.place.offset..one.place.offset + one.bytes).contains(&start)
                };
                if !damage.iter().any(is_left_out) {
                    let (payload, compression) = scan.stored();
                    offset = put_record(&mut out, offset, payload, compression);
                }
            }
        }
        if out.len() >= FLUSH_BYTES {
            new.append(&out)?;
            out.clear();
        }
    }
    new.append(&out)?;
    new.sync()?;
    fs.rename(&tmp, &path)?;
    fs.sync_dir(dir)
}
