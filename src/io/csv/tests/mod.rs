//! Whole-source tests: what a source over real files delivers, held against what pandas gives for the same bytes.

#![allow(clippy::format_push_string, reason = "clearer than write! with its result")]

mod blocks;
mod dialect;
mod types;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType, UInt64Type};

use super::bytes::{ByteSource, LocalFile};
use super::files::Tuning;
use super::{CsvOptions, CsvSource};
use crate::chunk::{Batch, IndexData, Scan, Source};
use crate::error::{Kind, Result};

/// Files in a folder of their own.
struct Files {
    folder: tempfile::TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    fn new(contents: &[&[u8]]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = contents.iter().enumerate().map(|(i, bytes)| {
            let path = folder.path().join(format!("part-{i}.csv"));
            std::fs::write(&path, bytes).unwrap();
            path
        });
        let paths = paths.collect();
        Self { folder, paths }
    }

    fn named(name: &str, bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self {
            folder,
            paths: vec![path],
        }
    }

    fn sources(&self) -> Vec<Arc<dyn ByteSource>> {
        assert!(self.folder.path().is_dir());
        let open = |path: &PathBuf| Arc::new(LocalFile::new(path).unwrap()) as Arc<dyn ByteSource>;
        self.paths.iter().map(open).collect()
    }

    fn source(&self, options: &CsvOptions, tuning: Tuning) -> Result<CsvSource> {
        CsvSource::tuned(self.sources(), options.clone(), tuning)
    }
}

/// Small buffers and no scanning for near starts, so that the rare ways are taken.
fn nasty(buffer: usize) -> Tuning {
    Tuning {
        buffer,
        window: 48,
        near: 0,
    }
}

fn scan(source: &dyn Source, partition: usize) -> Scan {
    Scan {
        partition,
        columns: (0..source.schema().columns.len()).collect(),
        filter: None,
        batch_rows: 3,
    }
}

/// The rows of a batch as text, one string a row.
fn rows(batch: &Batch) -> Vec<String> {
    let row = |at: usize| {
        let cells: Vec<String> = batch.columns.iter().map(|column| cell(column, at)).collect();
        cells.join("|")
    };
    (0..batch.len).map(row).collect()
}

fn cell(array: &dyn Array, at: usize) -> String {
    if array.is_null(at) {
        return "<NA>".to_string();
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(at).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(at).to_string(),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(at)),
        DataType::Boolean => array.as_boolean().value(at).to_string(),
        DataType::Utf8View => format!("{:?}", array.as_string_view().value(at)),
        DataType::Timestamp(..) => format!("@{}", array.as_primitive::<TimestampMicrosecondType>().value(at)),
        DataType::Dictionary(..) => {
            let keys = array.as_any_dictionary();
            cell(&**keys.values(), keys.normalized_keys()[at])
        }
        DataType::LargeUtf8 => format!("{:?}", array.as_string::<i64>().value(at)),
        _ => {
            let text = arrow::util::display::array_value_to_string(array, at).unwrap();
            format!("{text}:{}", array.data_type())
        }
    }
}

/// All rows of one partition; checks the index on the way.
fn partition(source: &dyn Source, number: usize) -> Result<Vec<String>> {
    let mut stream = source.open(&scan(source, number))?;
    let mut all = Vec::new();
    while let Some(batch) = stream.next()? {
        assert!(batch.len <= 3);
        assert!(matches!(batch.index, IndexData::Range { start, step: 1 } if start == all.len() as i64));
        for (array, column) in batch.columns.iter().zip(&source.schema().columns) {
            let expected = column.dtype.arrow().unwrap();
            let is_text = *array.data_type() == DataType::Utf8View && expected == DataType::LargeUtf8;
            assert!(is_text || *array.data_type() == expected);
            array.to_data().validate_full().unwrap();
        }
        all.extend(rows(&batch));
    }
    Ok(all)
}

/// All rows of a source in the given order of partitions, types settled as the engine settles them.
fn read_in(source: CsvSource, order: impl Fn(usize) -> Vec<usize>) -> Result<(Arc<dyn Source>, Vec<String>)> {
    let mut source: Arc<dyn Source> = Arc::new(source);
    for _ in 0..4 {
        let mut parts = vec![Vec::new(); source.npartitions()];
        let mut attempt = || -> Result<()> {
            for number in order(source.npartitions()) {
                parts[number] = partition(&*source, number)?;
            }
            Ok(())
        };
        match attempt() {
            Ok(()) => return Ok((source, parts.concat())),
            Err(error) if error.kind() == Kind::Retyped => {
                let columns: Vec<usize> = (0..source.schema().columns.len()).collect();
                source = source.retyped(&columns, 2)?;
            }
            Err(error) => return Err(error),
        }
    }
    panic!("the types don't settle");
}

fn read(source: CsvSource) -> Result<(Arc<dyn Source>, Vec<String>)> {
    read_in(source, |count| (0..count).collect())
}

/// dtypes and rows of one file.
fn table(text: &str, options: &CsvOptions) -> Result<(Vec<String>, Vec<String>)> {
    let files = Files::new(&[text.as_bytes()]);
    let (source, rows) = read(files.source(options, Tuning::default())?)?;
    let dtypes = source
        .schema()
        .columns
        .iter()
        .map(|column| column.dtype.name())
        .collect();
    Ok((dtypes, rows))
}
