//! Native histograms of the head: the open chunk of each series that has one.

use std::sync::Arc;

use crate::chunk::cut::HistogramCut;
use crate::chunk::{
    ChunkError, Encoding, Fit, FloatHistogramChunk, HistogramChunk, ResetHeader,
    decode_float_histograms, decode_histograms,
};

use super::closed::{Chunk, Place};
use super::side::HistogramValue;
use super::slot::{HISTOGRAM, STARTED};
use super::{CHUNK_RANGE_MS, Head};

/// The open chunk of a series whose newest sample is a histogram.
#[derive(Debug)]
pub(super) struct OpenHistograms {
    chunk: OpenChunk,
    cut: HistogramCut,
    pub(super) mint: i64,
    pub(super) maxt: i64,
    pub(super) last: HistogramValue,
}

#[derive(Debug)]
enum OpenChunk {
    Int(Box<HistogramChunk>),
    Float(Box<FloatHistogramChunk>),
}

impl OpenChunk {
    fn start(header: ResetHeader, t: i64, h: &HistogramValue) -> Result<Self, ChunkError> {
        match h {
            HistogramValue::Int(h) => {
                HistogramChunk::start(header, t, h).map(|chunk| Self::Int(Box::new(chunk)))
            }
            HistogramValue::Float(h) => {
                FloatHistogramChunk::start(header, t, h).map(|chunk| Self::Float(Box::new(chunk)))
            }
        }
    }

    /// Appends the sample, or says with which header the next chunk is to begin.
    fn append(&mut self, t: i64, h: &HistogramValue) -> Result<Fit, ChunkError> {
        match (self, h) {
            (Self::Int(chunk), HistogramValue::Int(h)) => chunk.append(t, h),
            (Self::Float(chunk), HistogramValue::Float(h)) => chunk.append(t, h),
            (Self::Int(_), HistogramValue::Float(h)) => {
                Ok(Fit::NewChunk(ResetHeader::first(h.reset_hint)))
            }
            (Self::Float(_), HistogramValue::Int(h)) => {
                Ok(Fit::NewChunk(ResetHeader::first(h.reset_hint)))
            }
        }
    }

    fn next_header(&self, h: &HistogramValue) -> ResetHeader {
        match (self, h) {
            (Self::Int(chunk), HistogramValue::Int(h)) => chunk.next_header(h),
            (Self::Float(chunk), HistogramValue::Float(h)) => chunk.next_header(h),
            (Self::Int(_), HistogramValue::Float(h)) => ResetHeader::first(h.reset_hint),
            (Self::Float(_), HistogramValue::Int(h)) => ResetHeader::first(h.reset_hint),
        }
    }

    fn encoding(&self) -> Encoding {
        match self {
            Self::Int(_) => Encoding::Histogram,
            Self::Float(_) => Encoding::FloatHistogram,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Int(chunk) => chunk.bytes(),
            Self::Float(chunk) => chunk.bytes(),
        }
    }

    fn n(&self) -> u16 {
        match self {
            Self::Int(chunk) => chunk.len(),
            Self::Float(chunk) => chunk.len(),
        }
    }
}

impl OpenHistograms {
    /// The chunk as it would be stored now.
    pub(super) fn stored(&self) -> (Encoding, &[u8]) {
        (self.chunk.encoding(), self.chunk.bytes())
    }

    /// With which header a new chunk must begin before `h` can be stored; `None`: it has been appended.
    fn append(&mut self, t: i64, h: &HistogramValue) -> Result<Option<ResetHeader>, ChunkError> {
        if self.cut.is_due(self.chunk.n(), self.maxt, self.chunk.bytes().len(), t) {
            return Ok(Some(self.chunk.next_header(h)));
        }
        match self.chunk.append(t, h) {
            Ok(Fit::Appended) => Ok(None),
            Ok(Fit::NewChunk(header)) => Ok(Some(header)),
            Err(ChunkError::Full) => Ok(Some(self.chunk.next_header(h))),
            Err(error @ (ChunkError::Short | ChunkError::Invalid(_) | ChunkError::Encoding(_))) => {
                Err(error)
            }
        }
    }
}

impl Head {
    /// Appends a histogram that is newer than all in-order samples of the series. One whose spans and buckets do not agree, which only
    /// another program's log can hold, is left out.
    pub(crate) fn put_histogram(&mut self, id: u32, t: i64, h: HistogramValue) {
        let header = match self.histograms.get_mut(&id) {
            Some(open) => open.append(t, &h),
            None => Ok(Some(ResetHeader::first(h.reset_hint()))),
        };
        let started = match header {
            Ok(None) => None,
            Ok(Some(header)) => match OpenChunk::start(header, t, &h) {
                Ok(chunk) => Some(chunk),
                Err(_) => return,
            },
            Err(_) => return,
        };
        self.touch(id, t);
        self.counts.histograms += 1;
        if let Some(chunk) = started {
            self.close_floats(id);
            self.close_histograms(id);
            let cut = HistogramCut::start(t, CHUNK_RANGE_MS);
            let open = OpenHistograms { chunk, cut, mint: t, maxt: t, last: h };
            self.histograms.insert(id, open);
            self.counts.open_chunks += 1;
            self.counts.chunks_created += 1;
        } else if let Some(open) = self.histograms.get_mut(&id) {
            (open.maxt, open.last) = (t, h);
        }
        let slot = &mut self.slots[id as usize];
        slot.last_t = t;
        slot.flags |= STARTED | HISTOGRAM;
    }

    pub(super) fn close_histograms(&mut self, id: u32) {
        let Some(open) = self.histograms.remove(&id) else { return };
        let (encoding, bytes) = open.stored();
        let chunk = Chunk {
            mint: open.mint,
            maxt: open.maxt,
            encoding,
            n: open.chunk.n(),
            place: Place::Memory(Arc::from(bytes)),
        };
        self.push_closed(id, chunk);
        self.counts.open_chunks -= 1;
    }
}

/// The histograms of a stored chunk, as they were appended.
pub(super) fn stored_values(
    encoding: Encoding,
    bytes: &[u8],
) -> Result<Vec<(i64, HistogramValue)>, ChunkError> {
    match encoding {
        Encoding::Xor => Ok(Vec::new()),
        Encoding::Histogram => {
            let mut out = Vec::new();
            decode_histograms(bytes, &mut out)?;
            let value = |(t, h)| (t, HistogramValue::Int(Arc::new(h)));
            Ok(out.into_iter().map(value).collect())
        }
        Encoding::FloatHistogram => {
            let mut out = Vec::new();
            decode_float_histograms(bytes, &mut out)?;
            let value = |(t, h)| (t, HistogramValue::Float(Arc::new(h)));
            Ok(out.into_iter().map(value).collect())
        }
    }
}
