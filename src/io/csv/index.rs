//! The structural index: where the separators and line ends outside quotes are, found 64 bytes at a time.
//!
//! Quoted stretches are the prefix-xor of the quote bits. That agrees with the parser's rules only while quotes open at
//! the start of a field and every carriage return belongs to a line feed; both are checked on the way, and a buffer
//! that breaks them is marked `odd` and goes through the byte-wise tokeniser instead. The loop is compiled for plain
//! x86-64, for AVX2 + PCLMULQDQ, with AVX-512 VBMI2 as well, and the best one is chosen at run time; other machines use a portable version.

/// Readable bytes that must follow the indexed range.
pub(super) const PADDING: usize = 64;

/// The bytes that structure a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    /// Between fields.
    pub separator: u8,
    /// Around fields; `None` when quotes mean nothing.
    pub quote: Option<u8>,
    /// Whether two quotes inside quotes stand for one.
    pub doubled: bool,
}

/// What else the indexed bytes have shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Line feeds outside quotes.
    pub newlines: usize,
    /// The index doesn't follow the parser's rules here: use the byte-wise tokeniser.
    pub odd: bool,
    /// There are carriage returns outside quotes (each before a line feed unless `odd`).
    pub returns: bool,
}

struct Masks {
    quote: u64,
    separator: u64,
    newline: u64,
    carriage: u64,
}

/// Appends to `out` the positions in `data` of every separator and line feed outside quotes in `from..to`, where `from`
/// starts a record.
///
/// # Panics
/// When fewer than [`PADDING`] bytes follow `to`, or `data` has 4 GiB or more.
pub(super) fn index(data: &[u8], from: usize, to: usize, marks: Marks, out: &mut Vec<u32>) -> Found {
    assert!(
        from <= to && to + PADDING <= data.len() && u32::try_from(data.len()).is_ok(),
        "indexed bytes need padding and 32-bit positions"
    );
    // Up to 16 entries past the last are written speculatively.
    out.reserve(to - from + PADDING);
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx512vbmi2")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("popcnt")
        {
            // SAFETY: the processor has the features; bounds and room were checked and made above.
            return unsafe { x86::index_avx512(data, from, to, marks, out) };
        }
        if std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("popcnt")
        {
            // SAFETY: the processor has the features; bounds and room were checked and made above.
            return unsafe { x86::index_avx2(data, from, to, marks, out) };
        }
        // SAFETY: every x86-64 has SSE2; bounds and room as above.
        unsafe { x86::index_sse2(data, from, to, marks, out) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: bounds and room were checked and made above.
    unsafe {
        run(
            data,
            from,
            to,
            marks,
            out,
            |at| portable(at, marks),
            prefix_xor,
            |w, s, o, c| bit_by_bit(w, s, o, c),
        )
    }
}

#[inline(always)]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// Writes the positions of the `count` bits, counted from `offset`: 8 at least, whether there are that many or not.
///
/// # Safety
/// There is room for 64 at `write`.
#[inline(always)]
unsafe fn bit_by_bit(write: *mut u32, mut structure: u64, offset: u32, count: usize) {
    // SAFETY: a word has at most 64 bits, for which there is room.
    unsafe {
        for i in 0..8 {
            *write.add(i) = offset.wrapping_add(structure.trailing_zeros());
            structure &= structure.wrapping_sub(1);
        }
        if count > 8 {
            let mut i = 8;
            while structure != 0 {
                *write.add(i) = offset + structure.trailing_zeros();
                structure &= structure - 1;
                i += 1;
            }
        }
    }
}

/// The masks of the 64 bytes at `at`, a byte at a time.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
unsafe fn portable(at: *const u8, marks: Marks) -> Masks {
    // SAFETY: the caller gives 64 readable bytes.
    let word = unsafe { std::slice::from_raw_parts(at, 64) };
    let mask = |wanted: u8| {
        word.iter()
            .enumerate()
            .fold(0, |bits, (i, byte)| bits | u64::from(*byte == wanted) << i)
    };
    Masks {
        quote: marks.quote.map_or(0, mask),
        separator: mask(marks.separator),
        newline: mask(b'\n'),
        carriage: mask(b'\r'),
    }
}

/// The loop over words; `masks` and `xor` are the machine-dependent parts.
///
/// # Safety
/// `from <= to`, `to + 64 <= data.len()`, `data.len()` fits 32 bits, and `out` has room for `to - from + 64` more.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "the parts that differ from machine to machine"
)]
unsafe fn run(
    data: &[u8],
    from: usize,
    to: usize,
    marks: Marks,
    out: &mut Vec<u32>,
    masks: impl Fn(*const u8) -> Masks,
    xor: impl Fn(u64) -> u64,
    emit: impl Fn(*mut u32, u64, u32, usize),
) -> Found {
    let base = data.as_ptr();
    let first = out.len();
    // SAFETY: `first` is the length, so the pointer is at most one past the end.
    let start = unsafe { out.as_mut_ptr().add(first) };
    let mut write = start;
    let (mut newlines, mut wrong, mut returns) = (0, 0u64, 0u64);
    // All ones while inside quotes at the end of the word before.
    let mut inside = 0u64;
    // The bit of "a field may start here" carried into the next word; a record starts at `from`.
    let mut may_start = 1u64;
    // The word before ended with a carriage return outside quotes.
    let mut pending_return = 0u64;
    let doubled = if marks.doubled { u64::MAX } else { 0 };
    let mut at = from;
    while at < to {
        // SAFETY: `at < to` and 64 bytes follow `to`.
        let word = masks(unsafe { base.add(at) });
        let left = to - at;
        let keep = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        let quote = word.quote & keep;
        let quoted = xor(quote) ^ inside;
        inside = ((quoted.cast_signed()) >> 63).cast_unsigned();
        let newline = word.newline & !quoted & keep;
        let structure = newline | (word.separator & !quoted & keep);

        let opening = quote & quoted;
        let starts = structure | (quote & doubled);
        wrong |= opening & !((starts << 1) | may_start);
        may_start = starts >> 63;

        let carriage = word.carriage & !quoted & keep;
        // The very last byte may belong to a line feed that isn't read yet.
        let last = if left <= 64 { 1u64 << (left - 1) } else { 1 << 63 };
        wrong |= (carriage & !(newline >> 1) & !last) | (pending_return & !newline);
        pending_return = if left > 64 { carriage >> 63 } else { 0 };
        returns |= carriage;

        newlines += newline.count_ones() as usize;
        let count = structure.count_ones() as usize;
        let offset = at as u32;
        // SAFETY: at most 64 entries a word were reserved, plus 64 for those written ahead.
        unsafe {
            emit(write, structure, offset, count);
            write = write.add(count);
        }
        at += 64;
    }
    // SAFETY: both pointers belong to `out`; the entries up to `write` are written and within the reserved room.
    unsafe {
        let added = usize::try_from(write.offset_from(start)).unwrap_or(0);
        out.set_len(first + added);
    }
    Found {
        newlines,
        odd: wrong != 0,
        returns: returns != 0,
    }
}

