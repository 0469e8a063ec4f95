//! A disk in memory that does to a program what disks do: a power cut loses, keeps or tears every unsynced page, forgets
//! names whose folder was not synced, writes run out of space half-way, an fsync fails and the kernel then forgets what
//! was dirty (Rebello et al., "Can Applications Recover from fsync Failures?", 2020). Seeded, so that each run replays.

mod disk;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{DirEntry, File, Fs, Lock, OpenMode};
use crate::rand::Rng;
use disk::{Content, Folder, Ino, Node};

/// The simulated disk. Cloning shares it.
#[derive(Debug, Clone)]
pub struct SimFs(Arc<Mutex<Disk>>);

#[derive(Debug)]
struct Disk {
    rng: Rng,
    folders: BTreeMap<Ino, Folder>,
    files: BTreeMap<Ino, Content>,
    locks: BTreeSet<Ino>,
    next_ino: Ino,
    /// Raised by a power cut: handles from before are dead.
    epoch: u64,
    /// Operations that change the disk, so far.
    ops: u64,
    syncs: u64,
    writes: u64,
    plan: Plan,
    off: bool,
}

/// Faults to come, counted from the beginning of the disk's life.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The power goes before this operation (of those that change the disk).
    pub power_off_at_op: Option<u64>,
    /// These writes stop half-way with an I/O error.
    pub failing_writes: BTreeSet<u64>,
    /// These syncs fail, and the kernel forgets what was dirty.
    pub failing_syncs: BTreeSet<u64>,
    /// Bytes of all files together; a write beyond stops half-way with "no space".
    pub capacity_bytes: Option<u64>,
}

const ROOT: Ino = 0;

impl SimFs {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            rng: Rng::new(seed),
            folders: BTreeMap::from([(ROOT, Folder::default())]),
            files: BTreeMap::new(),
            locks: BTreeSet::new(),
            next_ino: ROOT + 1,
            epoch: 0,
            ops: 0,
            syncs: 0,
            writes: 0,
            plan: Plan::default(),
            off: false,
        })))
    }

    /// Sets the faults to come; [`Plan`] counts from the disk's beginning: see [`SimFs::counts`].
    pub fn set_plan(&self, plan: Plan) {
        self.0.lock().plan = plan;
    }

    /// Operations, writes and syncs so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        let disk = self.0.lock();
        (disk.ops, disk.writes, disk.syncs)
    }

    /// Whether the planned power cut has come. Everything fails until [`SimFs::crash`].
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// Cuts the power and turns it on again: what was not synced is lost, kept or torn as chance has it; open files are
    /// dead, locks free, and the plan is empty.
    pub fn crash(&self) {
        let mut disk = self.0.lock();
        let Disk { rng, folders, files, .. } = &mut *disk;
        folders.values_mut().for_each(|folder| folder.crash(rng));
        files.values_mut().for_each(|content| content.crash(rng));
        disk.locks.clear();
        disk.epoch += 1;
        disk.off = false;
        disk.plan = Plan::default();
    }

    /// Flips the bits of `mask` in a file's byte, on the disk and in the cache.
    ///
    /// # Errors
    /// Not found; `InvalidInput` beyond the file's end.
    pub fn flip(&self, path: &Path, offset: u64, mask: u8) -> io::Result<()> {
        let mut disk = self.0.lock();
        let ino = disk.file(path)?;
        let offset = position(offset)?;
        let content = disk.content(ino)?;
        if offset >= content.seen.len() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "beyond the end of the file"));
        }
        content.flip(offset, mask);
        Ok(())
    }
}

impl Disk {
    fn check_on(&self) -> io::Result<()> {
        if self.off { Err(io::Error::other("power is off")) } else { Ok(()) }
    }

    /// Counts an operation that changes the disk; the planned power cut comes here.
    fn step(&mut self) -> io::Result<()> {
        self.check_on()?;
        if self.plan.power_off_at_op == Some(self.ops) {
            self.off = true;
        }
        self.ops += 1;
        self.check_on()
    }

    fn new_ino(&mut self) -> Ino {
        self.next_ino += 1;
        self.next_ino
    }

    fn lookup(&self, path: &Path) -> io::Result<Node> {
        let mut node = Node::Dir(ROOT);
        for name in names(path) {
            let Node::Dir(ino) = node else {
                return Err(at(path, ErrorKind::NotADirectory));
            };
            let folder = self.folders.get(&ino).ok_or_else(|| at(path, ErrorKind::NotFound))?;
            node = *folder.seen.get(name).ok_or_else(|| at(path, ErrorKind::NotFound))?;
        }
        Ok(node)
    }

