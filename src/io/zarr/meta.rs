//! What a Zarr array's document says: shape, dtype, grid, codecs, where chunks lie.
//!
//! Covers versions 2 and 3, regular grids, shards one deep. What is right Zarr but not done natively (records, text of any
//! length, other grids and codecs) is refused with [`crate::error::Kind::NotNative`]; what is no array document is an
//! error that names the file.

use serde_json::{Map, Value};
use zarrs::convert::codec_metadata_v2_to_v3;
use zarrs::metadata::Endianness;
use zarrs::metadata::v2::{ArrayMetadataV2Order, MetadataV2};
use zarrs::metadata::v3::MetadataV3;

use crate::error::{Error, Result};
use crate::io::zarr::chain::Chain;
use crate::io::zarr::dtype;
use crate::nd::{Axis, Grid, NdDtype};

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Version 2: `.zarray`.
    V2,
    /// Version 3: `zarr.json`.
    V3,
}

impl Format {
    /// The name of the document.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::V2 => ".zarray",
            Self::V3 => "zarr.json",
        }
    }
}

/// How an object is cut into chunks, when it is a shard.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Shape of a chunk in it.
    pub chunk: Vec<usize>,
    /// How many chunks it has along each axis.
    pub counts: Vec<usize>,
    /// Codecs of these chunks.
    pub chain: Chain,
    /// Codecs of the index: offset and length for each chunk, in C order.
    pub index: Chain,
    /// Bytes of the encoded index.
    pub index_size: usize,
    /// Whether the index lies behind the chunks.
    pub index_last: bool,
}

/// Everything that a document says.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The version.
    pub format: Format,
    /// The array's shape.
    pub shape: Vec<usize>,
    /// Its dtype, in the machine's byte order.
    pub dtype: NdDtype,
    /// The bytes of the element that fills what was never written.
    pub fill: Vec<u8>,
    /// Shape of what one object of the store holds: a chunk, or a shard of chunks.
    pub object: Vec<usize>,
    /// How objects are cut further.
    pub shard: Option<Shard>,
    /// Codecs of an object that is no shard.
    pub chain: Option<Chain>,
    /// Names of the axes.
    pub dimension_names: Option<Vec<Option<String>>>,
    /// The document as it is.
    pub document: String,
    prefix: &'static str,
    separator: char,
}

impl Meta {
    /// Reads a document; `file` is what errors call it.
    ///
    /// # Errors
    /// When it isn't the document of an array.
    pub fn parse(format: Format, document: &[u8], file: &str) -> Result<Self> {
        let broken = |what: &str| Error::value(format!("{file} isn't the document of a Zarr array: {what}"));
        let text = std::str::from_utf8(document).map_err(|_| broken("it isn't text"))?;
        let json = parse_json(text).map_err(|error| broken(&format!("it isn't JSON: {error}")))?;
        let map = json.as_object().ok_or_else(|| broken("it isn't a JSON object"))?;
        let parsed = match format {
            Format::V2 => Self::parse_v2(map, text),
            Format::V3 => Self::parse_v3(map, text),
        };
        parsed.map_err(|error| match error.kind() {
            crate::error::Kind::NotNative => error,
            _ => broken(error.message()),
        })
    }

    fn parse_v2(map: &Map<String, Value>, text: &str) -> Result<Self> {
        if map.get("zarr_format").and_then(Value::as_u64) != Some(2) {
            return Err(Error::value("its zarr_format isn't 2"));
        }
        let shape = lengths(map.get("shape"), "shape")?;
        let object = lengths(map.get("chunks"), "chunks")?;
        let described = map.get("dtype").ok_or_else(|| Error::value("it has no dtype"))?;
        let (dtype, order) = dtype::from_v2(described)?;
        let fill = dtype::fill_bytes(&dtype, map.get("fill_value").unwrap_or(&Value::Null))?;
        let separator = match map.get("dimension_separator").and_then(Value::as_str) {
            None | Some(".") => '.',
            Some("/") => '/',
            Some(other) => return Err(Error::value(format!("dimension_separator is {other:?}"))),
        };
        let layout = match map.get("order").and_then(Value::as_str) {
            None | Some("C") => ArrayMetadataV2Order::C,
            // In what order one axis is laid out makes no difference.
            Some("F") if shape.len() < 2 => ArrayMetadataV2Order::C,
            Some("F") => ArrayMetadataV2Order::F,
            Some(other) => return Err(Error::value(format!("order is {other:?}"))),
        };
        let codec = |value: &Value| -> Result<MetadataV2> {
            serde_json::from_value(value.clone())
                .map_err(|error| Error::value(format!("codec {value}: {error}")))
        };
        let compressor = map.get("compressor").filter(|value| !value.is_null());
        let compressor = compressor.map(codec).transpose()?;
        let filters = match map.get("filters").and_then(Value::as_array) {
            Some(filters) if !filters.is_empty() => {
                Some(filters.iter().map(codec).collect::<Result<Vec<_>>>()?)
            }
            _ => None,
        };
        let elements = dtype::for_codecs(&dtype)?;
        let elements = codec_dtype(&dtype, &elements)?;
        let codecs = codec_metadata_v2_to_v3(
            layout,
            shape.len(),
            &elements,
            Some(order.unwrap_or(Endianness::native())),
            &filters,
            &compressor,
        )
        .map_err(|error| Error::not_native(format!("the codecs of a Zarr array: {error}")))?;
        let chain = Chain::new(&codecs, &dtype, &fill)?;
        Self {
            format: Format::V2,
            shape,
            dtype,
            fill,
            object,
            shard: None,
            chain: Some(chain),
            dimension_names: None,
            document: text.to_string(),
            prefix: "",
            separator,
        }
        .checked()
    }

