//! The document of a new array.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::io::zarr::dtype;
use crate::io::zarr::meta::Format;
use crate::nd::NdDtype;

/// What a new array is to be like.
#[derive(Clone, Debug)]
pub struct Create {
    /// The version.
    pub format: Format,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its dtype.
    pub dtype: NdDtype,
    /// Shape of a chunk.
    pub chunks: Vec<usize>,
    /// Shape of a shard, for version 3.
    pub shards: Option<Vec<usize>>,
    /// Bytes of the fill value; zero, or not a time, when there are none.
    pub fill: Option<Vec<u8>>,
    /// Codecs as the document has them: for version 3 all those after the elements became bytes, or, when one of them
    /// makes bytes of elements, all; for version 2 the compressor, which may be `null`, alone or after the filters. Zstandard
    /// when there are none.
    pub codecs: Option<Vec<Value>>,
    /// Whether a chunk has its first axis innermost, for version 2.
    pub fortran: bool,
    /// What stands between the numbers of a chunk's key.
    pub separator: Option<char>,
    /// Attributes, for version 3; version 2 has them in an object of their own.
    pub attributes: Map<String, Value>,
    /// Names of the axes, for version 3.
    pub dimension_names: Option<Vec<Option<String>>>,
}

/// The document that says so.
///
/// # Errors
/// When the parts don't go together.
pub fn document(create: &Create) -> Result<String> {
    let fill = create.fill.clone().unwrap_or_else(|| default_fill(&create.dtype));
    let fill = dtype::fill_value(&create.dtype, &fill)?;
    if create.shape.len() != create.chunks.len() {
        return Err(Error::value(format!(
            "chunks {:?} for an array of {} dimensions",
            create.chunks,
            create.shape.len()
        )));
    }
    let value = match create.format {
        Format::V2 => version_2(create, fill)?,
        Format::V3 => version_3(create, fill)?,
    };
    serde_json::to_string_pretty(&value).map_err(|error| Error::internal(error.to_string()))
}

fn default_fill(dtype: &NdDtype) -> Vec<u8> {
    match dtype {
        NdDtype::Raw { descr, .. } if matches!(descr.get(1..2), Some("M" | "m")) => {
            i64::MIN.to_ne_bytes().to_vec()
        }
        _ => vec![0; dtype.itemsize()],
    }
}

fn version_2(create: &Create, fill: Value) -> Result<Value> {
    if create.shards.is_some() || create.dimension_names.is_some() {
        return Err(Error::value("shards and dimension names need Zarr version 3"));
    }
    let (compressor, filters) = match create.codecs.as_deref().map(<[Value]>::split_last) {
        None => (json!({"id": "zstd", "level": 0}), &[][..]),
        Some(None) => (Value::Null, &[][..]),
        Some(Some((compressor, filters))) => (compressor.clone(), filters),
    };
    Ok(json!({
        "shape": create.shape,
        "chunks": create.chunks,
        "dtype": dtype::to_numpy(&create.dtype)?,
        "fill_value": fill,
        "order": if create.fortran { "F" } else { "C" },
        "filters": if filters.is_empty() { Value::Null } else { filters.into() },
        "dimension_separator": create.separator.unwrap_or('.').to_string(),
        "compressor": compressor,
        "zarr_format": 2,
    }))
}

fn version_3(create: &Create, fill: Value) -> Result<Value> {
    let little = || json!({"name": "bytes", "configuration": {"endian": "little"}});
    let bytes = || {
        if create.dtype.itemsize() == 1 {
            json!({"name": "bytes"})
        } else {
            little()
        }
    };
    let zstd = || json!({"name": "zstd", "configuration": {"level": 0, "checksum": false}});
    let mut codecs = create.codecs.clone().unwrap_or_else(|| vec![bytes(), zstd()]);
    let makes_bytes = |codec: &Value| {
        let name = codec["name"].as_str().unwrap_or("");
        matches!(name, "bytes" | "sharding_indexed" | "packbits" | "pcodec" | "zfp")
    };
    if !codecs.iter().any(makes_bytes) {
        let arrays = |codec: &&Value| matches!(codec["name"].as_str(), Some("transpose"));
        let at = codecs.iter().take_while(arrays).count();
        codecs.insert(at, bytes());
    }
    let mut object = create.chunks.clone();
    if let Some(shards) = &create.shards {
        object.clone_from(shards);
        codecs = vec![json!({
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": create.chunks,
                "codecs": codecs,
                "index_codecs": [little(), {"name": "crc32c"}],
                "index_location": "end",
            },
        })];
    }
    let mut value = json!({
        "shape": create.shape,
        "data_type": dtype::to_v3(&create.dtype)?,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": object}},
        "chunk_key_encoding": {
            "name": "default",
            "configuration": {"separator": create.separator.unwrap_or('/').to_string()},
        },
        "fill_value": fill,
        "codecs": codecs,
        "attributes": create.attributes,
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    });
    if let Some(names) = &create.dimension_names {
        if names.len() != create.shape.len() {
            return Err(Error::value(format!(
                "{} dimension names for an array of {} dimensions",
                names.len(),
                create.shape.len()
            )));
        }
        value["dimension_names"] = json!(names);
    }
    Ok(value)
}
