//! Closed chunks: a small node per chunk, in a list per series from the newest back; the bytes lie in memory until they are on disk.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::chunk::Encoding;

use super::slot::NONE;

/// Where a chunk's bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Memory(Arc<[u8]>),
    /// A position in `chunks_head`.
    Disk(u64),
}

/// One closed chunk.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    pub(crate) mint: i64,
    pub(crate) maxt: i64,
    pub(crate) encoding: Encoding,
    pub(crate) n: u16,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    mint: i64,
    /// A position on disk, or a place in [`Closed::memory`].
    at: u64,
    span: u32,
    prev: u32,
    n: u16,
    encoding: Encoding,
    in_memory: bool,
}

/// All nodes, and the bytes that are not on disk yet.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    nodes: Vec<Node>,
    free: Vec<u32>,
    memory: Vec<Option<Arc<[u8]>>>,
    free_memory: Vec<u32>,
    memory_bytes: usize,
    /// Nodes in memory and their series' slots, in the order of closing.
    waiting: VecDeque<(u32, u32)>,
}

impl Closed {
    /// Puts a chunk of series `id` in front of the list that begins at `list`.
    pub(crate) fn push(&mut self, list: &mut u32, id: u32, chunk: Chunk) {
        let (at, in_memory) = match chunk.place {
            Place::Memory(bytes) => (u64::from(self.keep(bytes)), true),
            Place::Disk(at) => (at, false),
        };
        // A span that does not fit (49 days) only makes a reader look at the chunk in vain.
        let span = u32::try_from(chunk.maxt.saturating_sub(chunk.mint)).unwrap_or(u32::MAX);
        let Chunk { mint, encoding, n, .. } = chunk;
        let node = Node { mint, at, span, prev: *list, n, encoding, in_memory };
        let at = match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                u32::try_from(self.nodes.len() - 1).expect("128 GB of nodes do not fit memory")
            }
        };
        if in_memory {
            self.waiting.push_back((at, id));
        }
        *list = at;
    }

    fn keep(&mut self, bytes: Arc<[u8]>) -> u32 {
        self.memory_bytes += bytes.len();
        if let Some(at) = self.free_memory.pop() {
            self.memory[at as usize] = Some(bytes);
            return at;
        }
        self.memory.push(Some(bytes));
        u32::try_from(self.memory.len() - 1).expect("nodes are bounded")
    }

    /// The chunks of a list with samples in `mint..=maxt`, oldest first.
    pub(crate) fn overlapping(&self, list: u32, mint: i64, maxt: i64) -> Vec<Chunk> {
        let mut found = Vec::new();
        let mut at = list;
        while at != NONE {
            let chunk = self.chunk(at);
            if chunk.maxt < mint {
                break;
            }
            at = self.nodes[at as usize].prev;
            if chunk.mint <= maxt {
                found.push(chunk);
            }
        }
        found.reverse();
        found
    }

    /// Whether a chunk of a list reaches over `t`.
    pub(crate) fn covers(&self, list: u32, t: i64) -> bool {
        let mut at = list;
        while at != NONE {
            let node = &self.nodes[at as usize];
            if node.mint <= t {
                return t <= node.mint.saturating_add(i64::from(node.span));
            }
            at = node.prev;
        }
        false
    }

    fn chunk(&self, id: u32) -> Chunk {
        let node = &self.nodes[id as usize];
        let place = if node.in_memory {
            let at = usize::try_from(node.at).expect("an index");
            Place::Memory(Arc::clone(self.memory[at].as_ref().expect("kept until it is on disk")))
        } else {
            Place::Disk(node.at)
        };
        let maxt = node.mint.saturating_add(i64::from(node.span));
        Chunk { mint: node.mint, maxt, encoding: node.encoding, n: node.n, place }
    }

    /// Node ids of the chunks of a list that lie in memory, oldest first.
    pub(crate) fn in_memory(&self, list: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut at = list;
        // Chunks go to disk in order: behind one that is there, all are.
        while at != NONE && self.nodes[at as usize].in_memory {
            found.push(at);
            at = self.nodes[at as usize].prev;
        }
        found.reverse();
        found
    }

    /// Nodes in memory and their series' slots, in the order of closing.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (u32, u32)> {
        self.waiting.iter().copied()
    }

    pub(crate) fn node(&self, id: u32) -> Chunk {
        self.chunk(id)
    }

    /// The bytes of node `id` are at `at` on disk now.
    pub(crate) fn moved(&mut self, id: u32, at: u64) {
        let node = &mut self.nodes[id as usize];
        if !node.in_memory {
            return;
        }
        let slot = usize::try_from(node.at).expect("an index");
        (node.at, node.in_memory) = (at, false);
        if let Some(bytes) = self.memory[slot].take() {
            self.memory_bytes -= bytes.len();
        }
        self.free_memory.push(u32::try_from(slot).expect("an index"));
        if self.waiting.front().is_some_and(|(node, _)| *node == id) {
            self.waiting.pop_front();
        } else {
            self.waiting.retain(|(node, _)| *node != id);
        }
    }

    /// Time of the oldest sample of a list; `None` when it is empty.
    pub(crate) fn oldest(&self, list: u32) -> Option<i64> {
        let mut at = list;
        let mut mint = None;
        while at != NONE {
            mint = Some(self.nodes[at as usize].mint);
            at = self.nodes[at as usize].prev;
        }
        mint
    }

    /// Drops the chunks of a list that end before `mint`; returns how many.
    pub(crate) fn truncate(&mut self, list: &mut u32, mint: i64) -> usize {
        let ends_before = |node: &Node| node.mint.saturating_add(i64::from(node.span)) < mint;
        let mut gone = NONE;
        if *list != NONE && ends_before(&self.nodes[*list as usize]) {
            gone = std::mem::replace(list, NONE);
        } else {
            let mut at = *list;
            while at != NONE {
                let prev = self.nodes[at as usize].prev;
                if prev != NONE && ends_before(&self.nodes[prev as usize]) {
                    self.nodes[at as usize].prev = NONE;
                    gone = prev;
                    break;
                }
                at = prev;
            }
        }
        let mut n = 0;
        while gone != NONE {
            self.moved(gone, 0);
            self.free.push(gone);
            gone = self.nodes[gone as usize].prev;
            n += 1;
        }
        n
    }

    /// Chunks in all lists.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// Bytes of chunks that are not on disk.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(mint: i64) -> Chunk {
        let place = Place::Memory(Arc::from([1, 2, 3]));
        Chunk { mint, maxt: mint + 9, encoding: Encoding::Xor, n: 1, place }
    }

    #[test]
    fn lists_are_read_by_time_and_cut_at_the_old_end() {
        let mut closed = Closed::default();
        let (mut a, mut b) = (NONE, NONE);
        for mint in [0, 10, 20, 30] {
            closed.push(&mut a, 1, chunk(mint));
            closed.push(&mut b, 2, chunk(mint + 100));
        }
        let mints = |closed: &Closed, list, from, to| {
            closed.overlapping(list, from, to).iter().map(|c| c.mint).collect::<Vec<_>>()
        };
        assert_eq!(mints(&closed, a, 15, 20), [10, 20]);
        assert_eq!(mints(&closed, a, 40, 50), []);
        assert_eq!(closed.truncate(&mut a, 19), 1);
        assert_eq!(closed.truncate(&mut a, 20), 1);
        assert_eq!(mints(&closed, a, 0, 99), [20, 30]);
        assert_eq!((closed.oldest(a), closed.len(), closed.memory_bytes()), (Some(20), 6, 18));
        for id in closed.in_memory(b) {
            closed.moved(id, 7);
        }
        assert_eq!((closed.memory_bytes(), mints(&closed, b, 0, 999).len()), (6, 4));
        assert_eq!(closed.truncate(&mut a, 1000), 2);
        assert_eq!((a, closed.len()), (NONE, 4));
    }
}
