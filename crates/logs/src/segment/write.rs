//! Writing a segment: row groups one behind the other, then what is known only at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stdx::checksum::crc32c;
use stdx::fs::{File, Fs, OpenMode};

use super::bytes::narrow;
use super::column::{Chunk, Encoding, Key, Page};
use super::directory::{Directory, Entry, TRAILER, Trailer};
use super::group::{self, Group, Input};
use super::page::{Packer, Raw, Slots};
use super::{GROUP_ROWS_MAX, Summary, WriteError, WriteOptions, footer};
use crate::column::{Kind, Strings};
use crate::part::{BLOCK_ROWS, View, system};

pub(crate) const MAGIC: &[u8; 4] = b"PAR1";

/// Writes the rows of `views` that are not deleted as a segment at `path`, in a folder that is there. Returns when file and name are on stable
/// storage. Costs about the memory of the row group that is made, which is of all rows up to [`GROUP_ROWS_MAX`].
///
/// # Errors
/// Input that cannot be read, the disk. Nothing stands under `path` then that was not there before.
pub fn write(
    fs: &dyn Fs,
    path: &Path,
    views: &[View],
    options: &WriteOptions,
) -> Result<Summary, WriteError> {
    let mut packer = packer(path)?;
    let mut output = Output::create(fs, path, options.id_key)?;
    for input in inputs(views, GROUP_ROWS_MAX)? {
        output.group(&group::build(&input, options, &mut packer)?)?;
    }
    output.finish(fs, &mut packer)
}

pub(crate) fn packer(path: &Path) -> Result<Packer, WriteError> {
    Packer::new().map_err(|error| io_error(path, error))
}

fn io_error(path: &Path, error: std::io::Error) -> WriteError {
    WriteError::Io { path: path.display().to_string(), error }
}

/// Cuts the rows of `views` into row groups of at most `rows_max` rows, whole blocks each.
pub(crate) fn inputs(views: &[View], rows_max: usize) -> Result<Vec<Input>, WriteError> {
    let mut fields: Vec<(String, Kind)> = Vec::new();
    for field in system::ALL {
        fields.extend(Kind::ALL.map(|kind| (field.to_owned(), kind)));
    }
    for view in views {
        for field in view.part.fields() {
            let kinds = view.part.kinds(&field);
            fields.extend(kinds.into_iter().map(|kind| (field.clone(), kind)));
        }
    }
    fields.sort_unstable();
    fields.dedup();
    let mut inputs: Vec<Input> = Vec::new();
    for view in views {
        for at in 0..view.part.block_count() {
            let block = view.part.block(at)?;
            let live = view.live(at, block.rows());
            let count = live.count();
            if count == 0 {
                continue;
            }
            let full = |input: &Input| input.places.len() + count > rows_max;
            if inputs.last().is_none_or(full) {
                let part = view.part.name().to_owned();
                let fields = fields.clone();
                inputs.push(Input { part, blocks: Vec::new(), places: Vec::new(), fields });
            }
            let Some(input) = inputs.last_mut() else { continue };
            let number = narrow(input.blocks.len());
            input.places.extend(live.iter().map(|row| (number, narrow(row))));
            input.blocks.push(block);
        }
    }
    Ok(inputs)
}

/// A segment that is being written, under another name until it is whole.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    temporary: PathBuf,
    file: Arc<dyn File>,
    at: u64,
    directory: Directory,
    /// The chunks of each row group, in the order of its own columns.
    chunks: Vec<Vec<Chunk>>,
}

impl Output {
    pub(crate) fn create(fs: &dyn Fs, path: &Path, id_key: u64) -> Result<Self, WriteError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let file = (|| {
            if fs.exists(&temporary)? {
                fs.remove_file(&temporary)?;
            }
            fs.open(&temporary, OpenMode::CreateNew)
        })();
        let file = file.map_err(|error| io_error(path, error))?;
        let mut output = Self {
            path: path.to_owned(),
            temporary,
            file,
            at: 0,
            directory: Directory { id_key, ..Directory::default() },
            chunks: Vec::new(),
        };
        output.append(MAGIC)?;
        Ok(output)
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.file.append(bytes).map_err(|error| io_error(&self.path, error))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Result<(), WriteError> {
        let entry = Entry {
            offset: self.at,
            len: group.bytes.len() as u64,
            rows: group.rows,
            times: group.times,
            seqs: group.seqs,
            main: group.main.clone(),
            keys: Vec::new(),
            sections: group.sections,
        };
        self.enter(entry, &group.keys, group.chunks.clone());
        self.append(&group.bytes)
    }

    /// Puts a row group that begins here into the directory; its bytes are appended by the caller.
    pub(crate) fn enter(&mut self, mut entry: Entry, keys: &[Key], chunks: Vec<Chunk>) {
        entry.offset = self.at;
        let all = &mut self.directory.keys;
        let place = |key: &Key| {
            all.iter().position(|of| of == key).unwrap_or_else(|| {
                all.push(key.clone());
                all.len() - 1
            })
        };
        entry.keys = keys.iter().map(place).collect();
        self.directory.groups.push(entry);
        self.chunks.push(chunks);
    }