#[cfg(target_arch = "x86_64")]
#[allow(clippy::cast_ptr_alignment, reason = "the loads are unaligned ones")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_clmulepi64_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_loadu_si128,
        _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_set1_epi8, _mm512_add_epi32, _mm512_castsi512_si128,
        _mm512_cmpeq_epi8_mask, _mm512_cvtepu8_epi32, _mm512_extracti32x4_epi32, _mm512_loadu_si512,
        _mm512_maskz_compress_epi8, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_storeu_si512,
    };

    use super::{Found, Marks, Masks, bit_by_bit, prefix_xor, run};

    /// The bytes looked for: quote, separator, line feed, carriage return.
    fn wanted(marks: Marks) -> [i8; 4] {
        [marks.quote.unwrap_or(b'"'), marks.separator, b'\n', b'\r'].map(u8::cast_signed)
    }

    /// What the quote mask counts for.
    fn enabled(marks: Marks) -> u64 {
        if marks.quote.is_some() { u64::MAX } else { 0 }
    }

    /// # Safety
    /// As [`run`].
    pub(super) unsafe fn index_sse2(
        data: &[u8],
        from: usize,
        to: usize,
        marks: Marks,
        out: &mut Vec<u32>,
    ) -> Found {
        // SAFETY: every x86-64 has SSE2.
        let wanted = unsafe { wanted(marks).map(|byte| _mm_set1_epi8(byte)) };
        let enabled = enabled(marks);
        let masks = |at: *const u8| {
            // SAFETY: `run` gives 64 readable bytes.
            let bytes: [__m128i; 4] =
                unsafe { [0, 16, 32, 48].map(|offset| _mm_loadu_si128(at.add(offset).cast::<__m128i>())) };
            let mask = |wanted: __m128i| {
                (0..4).fold(0, |bits, i| {
                    // SAFETY: every x86-64 has SSE2.
                    let found = unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(bytes[i], wanted)) };
                    bits | u64::from(found.cast_unsigned()) << (16 * i)
                })
            };
            Masks {
                quote: mask(wanted[0]) & enabled,
                separator: mask(wanted[1]),
                newline: mask(wanted[2]),
                carriage: mask(wanted[3]),
            }
        };
        // SAFETY: the caller's promise.
        unsafe {
            run(data, from, to, marks, out, masks, prefix_xor, |w, s, o, c| {
                bit_by_bit(w, s, o, c);
            })
        }
    }

    /// The numbers of the bytes of a word.
    const NUMBERS: [u8; 64] = {
        let mut numbers = [0; 64];
        let mut i = 0;
        while i < 64 {
            numbers[i] = i as u8;
            i += 1;
        }
        numbers
    };

    /// Its positions come out of one instruction that gathers the numbers of the bits.
    ///
    /// # Safety
    /// As [`run`], on a processor with these features.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,popcnt,pclmulqdq")]
    pub(super) unsafe fn index_avx512(
        data: &[u8],
        from: usize,
        to: usize,
        marks: Marks,
        out: &mut Vec<u32>,
    ) -> Found {
        let wanted = wanted(marks).map(|byte| _mm512_set1_epi8(byte));
        let enabled = enabled(marks);
        // SAFETY: 64 bytes.
        let numbers = unsafe { _mm512_loadu_si512(NUMBERS.as_ptr().cast()) };
        let masks = |at: *const u8| {
            // SAFETY: `run` gives 64 readable bytes.
            let word = unsafe { _mm512_loadu_si512(at.cast()) };
            Masks {
                quote: _mm512_cmpeq_epi8_mask(word, wanted[0]) & enabled,
                separator: _mm512_cmpeq_epi8_mask(word, wanted[1]),
                newline: _mm512_cmpeq_epi8_mask(word, wanted[2]),
                carriage: _mm512_cmpeq_epi8_mask(word, wanted[3]),
            }
        };
        let xor = |bits: u64| {
            let product = _mm_clmulepi64_si128(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1), 0);
            _mm_cvtsi128_si64(product).cast_unsigned()
        };
        let emit = |write: *mut u32, structure: u64, offset: u32, count: usize| {
            let found = _mm512_maskz_compress_epi8(structure, numbers);
            let base = _mm512_set1_epi32(offset.cast_signed());
            let put = |quarter: usize, bytes: __m128i| {
                let positions = _mm512_add_epi32(_mm512_cvtepu8_epi32(bytes), base);
                // SAFETY: `run` has room for 64 positions.
                unsafe { _mm512_storeu_si512(write.add(16 * quarter).cast(), positions) };
            };
            put(0, _mm512_castsi512_si128(found));
            if count > 16 {
                put(1, _mm512_extracti32x4_epi32::<1>(found));
                if count > 32 {
                    put(2, _mm512_extracti32x4_epi32::<2>(found));
                    put(3, _mm512_extracti32x4_epi32::<3>(found));
                }
            }
        };
        // SAFETY: the caller's promise.
        unsafe { run(data, from, to, marks, out, masks, xor, emit) }
    }

    /// # Safety
    /// As [`run`], on a processor with these features.
    #[target_feature(enable = "avx2,bmi1,popcnt,pclmulqdq")]
    pub(super) unsafe fn index_avx2(
        data: &[u8],
        from: usize,
        to: usize,
        marks: Marks,
        out: &mut Vec<u32>,
    ) -> Found {
        // Made once: the loop's stores could alias the marks.
        let wanted = wanted(marks).map(|byte| _mm256_set1_epi8(byte));
        let enabled = enabled(marks);
        let masks = |at: *const u8| {
            // SAFETY: `run` gives 64 readable bytes.
            let (low, high) = unsafe {
                (
                    _mm256_loadu_si256(at.cast::<__m256i>()),
                    _mm256_loadu_si256(at.add(32).cast::<__m256i>()),
                )
            };
            let mask = |wanted: __m256i| {
                let low = _mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted)).cast_unsigned();
                let high = _mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted)).cast_unsigned();
                u64::from(low) | u64::from(high) << 32
            };
            Masks {
                quote: mask(wanted[0]) & enabled,
                separator: mask(wanted[1]),
                newline: mask(wanted[2]),
                carriage: mask(wanted[3]),
            }
        };
        // A carry-less product with all ones is the prefix-xor in one instruction.
        let xor = |bits: u64| {
            let product = _mm_clmulepi64_si128(_mm_set_epi64x(0, bits.cast_signed()), _mm_set1_epi8(-1), 0);
            _mm_cvtsi128_si64(product).cast_unsigned()
        };
        // SAFETY: the caller's promise.
        unsafe {
            run(data, from, to, marks, out, masks, xor, |w, s, o, c| {
                bit_by_bit(w, s, o, c);
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn padded(text: &[u8]) -> Vec<u8> {
        let mut data = text.to_vec();
        data.resize(text.len() + PADDING, b'"');
        data
    }

    fn marks() -> Marks {
        Marks {
            separator: b',',
            quote: Some(b'"'),
            doubled: true,
        }
    }

    fn found(text: &str) -> (Vec<u32>, Found) {
        let mut out = Vec::new();
        let found = index(&padded(text.as_bytes()), 0, text.len(), marks(), &mut out);
        (out, found)
    }

    #[test]
    fn separators_inside_quotes_do_not_count() {
        let (positions, info) = found("a,\"b,\"\"\n\",c\nd");
        assert_eq!(positions, [1, 9, 11]);
        assert_eq!((info.newlines, info.odd, info.returns), (1, false, false));
    }

    #[test]
    fn quotes_inside_fields_and_lone_returns_are_odd() {
        assert!(found("a,x\"y,z\"\n").1.odd);
        assert!(found("a,\"x\"y\"z\"\n").1.odd);
        assert!(!found("a,\"x\"y\n").1.odd);
        assert!(found("a,b\rc,d\n").1.odd);
        assert!(!found("a,b\r\nc,d\r\n").1.odd);
        assert!(found("a,b\r\nc,d\r\n").1.returns);
        assert!(!found("a,\"b\rc\"\n").1.odd);
        // A return at the very end may still get its line feed; one across words must have it.
        assert!(!found("a,b\r").1.odd);
        assert!(!found(&format!("{}\r\n", "x".repeat(63))).1.odd);
        assert!(found(&format!("{}\rx\n", "x".repeat(63))).1.odd);
    }

    proptest! {
        #[test]
        fn all_versions_agree(text in "[a,\"\n\r]{0,300}", from in 0usize..5) {
            let data = padded(text.as_bytes());
            let from = from.min(text.len());
            let (mut chosen, mut plain) = (Vec::new(), Vec::new());
            let a = index(&data, from, text.len(), marks(), &mut chosen);
            plain.reserve(text.len() + 64);
            // SAFETY: padded, and room was made.
            let b = unsafe {
                run(&data, from, text.len(), marks(), &mut plain, |at| portable(at, marks()), prefix_xor, |w, s, o, c| bit_by_bit(w, s, o, c))
            };
            prop_assert_eq!(&chosen, &plain);
            prop_assert_eq!(a, b);
            #[cfg(target_arch = "x86_64")]
            {
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("pclmulqdq") {
                    let mut avx2 = Vec::with_capacity(text.len() + 64);
                    // SAFETY: padded, room was made, and the processor has the features.
                    let b = unsafe { x86::index_avx2(&data, from, text.len(), marks(), &mut avx2) };
                    prop_assert_eq!(&chosen, &avx2);
                    prop_assert_eq!(a, b);
                }
                let mut sse2 = Vec::with_capacity(text.len() + 64);
                // SAFETY: padded, and room was made.
                let c = unsafe { x86::index_sse2(&data, from, text.len(), marks(), &mut sse2) };
                prop_assert_eq!(&chosen, &sse2);
                prop_assert_eq!(a, c);
            }
        }
    }
}
