//! Transposes of items of 1, 2, 4, 8 and 16 bytes: in blocks that stay in the nearest cache, tile by tile in registers.
//!
//! Covers two axes, one contiguous in the origin, the other in the target. Without the instructions of a tile the block is
//! copied item by item.

/// Items along an edge of a block: reading and writing one stays within the first-level cache and its page table.
const BLOCK: usize = 64;

/// Where an origin begins and the bytes from a row to the next one.
type Origin = (*const u8, isize);
/// Where a target begins and the bytes from a row to the next one.
type Target = (*mut u8, isize);

/// Copies so that item `r, c` of the target is item `c, r` of the origin; `shape` is that of the target.
///
/// # Safety
/// All these items can be read and written, and the two don't overlap.
pub unsafe fn copy(item: usize, shape: (usize, usize), from: Origin, to: Target) {
    // SAFETY: as the caller promises; the instructions of a tile are there.
    unsafe {
        match item {
            1 => blocks::<u8, 16>(shape, from, to, TILE_1),
            2 => blocks::<u16, 8>(shape, from, to, TILE_2),
            4 => {
                #[cfg(target_arch = "x86_64")]
                if std::arch::is_x86_feature_detected!("avx2") {
                    return blocks::<u32, 8>(shape, from, to, x86::tile_4_avx2);
                }
                blocks::<u32, 4>(shape, from, to, TILE_4);
            }
            8 => {
                #[cfg(target_arch = "x86_64")]
                if std::arch::is_x86_feature_detected!("avx2") {
                    return blocks::<u64, 4>(shape, from, to, x86::tile_8_avx2);
                }
                blocks::<u64, 2>(shape, from, to, TILE_8);
            }
            _ => blocks::<[u64; 2], 4>(shape, from, to, plain::<[u64; 2], 4>),
        }
    }
}

/// A transpose of a square of items.
type Tile = unsafe fn(Origin, Target);

#[cfg(target_arch = "x86_64")]
const TILE_1: Tile = x86::tile_1;
#[cfg(target_arch = "x86_64")]
const TILE_2: Tile = x86::tile_2;
#[cfg(target_arch = "x86_64")]
const TILE_4: Tile = x86::tile_4;
#[cfg(target_arch = "x86_64")]
const TILE_8: Tile = x86::tile_8;
#[cfg(not(target_arch = "x86_64"))]
const TILE_1: Tile = plain::<u8, 16>;
#[cfg(not(target_arch = "x86_64"))]
const TILE_2: Tile = plain::<u16, 8>;
#[cfg(not(target_arch = "x86_64"))]
const TILE_4: Tile = plain::<u32, 4>;
#[cfg(not(target_arch = "x86_64"))]
const TILE_8: Tile = plain::<u64, 2>;

/// # Safety
/// As for `copy`.
unsafe fn blocks<T: Copy, const N: usize>(shape: (usize, usize), from: Origin, to: Target, tile: Tile) {
    for row in (0..shape.0).step_by(BLOCK) {
        let rows = BLOCK.min(shape.0 - row);
        for column in (0..shape.1).step_by(BLOCK) {
            let columns = BLOCK.min(shape.1 - column);
            // SAFETY: the block lies inside the shape.
            unsafe {
                let (from, to) = at::<T>(from, to, row, column);
                block::<T, N>((rows, columns), from, to, tile);
            }
        }
    }
}

/// The two places of item `row, column` of the target.
///
/// # Safety
/// It is inside both.
#[inline(always)]
unsafe fn at<T>(from: Origin, to: Target, row: usize, column: usize) -> (Origin, Target) {
    let (row, column) = (row as isize, column as isize);
    let size = size_of::<T>() as isize;
    // SAFETY: as the caller promises.
    unsafe {
        (
            (from.0.offset(column * from.1 + row * size), from.1),
            (to.0.offset(row * to.1 + column * size), to.1),
        )
    }
}

