//! Between bitmaps and bytes of 0 and 1, and from bitmaps to row numbers.

use std::mem::MaybeUninit;

use super::{Out, Task, vectorised};

struct Unpack<'a> {
    bits: &'a [u8],
    offset: usize,
    out: Out<'a, u8>,
}

impl Task for Unpack<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if self.offset.is_multiple_of(8) {
            let bytes = &self.bits[self.offset / 8..];
            for (slots, byte) in self.out.chunks_mut(8).zip(bytes) {
                for (bit, slot) in slots.iter_mut().enumerate() {
                    slot.write((byte >> bit) & 1);
                }
            }
        } else {
            for (row, slot) in self.out.iter_mut().enumerate() {
                let at = self.offset + row;
                slot.write((self.bits[at / 8] >> (at % 8)) & 1);
            }
        }
    }
}

/// A byte for each bit from `offset` on.
pub fn unpack(bits: &[u8], offset: usize, out: Out<'_, u8>) {
    vectorised(Unpack { bits, offset, out });
}

struct Pack<'a> {
    bytes: &'a [u8],
    out: &'a mut [u8],
}

impl Task for Pack<'_> {
    type Output = usize;
    #[inline(always)]
    fn run(self) -> usize {
        let mut ones = 0;
        let (words, rest) = self.bytes.as_chunks::<8>();
        let (whole, last) = self.out.split_at_mut(words.len());
        for (slot, word) in whole.iter_mut().zip(words) {
            // Gathers the lowest bit of each byte into one byte.
            let packed = (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8;
            *slot = packed;
            ones += packed.count_ones() as usize;
        }
        if let Some(slot) = last.first_mut() {
            let packed = rest
                .iter()
                .enumerate()
                .fold(0, |byte, (bit, value)| byte | (value << bit));
            *slot = packed;
            ones += packed.count_ones() as usize;
        }
        ones
    }
}

/// A bit for each byte; `out` has exactly the bytes that takes. Gives the number of ones.
pub fn pack(bytes: &[u8], out: &mut [u8]) -> usize {
    debug_assert_eq!(out.len(), bytes.len().div_ceil(8));
    #[cfg(target_arch = "x86_64")]
    if super::has_avx512() {
        // SAFETY: AVX-512 BW is there.
        return unsafe { pack_avx512(bytes, out) };
    }
    vectorised(Pack { bytes, out })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,popcnt")]
fn pack_avx512(bytes: &[u8], out: &mut [u8]) -> usize {
    use std::arch::x86_64::{_mm512_loadu_si512, _mm512_test_epi8_mask};
    let mut ones = 0;
    let (blocks, rest) = bytes.as_chunks::<64>();
    let (whole, last) = out.split_at_mut(blocks.len() * 8);
    for (slot, block) in whole.as_chunks_mut::<8>().0.iter_mut().zip(blocks) {
        // SAFETY: a block is 64 readable bytes, and the load asks for no alignment.
        let value = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let mask = _mm512_test_epi8_mask(value, value);
        *slot = mask.to_le_bytes();
        ones += mask.count_ones() as usize;
    }
    ones + Pack {
        bytes: rest,
        out: last,
    }
    .run()
}

/// Appends `first + row` for each byte that is 1.
pub fn positions(bytes: &[u8], first: u32, into: &mut Vec<u32>) {
    into.reserve(bytes.len() + 64);
    #[cfg(target_arch = "x86_64")]
    if super::has_avx512() {
        // SAFETY: AVX-512 F and BW are there, and there is room for a position of every byte and a block more.
        unsafe { positions_avx512(bytes, first, into) };
        return;
    }
    positions_plain(bytes, first, into);
}

/// Room for a position of every byte must be reserved.
fn positions_plain(bytes: &[u8], first: u32, into: &mut Vec<u32>) {
    let room = into.spare_capacity_mut();
    let mut found = 0;
    for (row, byte) in bytes.iter().enumerate() {
        // Written always, kept only when the byte is 1: no branch to guess.
        room[found] = MaybeUninit::new(first + row as u32);
        found += usize::from(*byte);
    }
    let length = into.len() + found;
    // SAFETY: the first `found` places of the spare room were written.
    unsafe { into.set_len(length) };
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,popcnt")]
unsafe fn positions_avx512(bytes: &[u8], first: u32, into: &mut Vec<u32>) {
    use std::arch::x86_64::{
        _mm512_add_epi32, _mm512_loadu_si512, _mm512_maskz_compress_epi32, _mm512_set1_epi32,
        _mm512_setr_epi32, _mm512_storeu_si512, _mm512_test_epi8_mask,
    };
    let (blocks, rest) = bytes.as_chunks::<64>();
    let iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    let step = _mm512_set1_epi32(16);
    let mut rows = _mm512_add_epi32(iota, _mm512_set1_epi32(first.cast_signed()));
    let start = into.len();
    let mut found = 0;
    for block in blocks {
        // SAFETY: a block is 64 readable bytes, and the load asks for no alignment.
        let value = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let mut mask = _mm512_test_epi8_mask(value, value);
        for _ in 0..4 {
            let part = mask as u16;
            let kept = _mm512_maskz_compress_epi32(part, rows);
            // SAFETY: 64 places beyond the number of bytes were reserved, so 16 more fit behind what was found.
            unsafe { _mm512_storeu_si512(into.as_mut_ptr().add(start + found).cast(), kept) };
            found += part.count_ones() as usize;
            rows = _mm512_add_epi32(rows, step);
            mask >>= 16;
        }
    }
    // SAFETY: `found` positions were written from `start` on.
    unsafe { into.set_len(start + found) };
    positions_plain(rest, first + (blocks.len() * 64) as u32, into);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_bytes_and_rows() {
        for length in [0usize, 1, 7, 8, 9, 63, 64, 65, 130, 1000] {
            let bytes: Vec<u8> = (0..length).map(|i| u8::from(i % 3 == 0 || i % 7 == 2)).collect();
            let mut packed = vec![0; length.div_ceil(8)];
            let ones = pack(&bytes, &mut packed);
            assert_eq!(ones, bytes.iter().filter(|byte| **byte == 1).count());
            for offset in [0, 3, 8, 13] {
                if offset > length {
                    continue;
                }
                let mut back = vec![MaybeUninit::new(9); length - offset];
                unpack(&packed, offset, &mut back);
                // SAFETY: `unpack` wrote every element.
                let back: Vec<u8> = back.iter().map(|value| unsafe { value.assume_init() }).collect();
                assert_eq!(back, bytes[offset..]);
            }
            let expected: Vec<u32> = (0..length as u32)
                .filter(|row| bytes[*row as usize] == 1)
                .map(|row| row + 5)
                .collect();
            let mut found = vec![77];
            positions(&bytes, 5, &mut found);
            assert_eq!(found[1..], expected);
            let mut found = Vec::with_capacity(length + 64);
            positions_plain(&bytes, 5, &mut found);
            assert_eq!(found, expected);
            let mut plain = vec![0; length.div_ceil(8)];
            Pack {
                bytes: &bytes,
                out: &mut plain,
            }
            .run();
            assert_eq!(plain, packed);
        }
    }
}
