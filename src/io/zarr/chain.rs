//! Chunks as bytes: the codecs of an array.
//!
//! A [`Chain`] decodes a chunk straight into its place where the codecs are little-endian bytes with zstd, gzip or
//! nothing after them; all others are left to the crate `zarrs`, one thread at a time. Invariant: what is decoded has
//! just as many bytes as the chunk has, or there is an error.

use std::cell::RefCell;
use std::io::Read;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::Value;
use zarrs::array::codec::CodecChain;
use zarrs::array::{ArrayBytes, ArrayToBytesCodecTraits, CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

use crate::error::{Error, Result};
use crate::io::zarr::dest::Window;
use crate::io::zarr::dtype;
use crate::nd::NdDtype;

/// What is done natively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direct {
    Plain,
    Zstd { level: i32, checksum: bool },
    Gzip { level: u32 },
}

/// The codecs from elements to bytes.
#[derive(Clone, Debug)]
pub struct Chain {
    codecs: Arc<CodecChain>,
    elements: DataType,
    fill: FillValue,
    itemsize: usize,
    direct: Option<Direct>,
}

thread_local! {
    /// Making a decompressor costs more than decoding a small chunk.
    static DECODER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    static ENCODER: RefCell<Option<(i32, bool, Compressor<'static>)>> = const { RefCell::new(None) };
}

impl Chain {
    /// The chain that version 3 metadata describes, for elements of `dtype`; `fill` is the bytes of one.
    ///
    /// # Errors
    /// [`crate::error::Kind::NotNative`] when a codec is unknown.
    pub fn new(codecs: &[MetadataV3], dtype: &NdDtype, fill: &[u8]) -> Result<Self> {
        let chain = CodecChain::from_metadata(codecs)
            .map_err(|error| Error::not_native(format!("the codecs of a Zarr array: {error}")))?;
        Ok(Self {
            codecs: Arc::new(chain),
            elements: dtype::for_codecs(dtype)?,
            fill: FillValue::new(fill.to_vec()),
            itemsize: dtype.itemsize(),
            direct: direct(codecs, dtype),
        })
    }

    /// Whether chunks are decoded straight into their place.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// Whether the encoded bytes are the elements.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.direct == Some(Direct::Plain)
    }

    /// Decodes a chunk of `shape` into `target`, which has its size.
    ///
    /// # Errors
    /// A message for the user when `encoded` isn't such a chunk.
    pub fn decode(&self, encoded: &[u8], shape: &[usize], target: &mut Window) -> Result<(), String> {
        match self.direct {
            Some(Direct::Plain) => target.put(encoded),
            Some(Direct::Zstd { .. }) => DECODER
                .with_borrow_mut(|slot| {
                    let decoder = match slot {
                        Some(decoder) => decoder,
                        None => slot.insert(Decompressor::new().map_err(|error| error.to_string())?),
                    };
                    decoder
                        .decompress_to_buffer(encoded, target)
                        .map_err(|error| format!("zstd: {error}"))
                })
                .map(|_| ())?,
            Some(Direct::Gzip { .. }) => {
                let mut piece = [0; 16 * 1024];
                let mut decoder = flate2::bufread::MultiGzDecoder::new(encoded);
                loop {
                    match decoder
                        .read(&mut piece)
                        .map_err(|error| format!("gzip: {error}"))?
                    {
                        0 => break,
                        count => target.put(&piece[..count]),
                    }
                }
            }
            None => {
                let decoded = self
                    .codecs
                    .decode(
                        encoded.into(),
                        &axes(shape)?,
                        &self.elements,
                        &self.fill,
                        &options(),
                    )
                    .map_err(|error| error.to_string())?;
                target.put(&decoded.into_fixed().map_err(|error| error.to_string())?);
            }
        }
        if target.filled() == target.len() {
            Ok(())
        } else {
            Err(format!(
                "it has {} bytes where a chunk of {} elements has {}",
                target.filled(),
                shape.iter().product::<usize>(),
                target.len()
            ))
        }
    }

    /// Puts the bytes of a chunk of `shape` with `elements` after what `into` has.
    ///
    /// # Errors
    /// When a codec fails.
    pub fn encode(&self, elements: &[u8], shape: &[usize], into: &mut Vec<u8>) -> Result<()> {
        let failed = |error: String| Error::value(format!("a Zarr chunk can't be encoded: {error}"));
        match self.direct {
            Some(Direct::Plain) => into.extend_from_slice(elements),
            Some(Direct::Zstd { level, checksum }) => ENCODER
                .with_borrow_mut(|slot| {
                    if slot
                        .as_ref()
                        .is_none_or(|(l, c, _)| (*l, *c) != (level, checksum))
                    {
                        let mut encoder = Compressor::new(level)?;
                        encoder.set_parameter(zstd_safe::CParameter::ChecksumFlag(checksum))?;
                        *slot = Some((level, checksum, encoder));
                    }
                    let Some((.., encoder)) = slot else { return Ok(()) };
                    let start = into.len();
                    into.reserve(zstd_safe::compress_bound(elements.len()));
                    let mut end = std::io::Cursor::new(std::mem::take(into));
                    end.set_position(start as u64);
                    let outcome = encoder.compress_to_buffer(elements, &mut end);
                    *into = end.into_inner();
                    outcome?;
                    Ok(())
                })
                .map_err(|error: std::io::Error| failed(format!("zstd: {error}")))?,
            Some(Direct::Gzip { level }) => {
                let mut encoder = flate2::bufread::GzEncoder::new(elements, flate2::Compression::new(level));
                encoder
                    .read_to_end(into)
                    .map_err(|error| failed(format!("gzip: {error}")))?;
            }
            None => {
                let shape = axes(shape).map_err(failed)?;
                let elements = ArrayBytes::new_flen(elements);
                let bytes = self
                    .codecs
                    .encode(elements, &shape, &self.elements, &self.fill, &options())
                    .map_err(|error| failed(error.to_string()))?;
                into.extend_from_slice(&bytes);
            }
        }
        Ok(())
    }

    /// Bytes that decoding a chunk of `shape` takes beside its place.
    #[must_use]
    pub fn scratch(&self, shape: &[usize]) -> usize {
        // Each codec of the crate gives a fresh vector; two of them live at once.
        if self.is_direct() {
            0
        } else {
            2 * shape.iter().product::<usize>() * self.itemsize
        }
    }
}