/// # Safety
/// As for `copy`.
#[inline(always)]
unsafe fn block<T: Copy, const N: usize>(shape: (usize, usize), from: Origin, to: Target, tile: Tile) {
    let whole = (shape.0 / N * N, shape.1 / N * N);
    // SAFETY: the tiles and what is left of rows and columns lie inside the shape.
    unsafe {
        for row in (0..whole.0).step_by(N) {
            for column in (0..whole.1).step_by(N) {
                let (from, to) = at::<T>(from, to, row, column);
                tile(from, to);
            }
        }
        for row in 0..shape.0 {
            let done = if row < whole.0 { whole.1 } else { 0 };
            for column in done..shape.1 {
                let (from, to) = at::<T>(from, to, row, column);
                to.0.cast::<T>()
                    .write_unaligned(from.0.cast::<T>().read_unaligned());
            }
        }
    }
}

/// A tile without instructions of its own.
///
/// # Safety
/// `N` rows of `N` items on both sides.
#[inline]
unsafe fn plain<T: Copy, const N: usize>(from: Origin, to: Target) {
    for row in 0..N {
        for column in 0..N {
            // SAFETY: inside the tile.
            unsafe {
                let (from, to) = at::<T>(from, to, row, column);
                to.0.cast::<T>()
                    .write_unaligned(from.0.cast::<T>().read_unaligned());
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256, __m256d, _mm_loadu_si128, _mm_setzero_si128, _mm_storeu_si128, _mm_unpackhi_epi8,
        _mm_unpackhi_epi16, _mm_unpackhi_epi32, _mm_unpackhi_epi64, _mm_unpacklo_epi8, _mm_unpacklo_epi16,
        _mm_unpacklo_epi32, _mm_unpacklo_epi64, _mm256_loadu_pd, _mm256_loadu_ps, _mm256_permute2f128_pd,
        _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_pd, _mm256_storeu_ps,
        _mm256_unpackhi_pd, _mm256_unpackhi_ps, _mm256_unpacklo_pd, _mm256_unpacklo_ps,
    };

    use super::{Origin, Target};

    /// # Safety
    /// 16 rows of 16 bytes on both sides.
    #[inline]
    pub unsafe fn tile_1(from: Origin, to: Target) {
        // SAFETY: as the caller promises.
        unsafe {
            let mut rows = [_mm_setzero_si128(); 16];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = load(from, i);
            }
            // Interleaving row i with row i + 8 four times sorts the bytes by column.
            for _ in 0..4 {
                let mut next = rows;
                for i in 0..8 {
                    next[2 * i] = _mm_unpacklo_epi8(rows[i], rows[i + 8]);
                    next[2 * i + 1] = _mm_unpackhi_epi8(rows[i], rows[i + 8]);
                }
                rows = next;
            }
            for (i, row) in rows.iter().enumerate() {
                store(to, i, *row);
            }
        }
    }

    /// # Safety
    /// 8 rows of 8 items of 2 bytes on both sides.
    #[inline]
    pub unsafe fn tile_2(from: Origin, to: Target) {
        // SAFETY: as the caller promises.
        unsafe {
            let mut rows = [_mm_setzero_si128(); 8];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = load(from, i);
            }
            for _ in 0..3 {
                let mut next = rows;
                for i in 0..4 {
                    next[2 * i] = _mm_unpacklo_epi16(rows[i], rows[i + 4]);
                    next[2 * i + 1] = _mm_unpackhi_epi16(rows[i], rows[i + 4]);
                }
                rows = next;
            }
            for (i, row) in rows.iter().enumerate() {
                store(to, i, *row);
            }
        }
    }

    /// # Safety
    /// 4 rows of 4 items of 4 bytes on both sides.
    #[inline]
    pub unsafe fn tile_4(from: Origin, to: Target) {
        // SAFETY: as the caller promises.
        unsafe {
            let [a, b, c, d] = [load(from, 0), load(from, 1), load(from, 2), load(from, 3)];
            let low = (_mm_unpacklo_epi32(a, b), _mm_unpacklo_epi32(c, d));
            let high = (_mm_unpackhi_epi32(a, b), _mm_unpackhi_epi32(c, d));
            store(to, 0, _mm_unpacklo_epi64(low.0, low.1));
            store(to, 1, _mm_unpackhi_epi64(low.0, low.1));
            store(to, 2, _mm_unpacklo_epi64(high.0, high.1));
            store(to, 3, _mm_unpackhi_epi64(high.0, high.1));
        }
    }

    /// # Safety
    /// 2 rows of 2 items of 8 bytes on both sides.
    #[inline]
    pub unsafe fn tile_8(from: Origin, to: Target) {
        // SAFETY: as the caller promises.
        unsafe {
            let (a, b) = (load(from, 0), load(from, 1));
            store(to, 0, _mm_unpacklo_epi64(a, b));
            store(to, 1, _mm_unpackhi_epi64(a, b));
        }
    }

    /// # Safety
    /// 8 rows of 8 items of 4 bytes on both sides, and AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn tile_4_avx2(from: Origin, to: Target) {
        // SAFETY: as the caller promises.
        unsafe {
            let mut rows = [_mm256_setzero_ps(); 8];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = _mm256_loadu_ps(from.0.offset(i as isize * from.1).cast());
            }
            let pairs = |i: usize| -> [__m256; 4] {
                let (a, b, c, d) = (rows[i], rows[i + 1], rows[i + 2], rows[i + 3]);
                let low = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
                let high = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
                [
                    _mm256_shuffle_ps::<0x44>(low.0, low.1),
                    _mm256_shuffle_ps::<0xEE>(low.0, low.1),
                    _mm256_shuffle_ps::<0x44>(high.0, high.1),
                    _mm256_shuffle_ps::<0xEE>(high.0, high.1),
                ]
            };
            let (upper, lower) = (pairs(0), pairs(4));
            for i in 0..4 {
                let first = _mm256_permute2f128_ps::<0x20>(upper[i], lower[i]);
                let second = _mm256_permute2f128_ps::<0x31>(upper[i], lower[i]);
                _mm256_storeu_ps(to.0.offset(i as isize * to.1).cast(), first);
                _mm256_storeu_ps(to.0.offset((i as isize + 4) * to.1).cast(), second);
            }
        }
    }

    /// # Safety
    /// 4 rows of 4 items of 8 bytes on both sides, and AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn tile_8_avx2(from: Origin, to: Target) {
        // SAFETY: as the caller promises.
        unsafe {
            let row = |i: isize| -> __m256d { _mm256_loadu_pd(from.0.offset(i * from.1).cast()) };
            let (a, b, c, d) = (row(0), row(1), row(2), row(3));
            let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            let (low2, high2) = (_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
            let columns = [
                _mm256_permute2f128_pd::<0x20>(low, low2),
                _mm256_permute2f128_pd::<0x20>(high, high2),
                _mm256_permute2f128_pd::<0x31>(low, low2),
                _mm256_permute2f128_pd::<0x31>(high, high2),
            ];
            for (i, column) in columns.into_iter().enumerate() {
                _mm256_storeu_pd(to.0.offset(i as isize * to.1).cast(), column);
            }
        }
    }

    /// # Safety
    /// 16 bytes can be read there.
    #[inline(always)]
    unsafe fn load(from: Origin, row: usize) -> __m128i {
        // SAFETY: as the caller promises.
        unsafe { _mm_loadu_si128(from.0.offset(row as isize * from.1).cast()) }
    }

    /// # Safety
    /// 16 bytes can be written there.
    #[inline(always)]
    unsafe fn store(to: Target, row: usize, value: __m128i) {
        // SAFETY: as the caller promises.
        unsafe { _mm_storeu_si128(to.0.offset(row as isize * to.1).cast(), value) };
    }
}
