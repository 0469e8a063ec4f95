//! Records that are logged together: all of them are written or none.

use super::record::{
    self, RefExemplar, RefFloatHistogram, RefHistogram, RefMetadata, RefMmapMarker, RefSample,
    RefSeries, RefTombstone,
};

/// Encoded records in order. Series come before the samples that refer to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    ends: Vec<usize>,
}

impl Batch {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all records before compression.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The records in order.
    pub fn records(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }

    /// Adds a record that is encoded already.
    pub fn record(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Adds a record that `encode` appends. Nothing is added when it appends nothing but the record's type.
    pub fn encode(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        if self.bytes.len() > start + 1 {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(start);
        }
    }

    pub fn series<'a>(&mut self, series: impl IntoIterator<Item = &'a RefSeries>) {
        self.encode(|out| record::encode_series(out, series));
    }

    pub fn samples(&mut self, samples: impl IntoIterator<Item = RefSample>) {
        self.encode(|out| record::encode_samples(out, samples));
    }

    pub fn tombstones(&mut self, tombstones: impl IntoIterator<Item = RefTombstone>) {
        self.encode(|out| record::encode_tombstones(out, tombstones));
    }

    pub fn exemplars<'a>(&mut self, exemplars: impl IntoIterator<Item = &'a RefExemplar>) {
        self.encode(|out| record::encode_exemplars(out, exemplars));
    }

    pub fn mmap_markers(&mut self, markers: impl IntoIterator<Item = RefMmapMarker>) {
        self.encode(|out| record::encode_mmap_markers(out, markers));
    }

    pub fn metadata<'a>(&mut self, metadata: impl IntoIterator<Item = &'a RefMetadata>) {
        self.encode(|out| record::encode_metadata(out, metadata));
    }

    /// Adds up to two records: custom buckets have one of their own.
    pub fn histograms(&mut self, samples: &[RefHistogram]) {
        let ends = &mut self.ends;
        record::encode_histograms(&mut self.bytes, samples, |end| ends.push(end));
    }

    /// As [`Batch::histograms`].
    pub fn float_histograms(&mut self, samples: &[RefFloatHistogram]) {
        let ends = &mut self.ends;
        record::encode_float_histograms(&mut self.bytes, samples, |end| ends.push(end));
    }
}