fn options() -> CodecOptions {
    CodecOptions::default().with_concurrent_target(1)
}

fn axes(shape: &[usize]) -> Result<Vec<NonZeroU64>, String> {
    shape
        .iter()
        .map(|len| NonZeroU64::new(*len as u64).ok_or_else(|| "a chunk of no length".to_string()))
        .collect()
}

/// What is done natively of these codecs.
fn direct(codecs: &[MetadataV3], dtype: &NdDtype) -> Option<Direct> {
    let described: Vec<(String, Value)> = codecs
        .iter()
        .map(|codec| {
            let value = serde_json::to_value(codec).unwrap_or_default();
            (codec.name().to_string(), value["configuration"].clone())
        })
        .collect();
    let ((name, bytes), rest) = described.split_first()?;
    let swaps = !matches!(dtype, NdDtype::Num(elem) if elem.itemsize() == 1)
        && !matches!(dtype, NdDtype::Raw { descr, .. } if descr.starts_with('|'));
    let native = if cfg!(target_endian = "little") {
        "little"
    } else {
        "big"
    };
    if name != "bytes" || (swaps && bytes["endian"].as_str() != Some(native)) {
        return None;
    }
    match rest {
        [] => Some(Direct::Plain),
        [(name, configuration)] => match name.as_str() {
            "zstd" | "numcodecs.zstd" => Some(Direct::Zstd {
                level: configuration["level"].as_i64()?.try_into().ok()?,
                checksum: configuration["checksum"].as_bool().unwrap_or(false),
            }),
            "gzip" | "numcodecs.gzip" => Some(Direct::Gzip {
                level: configuration["level"].as_u64()?.try_into().ok()?,
            }),
            _ => None,
        },
        _ => None,
    }
}
