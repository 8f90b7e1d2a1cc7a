//! A content hash of large memory, at the speed of reading it.
//!
//! Segments are hashed on all cores. Each keeps 512 bits in eight lanes, to which every word is added both as it is, in the
//! lane beside its own, and as a product of its halves under a key that depends on its place; BLAKE3 makes the token of
//! the lanes of all segments. It tells content apart that differs by chance, not by somebody's design.

use rayon::prelude::*;

use crate::kernels::ops::{Task, vectorised};
use crate::parallel;
use crate::token::{Token, Tokenizer};

const SEGMENT: usize = 1 << 20;
const LANES: usize = 8;
/// Bytes that are taken in at once.
const STRIPE: usize = LANES * 8;
/// Stripes after which the lanes are stirred, so that no two stripes have the same weight.
const ROUND: usize = 16;

/// The first 64 bits of the fractional parts of the square roots of the first primes.
const KEYS: [u64; LANES] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];
/// An odd number by which keys differ from stripe to stripe.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// An odd factor for stirring, of 32 bits.
const FACTOR: u64 = 0x9e37_79b1;

/// The token of the bytes.
#[must_use]
pub fn token(bytes: &[u8]) -> Token {
    let lanes: Vec<[u64; LANES]> = if bytes.len() > 4 * SEGMENT {
        parallel::install(|| bytes.par_chunks(SEGMENT).map(segment).collect())
    } else {
        bytes.chunks(SEGMENT).map(segment).collect()
    };
    let mut t = Tokenizer::new();
    t.text("content").number(bytes.len() as u64);
    lanes.iter().flatten().for_each(|lane| {
        t.number(*lane);
    });
    t.finish()
}

fn segment(bytes: &[u8]) -> [u64; LANES] {
    vectorised(Segment(bytes))
}

struct Segment<'a>(&'a [u8]);

impl Task for Segment<'_> {
    type Output = [u64; LANES];

    #[inline(always)]
    fn run(self) -> [u64; LANES] {
        let mut lanes = KEYS;
        let mut weight = 0u64;
        let mut rounds = self.0.chunks_exact(STRIPE * ROUND);
        for round in &mut rounds {
            for stripe in round.chunks_exact(STRIPE) {
                weight = weight.wrapping_add(STEP);
                take(&mut lanes, stripe, weight);
            }
            stir(&mut lanes);
        }
        let mut stripes = rounds.remainder().chunks_exact(STRIPE);
        for stripe in &mut stripes {
            weight = weight.wrapping_add(STEP);
            take(&mut lanes, stripe, weight);
        }
        // The number of bytes is told apart from zeros behind them by the whole length, which is part of the token.
        let mut last = [0; STRIPE];
        let rest = stripes.remainder();
        last[..rest.len()].copy_from_slice(rest);
        take(&mut lanes, &last, weight.wrapping_add(STEP));
        stir(&mut lanes);
        lanes
    }
}

#[inline(always)]
fn take(lanes: &mut [u64; LANES], stripe: &[u8], weight: u64) {
    let mut words = [0; LANES];
    for (word, bytes) in words.iter_mut().zip(stripe.chunks_exact(8)) {
        let mut own = [0; 8];
        own.copy_from_slice(bytes);
        *word = u64::from_le_bytes(own);
    }
    for i in 0..LANES {
        let keyed = words[i] ^ KEYS[i].wrapping_add(weight);
        let product = (keyed & 0xffff_ffff).wrapping_mul(keyed >> 32);
        lanes[i] = lanes[i].wrapping_add(product).wrapping_add(words[i ^ 1]);
    }
}

#[inline(always)]
fn stir(lanes: &mut [u64; LANES]) {
    for (lane, key) in lanes.iter_mut().zip(KEYS) {
        let mixed = *lane ^ (*lane >> 47) ^ key;
        *lane = (mixed & 0xffff_ffff)
            .wrapping_mul(FACTOR)
            .wrapping_add(((mixed >> 32).wrapping_mul(FACTOR)) << 32);
    }
}

#[cfg(test)]
mod tests {
    use hashbrown::HashSet;

    use super::*;

    #[test]
    fn every_bit_and_every_place_counts() {
        let mut bytes: Vec<u8> = (0..5000u32).map(|i| (i * 7 / 3) as u8).collect();
        let mut seen: HashSet<Token> = HashSet::new();
        seen.insert(token(&bytes));
        for at in [0, 1, 63, 64, 1023, 1024, 4095, 4990, 4999] {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                assert!(seen.insert(token(&bytes)), "bit {bit} of byte {at}");
                bytes[at] ^= 1 << bit;
            }
        }
        for (a, b) in [(0, 64), (8, 16), (0, 1024), (3, 4000)] {
            bytes.swap(a, b);
            assert!(bytes[a] == bytes[b] || seen.insert(token(&bytes)), "{a} and {b}");
            bytes.swap(a, b);
        }
        bytes.push(0);
        assert!(seen.insert(token(&bytes)));
    }

    #[test]
    fn lengths_and_large_memory() {
        let zeros = vec![0u8; 6 << 20];
        let mut seen: HashSet<Token> = HashSet::new();
        for len in [0, 1, 2, 63, 64, 65, 1 << 20, (1 << 20) + 1, 5 << 20, 6 << 20] {
            assert!(seen.insert(token(&zeros[..len])), "{len}");
        }
        let mut one = zeros.clone();
        for at in [0, 1 << 20, (5 << 20) + 77] {
            one[at] = 1;
            assert!(seen.insert(token(&one)), "{at}");
            one[at] = 0;
        }
        assert!(!seen.insert(token(&one)));
        // The same with whatever instructions.
        assert_eq!(segment(&one[..4099]), Segment(&one[..4099]).run());
    }
}
