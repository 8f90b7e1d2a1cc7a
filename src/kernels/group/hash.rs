//! Hashes of group keys: a folded multiply, the cheapest that spreads well over the low bits.
//!
//! Covers integers, Arrow views and bytes. The hashes decide speed only: every table compares keys in full.

const A: u64 = 0x9E37_79B9_7F4A_7C15;
const B: u64 = 0xD1B5_4A32_D192_ED03;

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    (product as u64) ^ ((product >> 64) as u64)
}

/// The hash of 8 bytes.
#[inline]
pub(crate) fn hash_u64(key: u64) -> u64 {
    fold(key ^ A, B)
}

/// The hash of 16 bytes. Each half meets a fixed factor: multiplied with each other, texts with the same beginning, such as
/// numbered names, would fill a table in clusters.
#[inline]
pub(crate) fn hash_u128(key: u128) -> u64 {
    fold(fold((key as u64) ^ A, B) ^ ((key >> 64) as u64), A)
}

/// The hash of `a` continued by `b`.
#[inline]
pub(crate) fn combine(a: u64, b: u64) -> u64 {
    fold(a ^ A, b ^ B)
}

/// The hash of bytes of any length.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = fold(bytes.len() as u64 ^ A, B);
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let mut buffer = [0; 8];
        buffer.copy_from_slice(word);
        hash = fold(hash ^ u64::from_le_bytes(buffer), B);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut buffer = [0; 8];
        buffer[..rest.len()].copy_from_slice(rest);
        hash = fold(hash ^ u64::from_le_bytes(buffer), A);
    }
    hash
}
