//! The hot part of a series: one cache line, all that appending a float needs.

use crate::chunk::XorState;
use crate::chunk::cut::FloatCut;

use super::cells::{Chain, NO_CELL};

/// Series per extent: what one appender takes at a time, so that a target's series lie together.
pub(crate) const EXTENT_SLOTS: u32 = 256;
/// "Nothing" in the `u32` links of a series.
pub(crate) const NONE: u32 = u32::MAX;

/// The slot belongs to a series.
pub(crate) const TAKEN: u8 = 1;
/// A commit has made the series visible.
pub(crate) const BORN: u8 = 2;
/// The log has a series record with the slot's ref.
pub(crate) const LOGGED: u8 = 4;
/// The newest in-order sample is a histogram.
pub(crate) const HISTOGRAM: u8 = 8;
/// There are out-of-order samples on the side.
pub(crate) const OUT_OF_ORDER: u8 = 16;
/// The series has had an in-order sample: `last_t` and `last_v` hold.
pub(crate) const STARTED: u8 = 32;
/// The open chunk is the series' first in this process; it is cut at a random length so that chunks do not fill together.
pub(crate) const FIRST_CHUNK: u8 = 64;

/// The last truncation found the series without a commit.
pub(crate) const UNBORN_SEEN: u8 = 128;

/// One series. 64 bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// Time of the newest in-order sample.
    pub(crate) last_t: i64,
    /// Bits of the newest float.
    pub(crate) last_v: u64,
    pub(crate) t_delta: u64,
    /// Time of the open chunk's first sample.
    pub(crate) chunk_mint: i64,
    /// First time of the next chunk.
    pub(crate) next_at: i64,
    pub(crate) head: u32,
    pub(crate) tail: u32,
    /// Counts the series that the slot has held; part of the ref.
    pub(crate) generation: u32,
    /// Low bits of the last commit that touched the series.
    pub(crate) commit: u32,
    pub(crate) len: u16,
    /// Samples in the open chunk.
    pub(crate) n: u16,
    pub(crate) used: u8,
    pub(crate) leading: u8,
    pub(crate) trailing: u8,
    pub(crate) flags: u8,
}

const _: () = assert!(size_of::<Slot>() == 64);

impl Slot {
    pub(crate) fn empty(generation: u32) -> Self {
        let state = XorState::default();
        Self {
            last_t: i64::MIN,
            last_v: 0,
            t_delta: 0,
            chunk_mint: 0,
            next_at: 0,
            head: NO_CELL,
            tail: NO_CELL,
            generation,
            commit: 0,
            len: 0,
            n: 0,
            used: 0,
            leading: state.leading,
            trailing: 0,
            flags: 0,
        }
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn chain(&self) -> Chain {
        Chain { head: self.head, tail: self.tail, len: self.len }
    }

    pub(crate) fn set_chain(&mut self, chain: Chain) {
        (self.head, self.tail, self.len) = (chain.head, chain.tail, chain.len);
    }

    pub(crate) fn state(&self) -> XorState {
        XorState {
            t: self.last_t,
            v: self.last_v,
            t_delta: self.t_delta,
            n: self.n,
            used: self.used,
            leading: self.leading,
            trailing: self.trailing,
        }
    }

    pub(crate) fn set_state(&mut self, state: &XorState) {
        self.last_t = state.t;
        self.last_v = state.v;
        self.t_delta = state.t_delta;
        self.n = state.n;
        self.used = state.used;
        self.leading = state.leading;
        self.trailing = state.trailing;
    }

    pub(crate) fn cut(&self) -> FloatCut {
        FloatCut { mint: self.chunk_mint, next_at: self.next_at }
    }

    pub(crate) fn set_cut(&mut self, cut: FloatCut) {
        (self.chunk_mint, self.next_at) = (cut.mint, cut.next_at);
    }
}

/// What is looked at when a series is made, selected or described.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cold {
    /// Where the label set lies.
    pub(crate) set: u32,
    /// High half of the label hash.
    pub(crate) hash: u32,
    /// The newest closed chunk.
    pub(crate) closed: u32,
    /// The metadata's number.
    pub(crate) metadata: u32,
    /// Time of the oldest closed chunk's first sample; holds while there is one.
    pub(crate) oldest: i64,
}

impl Cold {
    pub(crate) const EMPTY: Self =
        Self { set: NONE, hash: 0, closed: NONE, metadata: NONE, oldest: i64::MAX };
}