    /// Writes what stands behind the row groups, and gives the file its name, durably.
    pub(crate) fn finish(
        mut self,
        fs: &dyn Fs,
        packer: &mut Packer,
    ) -> Result<Summary, WriteError> {
        let (foreign, tail) = self.tail(packer);
        self.append(&foreign)?;
        self.append(&tail)?;
        let done = (|| {
            self.file.sync()?;
            fs.rename(&self.temporary, &self.path)?;
            self.path.parent().map_or(Ok(()), |folder| fs.sync_dir(folder))
        })();
        done.map_err(|error| io_error(&self.path, error))?;
        let groups = &self.directory.groups;
        let ends = |of: fn(&Entry) -> (i64, i64)| {
            groups.iter().map(of).reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
        };
        Ok(Summary {
            rows: groups.iter().map(|group| group.rows).sum(),
            bytes: self.at,
            times: ends(|group| group.times),
            seqs: ends(|group| group.seqs),
        })
    }

    /// Page indexes with pages for missing columns; then directory, trailer and footer.
    fn tail(&mut self, packer: &mut Packer) -> (Vec<u8>, Vec<u8>) {
        let mut foreign = Vec::new();
        let keys = self.directory.keys.clone();
        let mut groups = Vec::new();
        for (entry, chunks) in self.directory.groups.iter().zip(&self.chunks) {
            let mut own: Vec<Option<&Chunk>> = vec![None; keys.len()];
            entry.keys.iter().zip(chunks).for_each(|(at, chunk)| own[*at] = Some(chunk));
            let columns: Vec<(Chunk, u64)> = own
                .into_iter()
                .zip(&keys)
                .map(|(chunk, key)| match chunk {
                    Some(chunk) => (chunk.clone(), entry.offset),
                    None => (missing(key, entry.rows, packer, &mut foreign), self.at),
                })
                .collect();
            groups.push((entry.rows, columns));
        }
        let mut indexes = Vec::new();
        for (rows, columns) in &groups {
            for (chunk, base) in columns {
                let rows = if chunk.pages.len() > 1 { BLOCK_ROWS } else { *rows };
                let mut place = |bytes: Vec<u8>| {
                    let at = (self.at + foreign.len() as u64, bytes.len() as u64);
                    foreign.extend_from_slice(&bytes);
                    at
                };
                let offsets = place(footer::offset_index(chunk, *base, rows));
                indexes.push([offsets, place(footer::column_index(chunk))]);
            }
        }
        let mut indexes = indexes.into_iter();
        let row_groups: Vec<_> = groups
            .iter()
            .map(|(rows, columns)| {
                let column =
                    |(chunk, base): &'_ (Chunk, u64)| (*base, indexes.next(), chunk.slots());
                let places: Vec<_> = columns.iter().map(column).collect();
                let columns = columns.iter().zip(places).map(|((chunk, _), (base, at, _))| {
                    footer::Column { chunk, base, indexes: at.unwrap_or_default() }
                });
                footer::RowGroup { rows: *rows, columns: columns.collect() }
            })
            .collect();
        self.directory.foreign = (self.at, foreign.len() as u64, crc32c(&foreign));
        let directory = self.directory.bytes();
        let at = self.at + foreign.len() as u64;
        let metadata = [
            ("lix.offset", at.to_string()),
            ("lix.len", (directory.len() + TRAILER).to_string()),
            ("lix.version", super::VERSION.to_string()),
        ];
        let footer = footer::footer(&keys, &row_groups, &metadata);
        let mut tail = directory;
        let trailer = Trailer::new(&tail, &footer);
        tail.extend_from_slice(&trailer.bytes());
        tail.extend_from_slice(&footer);
        tail.extend_from_slice(&narrow(footer.len()).to_le_bytes());
        tail.extend_from_slice(MAGIC);
        (foreign, tail)
    }
}

/// A page for a column that a row group does not have.
fn missing(key: &Key, rows: usize, packer: &mut Packer, out: &mut Vec<u8>) -> Chunk {
    let texts = Strings::default();
    let (raw, encoding) = match key.kind {
        Kind::Str => (Raw::Texts(&texts), Encoding::DeltaLength),
        Kind::Int => (Raw::Ints(&[]), Encoding::Delta),
        Kind::Float => (Raw::Floats(&[]), Encoding::Plain),
        Kind::Bool => (Raw::Bools(&[]), Encoding::Plain),
    };
    let starts = vec![0; rows + 1];
    let slots = Slots { rows, starts: Some(&starts), list: key.list };
    let page: Page = packer.data_page(slots, raw, encoding, out);
    let ranges = if key.kind == Kind::Int { vec![None] } else { Vec::new() };
    Chunk { encoding, dictionary: None, pages: vec![page], ranges }
}
