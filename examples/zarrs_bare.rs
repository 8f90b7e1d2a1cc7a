//! Reads all chunks of a Zarr array with the crate `zarrs` alone, on all cores; with a second path, writes them there.
//!
//! What dusk's own reading and writing are held against (`benchmarks/workloads/array_storage.py`).
//! `zarrs_bare FROM [TO]`: folders. The copy has the codecs of the original.

use std::error::Error;
use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use zarrs::array::{Array, ArrayBytes, CodecOptions};
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{
    Bytes, MaybeBytes, MaybeBytesIterator, OffsetBytesIterator, ReadableStorageTraits, StorageError,
    StoreKey, StorePrefix, WritableStorageTraits,
};

/// A folder.
struct Folder(PathBuf);

impl Folder {
    fn path(&self, key: &StoreKey) -> PathBuf {
        self.0.join(key.as_str())
    }
}

/// Nothing, when there is no such file.
fn there<T>(outcome: std::io::Result<T>) -> Result<Option<T>, StorageError> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl ReadableStorageTraits for Folder {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        Ok(there(fs::read(self.path(key)))?.map(Bytes::from))
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let Some(mut file) = there(fs::File::open(self.path(key)))? else {
            return Ok(None);
        };
        let size = file.metadata()?.len();
        Ok(Some(Box::new(byte_ranges.map(move |range| {
            file.seek(SeekFrom::Start(range.start(size)))?;
            let mut bytes = vec![0; usize::try_from(range.length(size)).unwrap_or(0)];
            file.read_exact(&mut bytes)?;
            Ok(bytes.into())
        }))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(there(fs::metadata(self.path(key)))?.map(|data| data.len()))
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}

impl WritableStorageTraits for Folder {
    fn set(&self, key: &StoreKey, value: Bytes) -> Result<(), StorageError> {
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(path, value)?)
    }

    fn set_partial_many(&self, key: &StoreKey, values: OffsetBytesIterator) -> Result<(), StorageError> {
        let _ = (key, values);
        Err(StorageError::Unsupported("writing parts".into()))
    }

    fn erase(&self, key: &StoreKey) -> Result<(), StorageError> {
        there(fs::remove_file(self.path(key))).map(|_| ())
    }

    fn erase_prefix(&self, prefix: &StorePrefix) -> Result<(), StorageError> {
        there(fs::remove_dir_all(self.0.join(prefix.as_str()))).map(|_| ())
    }

    fn supports_set_partial(&self) -> bool {
        false
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = std::env::args().skip(1);
    let from = paths.next().ok_or("zarrs_bare FROM [TO]")?;
    let source = Array::open(Arc::new(Folder(Path::new(&from).to_path_buf())), "/")?;
    let target = match paths.next() {
        None => None,
        Some(to) => {
            let store = Arc::new(Folder(Path::new(&to).to_path_buf()));
            let target = Array::new_with_metadata(store, "/", source.metadata().clone())?;
            target.store_metadata()?;
            Some(target)
        }
    };
    let grid = source.chunk_grid_shape().to_vec();
    let count: u64 = grid.iter().product();
    let options = CodecOptions::default().with_concurrent_target(1);
    let bytes: usize = (0..count)
        .into_par_iter()
        .map(|number| -> Result<usize, String> {
            let mut rest = number;
            let mut index = vec![0; grid.len()];
            for (at, len) in index.iter_mut().zip(&grid).rev() {
                *at = rest % len;
                rest /= len;
            }
            let chunk: ArrayBytes = source
                .retrieve_chunk_opt(&index, &options)
                .map_err(|error| error.to_string())?;
            let size = chunk.size();
            if let Some(target) = &target {
                target
                    .store_chunk_opt(&index, chunk, &options)
                    .map_err(|error| error.to_string())?;
            }
            Ok(size)
        })
        .try_reduce(|| 0, |a, b| Ok(a + b))?;
    println!("{bytes} bytes");
    Ok(())
}
