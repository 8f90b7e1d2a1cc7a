//! Reads a set of CSV files (7 columns, 3 of them wanted, a predicate on one) and prints GB/s.
//!
//! `cargo bench --bench csv -- [megabytes] [threads]`. The data is made in a temporary folder and read once before it
//! is timed, so that it comes from the page cache.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use _core::chunk::{Batch, BatchFilter, Scan, Source};
use _core::error::Result;
use _core::io::csv::{ByteSource, CsvOptions, CsvSource, LocalFile};
use arrow::array::{AsArray, UInt32Array};
use arrow::datatypes::Int64Type;

const FILES: usize = 8;

/// `response_len >= 500`.
#[derive(Debug)]
struct Long([usize; 1]);

impl BatchFilter for Long {
    fn columns(&self) -> &[usize] {
        &self.0
    }

    fn select(&self, batch: &Batch) -> Result<Option<UInt32Array>> {
        let lengths = batch.columns[0].as_primitive::<Int64Type>().values();
        let mut picks = vec![0u32; lengths.len()];
        let mut kept = 0;
        for (row, length) in lengths.iter().enumerate() {
            picks[kept] = row as u32;
            kept += usize::from(*length >= 500);
        }
        picks.truncate(kept);
        Ok(Some(UInt32Array::from(picks)))
    }
}

fn write_file(path: &std::path::Path, bytes: usize, seed: u64) -> std::io::Result<()> {
    let categories = [
        "coding",
        "chat",
        "math",
        "translation",
        "\"data, tables\"",
        "café",
        "日本語",
        "summary",
    ];
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut random = seed | 1;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut written = out.write(b"id,ts,category,response_len,score,model,prompt\n")?;
    let mut id = 0;
    while written < bytes {
        let line = format!(
            "{id},2026-01-{:02} {:02}:00:00,{},{},0.{:06},model-{},\"Explain, in {} words, number {}\"\n",
            1 + next(28),
            next(24),
            categories[next(8) as usize],
            next(2000),
            next(1_000_000),
            next(5),
            next(100),
            next(1_000_000)
        );
        out.write_all(line.as_bytes())?;
        written += line.len();
        id += 1;
    }
    out.flush()
}

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let megabytes = numbers.first().copied().unwrap_or(400);
    let threads = numbers.get(1).copied().unwrap_or(2);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths: Vec<_> = (0..FILES)
        .map(|i| folder.path().join(format!("{i}.csv")))
        .collect();
    for (i, path) in paths.iter().enumerate() {
        write_file(path, megabytes * 1_000_000 / FILES, 77 + i as u64).expect("the data can be written");
    }
    let sources = || -> Vec<Arc<dyn ByteSource>> {
        let open = |path| Arc::new(LocalFile::new(path).expect("the file is there")) as Arc<dyn ByteSource>;
        paths.iter().map(open).collect()
    };
    let size: u64 = sources().iter().map(|source| source.size()).sum();
    let cases: [(&str, Vec<usize>, bool); 5] = [
        ("3 columns, predicate first", vec![2, 4], true),
        ("3 columns, all rows", vec![2, 3, 4], false),
        ("all columns", (0..7).collect(), false),
        ("text only", vec![6], false),
        ("counting", vec![], false),
    ];
    for (what, columns, filtered) in cases {
        let mut best = f64::MAX;
        let mut rows = 0;
        for _ in 0..5 {
            let options = CsvOptions {
                blocksize: Some(16_000_000),
                ..CsvOptions::default()
            };
            let start = Instant::now();
            let source = CsvSource::new(sources(), options).expect("a readable set");
            let (next, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        loop {
                            let partition = next.fetch_add(1, Ordering::Relaxed);
                            if partition >= source.npartitions() {
                                break;
                            }
                            let scan = Scan {
                                partition,
                                columns: columns.clone().into(),
                                filter: filtered.then(|| Arc::new(Long([3])) as Arc<dyn BatchFilter>),
                                batch_rows: 65_536,
                            };
                            let mut stream = source.open(&scan).expect("a partition");
                            while let Some(batch) = stream.next().expect("a batch") {
                                count.fetch_add(batch.len, Ordering::Relaxed);
                            }
                        }
                    });
                }
            });
            best = best.min(start.elapsed().as_secs_f64());
            rows = count.into_inner();
        }
        println!(
            "{what:28} {best:.3} s  {:.2} GB/s  {:.2} GB/s per thread  {rows} rows",
            size as f64 / best / 1e9,
            size as f64 / best / 1e9 / threads as f64
        );
    }
}