    fn parse_v3(map: &Map<String, Value>, text: &str) -> Result<Self> {
        if map.get("zarr_format").and_then(Value::as_u64) != Some(3) {
            return Err(Error::value("its zarr_format isn't 3"));
        }
        match map.get("node_type").and_then(Value::as_str) {
            Some("array") => {}
            Some(other) => return Err(Error::value(format!("it is that of a {other}"))),
            None => return Err(Error::value("it has no node_type")),
        }
        let transformers = map.get("storage_transformers").and_then(Value::as_array);
        if transformers.is_some_and(|list| !list.is_empty()) {
            return Err(Error::not_native("storage transformers of a Zarr array"));
        }
        let shape = lengths(map.get("shape"), "shape")?;
        let grid = map.get("chunk_grid").unwrap_or(&Value::Null);
        match grid["name"].as_str() {
            Some("regular") => {}
            Some(name) => {
                return Err(Error::not_native(format!(
                    "the chunk grid {name} of a Zarr array"
                )));
            }
            None => return Err(Error::value("it has no chunk_grid")),
        }
        let object = lengths(grid["configuration"].get("chunk_shape"), "chunk_shape")?;
        let dtype = map
            .get("data_type")
            .ok_or_else(|| Error::value("it has no data_type"))?;
        let dtype = dtype::from_v3(dtype)?;
        let fill = dtype::fill_bytes(&dtype, map.get("fill_value").unwrap_or(&Value::Null))?;
        let keys = map.get("chunk_key_encoding").unwrap_or(&Value::Null);
        let (prefix, usual) = match keys["name"].as_str().or(keys.as_str()) {
            Some("default") => ("c", '/'),
            Some("v2") => ("", '.'),
            other => {
                return Err(Error::not_native(format!(
                    "the chunk keys {other:?} of a Zarr array"
                )));
            }
        };
        let separator = match keys["configuration"]["separator"].as_str() {
            None => usual,
            Some("/") => '/',
            Some(".") => '.',
            Some(other) => return Err(Error::value(format!("the separator of its keys is {other:?}"))),
        };
        let codecs = codec_list(map.get("codecs").unwrap_or(&Value::Null))?;
        let shard = match codecs.as_slice() {
            [only] if only.name() == "sharding_indexed" => Some(Shard::parse(only, &dtype, &fill, &object)?),
            _ => None,
        };
        let chain = match shard {
            Some(_) => None,
            None => Some(Chain::new(&codecs, &dtype, &fill)?),
        };
        let names = map.get("dimension_names").and_then(Value::as_array);
        let dimension_names = names.map(|names| {
            let names = names.iter();
            names.map(|name| name.as_str().map(str::to_string)).collect()
        });
        Self {
            format: Format::V3,
            shape,
            dtype,
            fill,
            object,
            shard,
            chain,
            dimension_names,
            document: text.to_string(),
            prefix,
            separator,
        }
        .checked()
    }

    fn checked(self) -> Result<Self> {
        if self.object.len() != self.shape.len() {
            return Err(Error::value("shape and chunks have different numbers of axes"));
        }
        if self.object.contains(&0) {
            return Err(Error::value("a chunk has no length"));
        }
        let items = self
            .object
            .iter()
            .try_fold(1usize, |size, len| size.checked_mul(*len));
        match items.and_then(|items| items.checked_mul(self.dtype.itemsize())) {
            Some(bytes) if isize::try_from(bytes).is_ok() => Ok(self),
            _ => Err(Error::value("a chunk is larger than memory can be")),
        }
    }

    /// Bytes of an element.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.dtype.itemsize()
    }

    /// The key of the object at `index`, below the node.
    #[must_use]
    pub fn key(&self, index: &[usize]) -> String {
        let mut key = self.prefix.to_string();
        if index.is_empty() && key.is_empty() {
            key.push('0');
        }
        for at in index {
            if !key.is_empty() {
                key.push(self.separator);
            }
            key.push_str(&at.to_string());
        }
        key
    }

    /// The shape of the smallest pieces that are decoded alone: chunks, also those in shards.
    #[must_use]
    pub fn chunk(&self) -> &[usize] {
        self.shard.as_ref().map_or(&self.object, |shard| &shard.chunk)
    }

    /// The grid of chunks.
    #[must_use]
    pub fn chunk_grid(&self) -> Grid {
        regular(&self.shape, self.chunk())
    }

    /// The grid of objects: what one task has to write as a whole.
    #[must_use]
    pub fn object_grid(&self) -> Grid {
        regular(&self.shape, &self.object)
    }
}

