//! LEB128 variable-length integers, as Go's `encoding/binary` and protobuf write them.

/// Longest encoding of a `u64`, in bytes.
pub const VARINT_BYTES_MAX: usize = 10;

/// Appends `value` as an unsigned varint.
pub fn put_uvarint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends `value` as a zig-zag varint (Go's `PutVarint`).
pub fn put_varint(out: &mut Vec<u8>, value: i64) {
    put_uvarint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Reads an unsigned varint from the front: the value and the bytes it took. `None` when cut short or over 64 bits.
#[must_use]
pub fn uvarint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (i, &byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        if i == VARINT_BYTES_MAX - 1 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((value, i + 1));
        }
    }
    None
}

/// Reads a zig-zag varint from the front, as [`uvarint`].
#[must_use]
pub fn varint(bytes: &[u8]) -> Option<(i64, usize)> {
    let (raw, n) = uvarint(bytes)?;
    Some(((raw >> 1).cast_signed() ^ -((raw & 1).cast_signed()), n))
}
