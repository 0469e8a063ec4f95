//! Open chunks' bytes, in chains of 32-byte cells: no growth by copying, no allocation per series, little slack.

/// Payload of a cell.
pub(crate) const CELL_BYTES: usize = 28;
/// "No cell".
pub(crate) const NO_CELL: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Cell {
    bytes: [u8; CELL_BYTES],
    next: u32,
}

/// All cells; those of closed chunks are used again.
#[derive(Debug)]
pub(crate) struct Cells {
    cells: Vec<Cell>,
    free: u32,
    n_free: usize,
}

impl Default for Cells {
    fn default() -> Self {
        Self { cells: Vec::new(), free: NO_CELL, n_free: 0 }
    }
}

/// A chain: the cells of one open chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) head: u32,
    pub(crate) tail: u32,
    /// Bytes in all cells.
    pub(crate) len: u16,
}

impl Chain {
    pub(crate) const EMPTY: Self = Self { head: NO_CELL, tail: NO_CELL, len: 0 };

    /// Bytes in the last cell.
    fn tail_len(self) -> usize {
        match usize::from(self.len) {
            0 => 0,
            len => (len - 1) % CELL_BYTES + 1,
        }
    }
}

impl Cells {
    /// The chain's last byte; 0 when it is empty.
    pub(crate) fn last_byte(&self, chain: Chain) -> u8 {
        match chain.tail_len() {
            0 => 0,
            n => self.cells[chain.tail as usize].bytes[n - 1],
        }
    }

    /// Replaces the last `replace` bytes (0 or 1) and appends the rest of `bytes`.
    pub(crate) fn append(&mut self, chain: &mut Chain, bytes: &[u8], replace: usize) {
        let mut rest = bytes;
        if replace == 1
            && let Some((&first, tail)) = bytes.split_first()
        {
            let at = chain.tail_len() - 1;
            self.cells[chain.tail as usize].bytes[at] = first;
            rest = tail;
        }
        while !rest.is_empty() {
            let mut at = chain.tail_len();
            if chain.head == NO_CELL || at == CELL_BYTES {
                self.extend(chain);
                at = 0;
            }
            let n = rest.len().min(CELL_BYTES - at);
            self.cells[chain.tail as usize].bytes[at..at + n].copy_from_slice(&rest[..n]);
            chain.len += u16::try_from(n).expect("a cell is short");
            rest = &rest[n..];
        }
    }

    fn extend(&mut self, chain: &mut Chain) {
        let cell = Cell { bytes: [0; CELL_BYTES], next: NO_CELL };
        let id = if self.free == NO_CELL {
            self.cells.push(cell);
            u32::try_from(self.cells.len() - 1).expect("128 GB of open chunks do not fit memory")
        } else {
            let id = self.free;
            self.free = self.cells[id as usize].next;
            self.n_free -= 1;
            self.cells[id as usize] = cell;
            id
        };
        if chain.head == NO_CELL {
            chain.head = id;
        } else {
            self.cells[chain.tail as usize].next = id;
        }
        chain.tail = id;
    }

    /// Appends the chain's bytes to `out`.
    pub(crate) fn gather(&self, chain: Chain, out: &mut Vec<u8>) {
        let mut left = usize::from(chain.len);
        let mut at = chain.head;
        while left > 0 {
            let cell = &self.cells[at as usize];
            let n = left.min(CELL_BYTES);
            out.extend_from_slice(&cell.bytes[..n]);
            left -= n;
            at = cell.next;
        }
    }

    /// Gives the chain's cells back.
    pub(crate) fn release(&mut self, chain: &mut Chain) {
        if chain.head != NO_CELL {
            self.cells[chain.tail as usize].next = self.free;
            self.free = chain.head;
            self.n_free += usize::from(chain.len).div_ceil(CELL_BYTES);
        }
        *chain = Chain::EMPTY;
    }

    /// Cells in use.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.cells.len() - self.n_free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_grow_interleaved_are_gathered_and_used_again() {
        let mut cells = Cells::default();
        let mut chains = [Chain::EMPTY; 3];
        let mut expected = [const { Vec::new() }; 3];
        for round in 0_u8..100 {
            for (i, chain) in chains.iter_mut().enumerate() {
                let bytes: Vec<u8> = (0..round % [3, 12, 21][i]).map(|b| b ^ round).collect();
                let replace = usize::from(round % 2 == 1 && chain.len > 0 && !bytes.is_empty());
                cells.append(chain, &bytes, replace);
                let kept = expected[i].len() - replace;
                expected[i].truncate(kept);
                expected[i].extend_from_slice(&bytes);
                assert_eq!(cells.last_byte(*chain), expected[i].last().copied().unwrap_or(0));
            }
        }
        let used = cells.used();
        for (chain, bytes) in chains.iter_mut().zip(&expected) {
            let mut out = Vec::new();
            cells.gather(*chain, &mut out);
            assert_eq!(out, *bytes);
            cells.release(chain);
        }
        assert_eq!(cells.used(), 0);
        cells.append(&mut chains[0], &vec![7; used * CELL_BYTES], 0);
        assert_eq!((cells.used(), cells.cells.len()), (used, used));
    }
}