    fn folder(&self, path: &Path) -> io::Result<Ino> {
        match self.lookup(path)? {
            Node::Dir(ino) => Ok(ino),
            Node::File(_) => Err(at(path, ErrorKind::NotADirectory)),
        }
    }

    fn file(&self, path: &Path) -> io::Result<Ino> {
        match self.lookup(path)? {
            Node::File(ino) => Ok(ino),
            Node::Dir(_) => Err(at(path, ErrorKind::IsADirectory)),
        }
    }

    /// The folder that holds `path`, and `path`'s name in it.
    fn parent<'a>(&self, path: &'a Path) -> io::Result<(Ino, &'a str)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| at(path, ErrorKind::InvalidInput))?;
        Ok((self.folder(path.parent().unwrap_or(Path::new("")))?, name))
    }

    fn change(&mut self, folder: Ino, changes: Vec<disk::Change>) -> io::Result<()> {
        let folder = self.folders.get_mut(&folder).ok_or(ErrorKind::NotFound)?;
        folder.change(changes);
        Ok(())
    }

    fn content(&mut self, ino: Ino) -> io::Result<&mut Content> {
        self.files.get_mut(&ino).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn used_bytes(&self) -> u64 {
        self.files.values().map(|content| content.seen.len() as u64).sum()
    }

    fn write(&mut self, ino: Ino, offset: Option<u64>, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        let nth = self.writes;
        self.writes += 1;
        let used = self.used_bytes();
        let room = self.plan.capacity_bytes.map_or(u64::MAX, |all| all.saturating_sub(used));
        let failing = self.plan.failing_writes.contains(&nth);
        let half = self.rng.below(bytes.len() as u64);
        let content = self.content(ino)?;
        let end = content.seen.len() as u64;
        let offset = offset.unwrap_or(end);
        let grows = (offset + bytes.len() as u64).saturating_sub(end);
        let fits = if grows > room {
            bytes.len() as u64 - (grows - room).min(bytes.len() as u64)
        } else {
            bytes.len() as u64
        };
        let taken = position(if failing { half.min(fits) } else { fits })?;
        content.write(position(offset)?, &bytes[..taken]);
        match (failing, taken < bytes.len()) {
            (true, _) => Err(io::Error::other("input/output error")),
            (false, true) => Err(ErrorKind::StorageFull.into()),
            (false, false) => Ok(()),
        }
    }

    fn sync(&mut self, ino: Ino) -> io::Result<()> {
        self.step()?;
        let nth = self.syncs;
        self.syncs += 1;
        let failing = self.plan.failing_syncs.contains(&nth);
        let content = self.content(ino)?;
        if failing {
            content.forget_dirty();
            return Err(io::Error::other("input/output error"));
        }
        content.sync();
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    disk: Arc<Mutex<Disk>>,
    ino: Ino,
    epoch: u64,
    writable: bool,
}

impl SimFile {
    fn with<T>(&self, run: impl FnOnce(&mut Disk) -> io::Result<T>) -> io::Result<T> {
        let mut disk = self.disk.lock();
        disk.check_on()?;
        if disk.epoch != self.epoch {
            return Err(io::Error::other("opened before the power cut"));
        }
        run(&mut disk)
    }

    fn write(&self, offset: Option<u64>, bytes: &[u8]) -> io::Result<()> {
        if !self.writable {
            return Err(ErrorKind::PermissionDenied.into());
        }
        self.with(|disk| disk.write(self.ino, offset, bytes))
    }
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.write(None, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write(Some(offset), bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.with(|disk| {
            let seen = &disk.content(self.ino)?.seen;
            let rest = seen.get(position(offset)?..).unwrap_or_default();
            let n = rest.len().min(buf.len());
            buf[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.with(|disk| {
            disk.step()?;
            disk.content(self.ino)?.resize(position(len)?);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        self.with(|disk| Ok(disk.content(self.ino)?.seen.len() as u64))
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|disk| disk.sync(self.ino))
    }
}

#[derive(Debug)]
struct SimLock {
    disk: Arc<Mutex<Disk>>,
    ino: Ino,
    epoch: u64,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if disk.epoch == self.epoch {
            disk.locks.remove(&self.ino);
        }
    }
}

impl Fs for SimFs {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut disk = self.0.lock();
        disk.check_on()?;
        let ino = match (disk.lookup(path), mode) {
            (Ok(_), OpenMode::CreateNew) => return Err(at(path, ErrorKind::AlreadyExists)),
            (Ok(_), OpenMode::Read | OpenMode::Write | OpenMode::OpenOrCreate) => {
                disk.file(path)?
            }
            (Err(error), OpenMode::Read | OpenMode::Write) => return Err(error),
            (Err(_), OpenMode::CreateNew | OpenMode::OpenOrCreate) => {
                disk.step()?;
                let (folder, name) = disk.parent(path)?;
                let ino = disk.new_ino();
                disk.files.insert(ino, Content::default());
                disk.change(folder, vec![(name.to_owned(), Some(Node::File(ino)))])?;
                ino
            }
        };
        let epoch = disk.epoch;
        drop(disk);
        Ok(Arc::new(SimFile {
            disk: Arc::clone(&self.0),
            ino,
            epoch,
            writable: mode != OpenMode::Read,
        }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        let mut folder = ROOT;
        for name in names(path) {
            let have = disk.folders.get(&folder).and_then(|f| f.seen.get(name)).copied();
            folder = match have {
                Some(Node::Dir(ino)) => ino,
                Some(Node::File(_)) => return Err(at(path, ErrorKind::NotADirectory)),
                None => {
                    disk.step()?;
                    let ino = disk.new_ino();
                    disk.folders.insert(ino, Folder::default());
                    disk.change(folder, vec![(name.to_owned(), Some(Node::Dir(ino)))])?;
                    ino
                }
            };
        }
        disk.check_on()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let disk = self.0.lock();
        disk.check_on()?;
        let ino = disk.folder(path)?;
        let entries = disk.folders.get(&ino).into_iter().flat_map(|folder| &folder.seen);
        Ok(entries
            .map(|(name, node)| match node {
                Node::Dir(_) => DirEntry { name: name.clone(), is_dir: true, len: 0 },
                Node::File(ino) => {
                    let len = disk.files.get(ino).map_or(0, |content| content.seen.len() as u64);
                    DirEntry { name: name.clone(), is_dir: false, len }
                }
            })
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        let node = disk.lookup(from)?;
        if let Ok(Node::Dir(ino)) = disk.lookup(to)
            && disk.folders.get(&ino).is_some_and(|folder| !folder.seen.is_empty())
        {
            return Err(at(to, ErrorKind::DirectoryNotEmpty));
        }
        let (old, old_name) = disk.parent(from)?;
        let (new, new_name) = disk.parent(to)?;
        let removal = (old_name.to_owned(), None);
        let arrival = (new_name.to_owned(), Some(node));
        if old == new {
            return disk.change(old, vec![removal, arrival]);
        }
        disk.change(new, vec![arrival])?;
        disk.change(old, vec![removal])
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        disk.file(path)?;
        let (folder, name) = disk.parent(path)?;
        disk.change(folder, vec![(name.to_owned(), None)])
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        disk.folder(path)?;
        let (folder, name) = disk.parent(path)?;
        disk.change(folder, vec![(name.to_owned(), None)])
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        let ino = disk.folder(path)?;
        disk.folders.get_mut(&ino).ok_or(ErrorKind::NotFound)?.sync();
        Ok(())
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let disk = self.0.lock();
        disk.check_on()?;
        Ok(disk.lookup(path).is_ok())
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        let disk = self.0.lock();
        disk.check_on()?;
        let used = disk.used_bytes();
        Ok(disk.plan.capacity_bytes.map_or(u64::MAX / 2, |all| all.saturating_sub(used)))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.open(path, OpenMode::OpenOrCreate)?;
        let mut disk = self.0.lock();
        let ino = disk.file(path)?;
        if !disk.locks.insert(ino) {
            return Err(at(path, ErrorKind::WouldBlock));
        }
        let epoch = disk.epoch;
        Ok(Box::new(SimLock { disk: Arc::clone(&self.0), ino, epoch }))
    }
}

fn names(path: &Path) -> impl Iterator<Item = &str> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => {
            None
        }
    })
}

fn at(path: &Path, kind: ErrorKind) -> io::Error {
    io::Error::new(kind, format!("{}: {kind}", path.display()))
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| ErrorKind::InvalidInput.into())
}