fn regular(shape: &[usize], chunk: &[usize]) -> Grid {
    let axes = shape.iter().zip(chunk);
    Grid {
        axes: axes.map(|(&len, &chunk)| Axis::Regular { len, chunk }).collect(),
    }
}

impl Shard {
    fn parse(codec: &MetadataV3, dtype: &NdDtype, fill: &[u8], object: &[usize]) -> Result<Self> {
        let value = serde_json::to_value(codec).map_err(|error| Error::value(error.to_string()))?;
        let configuration = &value["configuration"];
        let chunk = lengths(configuration.get("chunk_shape"), "chunk_shape of the shards")?;
        let divides = |(object, chunk): (&usize, &usize)| *chunk > 0 && object % chunk == 0;
        if chunk.len() != object.len() || !object.iter().zip(&chunk).all(divides) {
            return Err(Error::value(format!(
                "shards of shape {object:?} don't divide into chunks of shape {chunk:?}"
            )));
        }
        let counts: Vec<usize> = object
            .iter()
            .zip(&chunk)
            .map(|(object, chunk)| object / chunk)
            .collect();
        let index_dtype = NdDtype::Num(crate::nd::Elem::U64);
        let index_codecs = codec_list(&configuration["index_codecs"])?;
        let index = Chain::new(&index_codecs, &index_dtype, &u64::MAX.to_ne_bytes())?;
        let mut empty = Vec::new();
        let items = counts.iter().product::<usize>() * 2;
        index.encode(&vec![0xff; items * 8], &index_shape(&counts), &mut empty)?;
        Ok(Self {
            chain: Chain::new(&codec_list(&configuration["codecs"])?, dtype, fill)?,
            chunk,
            counts,
            index,
            index_size: empty.len(),
            index_last: match configuration.get("index_location").and_then(Value::as_str) {
                None | Some("end") => true,
                Some("start") => false,
                Some(other) => return Err(Error::value(format!("index_location is {other:?}"))),
            },
        })
    }
}

/// The shape of a shard's index.
#[must_use]
pub fn index_shape(counts: &[usize]) -> Vec<usize> {
    counts.iter().copied().chain([2]).collect()
}

fn lengths(value: Option<&Value>, name: &str) -> Result<Vec<usize>> {
    let list = value.and_then(Value::as_array);
    let list = list.ok_or_else(|| Error::value(format!("it has no {name}")))?;
    list.iter()
        .map(|item| {
            let length = item.as_u64().and_then(|n| usize::try_from(n).ok());
            length.filter(|n| isize::try_from(*n).is_ok())
        })
        .collect::<Option<_>>()
        .ok_or_else(|| Error::value(format!("{name} isn't a list of lengths")))
}

fn codec_list(value: &Value) -> Result<Vec<MetadataV3>> {
    serde_json::from_value(value.clone()).map_err(|error| Error::value(format!("codecs {value}: {error}")))
}

/// The version 3 name under which blosc finds the size of an element.
fn codec_dtype(dtype: &NdDtype, elements: &zarrs::array::DataType) -> Result<MetadataV3> {
    let value = match dtype {
        NdDtype::Num(elem) => Value::from(elem.name()),
        _ => Value::from(format!("r{}", elements.fixed_size().unwrap_or(1) * 8)),
    };
    serde_json::from_value(value).map_err(|error| Error::internal(error.to_string()))
}

/// Reads JSON, also with the bare `NaN` and `Infinity` that Python writes in attributes.
fn parse_json(text: &str) -> serde_json::Result<Value> {
    let error = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let mut quoted = String::with_capacity(text.len());
    let (mut rest, mut inside) = (text, false);
    let mut changed = false;
    while let Some(first) = rest.chars().next() {
        let bare = ["-Infinity", "Infinity", "NaN"]
            .into_iter()
            .find(|word| rest.starts_with(word));
        match (inside, first, bare) {
            (true, '\\', _) => {
                let len = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                quoted.push_str(&rest[..len]);
                rest = &rest[len..];
                continue;
            }
            (false, _, Some(word)) => {
                quoted.push('"');
                quoted.push_str(word);
                quoted.push('"');
                rest = &rest[word.len()..];
                changed = true;
                continue;
            }
            (_, '"', _) => inside = !inside,
            _ => {}
        }
        quoted.push(first);
        rest = &rest[first.len_utf8()..];
    }
    if changed {
        serde_json::from_str(&quoted)
    } else {
        Err(error)
    }
}
