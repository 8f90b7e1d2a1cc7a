//! Round trips, partial reads, writes by many threads, and what happens to broken stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::buffer::Buffer;
use serde_json::{Map, Value, json};

use crate::chunk::ArrayChunk;
use crate::error::{Kind, Result};
use crate::io::zarr::{
    ByteStore, Create, Format, LocalStore, Overwrite, Region, Span, ZarrArray, ZarrWriter, document,
    from_numpy,
};
use crate::nd::{Axis, Elem, Grid, NdDtype};

fn plan(format: Format, shape: &[usize], chunks: &[usize], dtype: NdDtype) -> Create {
    Create {
        format,
        shape: shape.to_vec(),
        dtype,
        chunks: chunks.to_vec(),
        shards: None,
        fill: None,
        codecs: None,
        fortran: false,
        separator: None,
        attributes: Map::new(),
        dimension_names: None,
    }
}

fn writer(store: &LocalStore, node: &str, create: &Create) -> Result<ZarrWriter> {
    ZarrWriter::create(
        Arc::new(store.clone()),
        node,
        create.format,
        &document(create)?,
        None,
        Overwrite::Replace,
    )
}

/// Bytes that differ from place to place; booleans stay valid.
fn block(dtype: &NdDtype, shape: &[usize], seed: u64) -> ArrayChunk {
    let count = shape.iter().product::<usize>() * dtype.itemsize();
    let limit = if *dtype == NdDtype::Num(Elem::Bool) {
        2
    } else {
        120
    };
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes: Vec<u8> = (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % limit) as u8
        })
        .collect();
    ArrayChunk::dense(dtype.clone(), shape.to_vec(), Buffer::from(bytes.as_slice())).expect("block")
}

fn bytes(chunk: &ArrayChunk) -> Vec<u8> {
    let mut all = Vec::new();
    chunk
        .runs(&mut |run| {
            all.extend_from_slice(run);
            Ok(())
        })
        .expect("runs");
    all
}

fn whole(shape: &[usize]) -> Vec<(usize, usize)> {
    shape.iter().map(|len| (0, *len)).collect()
}

fn part_of(block: &ArrayChunk, part: &Region) -> ArrayChunk {
    let steps: Vec<(usize, usize, isize)> = part.iter().map(|(start, len)| (*start, *len, 1)).collect();
    block.slice(&steps).expect("slice")
}

fn check_round_trip(create: &Create) {
    let folder = tempfile::tempdir().expect("folder");
    let store = LocalStore::new(folder.path());
    let source = block(&create.dtype, &create.shape, 7);
    let writer = writer(&store, "a/b", create).expect("writer");
    writer.write(&whole(&create.shape), &source).expect("write");
    writer.finish().expect("finish");
    let array = ZarrArray::open(Arc::new(store), "/a/b/").expect("open");
    assert_eq!(array.meta().dtype, create.dtype);
    assert_eq!(array.meta().chunk(), create.chunks);
    let read = array.read(&whole(&create.shape)).expect("read");
    assert_eq!(bytes(&read), bytes(&source), "{create:?}");
    // Every other box, of all sizes.
    for seed in 0..12 {
        let part: Vec<(usize, usize)> = create
            .shape
            .iter()
            .enumerate()
            .map(|(axis, len)| {
                let start = (seed * (axis + 3)) % len.max(&1);
                (start, (seed + 2 * axis) % (len - start + 1))
            })
            .collect();
        let read = array.read(&part).expect("read");
        assert_eq!(
            bytes(&read),
            bytes(&part_of(&source, &part)),
            "{part:?} {create:?}"
        );
        assert!(array.projected_bytes(&part) >= read.size() * create.dtype.itemsize());
    }
}

#[test]
fn all_dtypes_in_both_versions() {
    let raws = ["<M8[ns]", "<m8[s]", "<U3", "|S5", "|V3"].map(|descr| from_numpy(descr).expect("dtype"));
    for dtype in Elem::ALL.into_iter().map(NdDtype::Num).chain(raws) {
        for format in [Format::V2, Format::V3] {
            check_round_trip(&plan(format, &[7, 5], &[3, 2], dtype.clone()));
        }
    }
}

#[test]
fn all_codecs() {
    let blosc = |cname: &str, shuffle: &str| {
        json!({"name": "blosc", "configuration":
            {"cname": cname, "clevel": 5, "shuffle": shuffle, "typesize": 8, "blocksize": 0}})
    };
    let crc = json!({"name": "crc32c"});
    let zstd = |checksum: bool| json!({"name": "zstd", "configuration": {"level": 3, "checksum": checksum}});
    let gzip = json!({"name": "gzip", "configuration": {"level": 5}});
    let big = json!({"name": "bytes", "configuration": {"endian": "big"}});
    let turn = json!({"name": "transpose", "configuration": {"order": [1, 0]}});
    let chains: Vec<Vec<Value>> = vec![
        vec![],
        vec![zstd(true)],
        vec![zstd(false), crc.clone()],
        vec![gzip.clone()],
        vec![crc.clone()],
        vec![blosc("lz4", "shuffle")],
        vec![blosc("zstd", "bitshuffle")],
        vec![blosc("blosclz", "noshuffle")],
        vec![blosc("zlib", "shuffle")],
        vec![big.clone(), zstd(false)],
        vec![big],
        vec![turn, gzip],
    ];
    let dtype = NdDtype::Num(Elem::F64);
    for codecs in chains {
        let mut create = plan(Format::V3, &[9, 6], &[4, 6], dtype.clone());
        create.codecs = Some(codecs);
        check_round_trip(&create);
        create.shards = Some(vec![8, 12]);
        check_round_trip(&create);
    }
    let chains = [
        vec![],
        vec![json!({"id": "zlib", "level": 1})],
        vec![json!({"id": "gzip", "level": 1})],
        vec![json!({"id": "bz2", "level": 1})],
        vec![json!({"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0})],
        vec![
            json!({"id": "shuffle", "elementsize": 8}),
            json!({"id": "zstd", "level": 1}),
        ],
    ];
    for codecs in chains {
        let mut create = plan(Format::V2, &[9, 6], &[4, 4], dtype.clone());
        create.codecs = Some(codecs);
        check_round_trip(&create);
        create.fortran = true;
        create.separator = Some('/');
        check_round_trip(&create);
    }
    let mut create = plan(Format::V2, &[9], &[4], dtype);
    create.codecs = Some(vec![json!({"id": "nobody-knows-it"})]);
    let folder = tempfile::tempdir().expect("folder");
    let error = writer(&LocalStore::new(folder.path()), "", &create).expect_err("unknown codec");
    assert_eq!(error.kind(), Kind::NotNative);
}

#[test]
fn all_shapes() {
    let dtype = NdDtype::Num(Elem::I16);
    for (shape, chunks) in [
        (vec![], vec![]),
        (vec![0], vec![1]),
        (vec![3, 0, 2], vec![2, 1, 2]),
        (vec![1], vec![10]),
        (vec![5, 4, 3], vec![2, 4, 3]),
        (vec![4, 3, 5], vec![4, 1, 5]),
        (vec![2, 1, 3, 2], vec![1, 1, 2, 2]),
    ] {
        for format in [Format::V2, Format::V3] {
            let mut create = plan(format, &shape, &chunks, dtype.clone());
            check_round_trip(&create);
            if format == Format::V3 {
                create.separator = Some('.');
                create.shards = Some(chunks.iter().map(|len| 2 * len).collect());
                check_round_trip(&create);
            }
        }
    }
}

#[test]
fn a_shard_with_its_index_in_front() {
    let create = plan(Format::V3, &[10, 6], &[2, 3], NdDtype::Num(Elem::U16));
    let mut sharded = create.clone();
    sharded.shards = Some(vec![4, 6]);
    let text = document(&sharded)
        .expect("document")
        .replace("\"end\"", "\"start\"");
    let folder = tempfile::tempdir().expect("folder");
    let store = Arc::new(LocalStore::new(folder.path()));
    let made =
        ZarrWriter::create(store.clone(), "", Format::V3, &text, None, Overwrite::Refuse).expect("create");
    let source = block(&create.dtype, &create.shape, 3);
    made.write(&whole(&create.shape), &source).expect("write");
    made.finish().expect("finish");
    let array = ZarrArray::open(store, "").expect("open");
    assert_eq!(
        bytes(&array.read(&whole(&create.shape)).expect("read")),
        bytes(&source)
    );
    let part = [(3, 1), (1, 1)];
    assert_eq!(
        bytes(&array.read(&part).expect("read")),
        bytes(&part_of(&source, &part))
    );
}

#[test]
fn what_was_never_written_is_the_fill_value() {
    let folder = tempfile::tempdir().expect("folder");
    let store = LocalStore::new(folder.path());
    let mut create = plan(Format::V3, &[6, 4], &[2, 2], NdDtype::Num(Elem::I32));
    create.fill = Some(77i32.to_ne_bytes().to_vec());
    for shards in [None, Some(vec![4, 4])] {
        create.shards = shards;
        let made = writer(&store, "", &create).expect("writer");
        let ones = ArrayChunk::uniform(
            create.dtype.clone(),
            vec![1, 2],
            Buffer::from(1i32.to_ne_bytes().as_slice()),
        )
        .expect("ones");
        made.write(&[(3, 1), (1, 2)], &ones).expect("write");
        made.finish().expect("finish");
        let array = ZarrArray::open(Arc::new(store.clone()), "").expect("open");
        let read = bytes(&array.read(&whole(&create.shape)).expect("read"));
        let values: Vec<i32> = read
            .chunks_exact(4)
            .map(|item| i32::from_ne_bytes(item.try_into().expect("four bytes")))
            .collect();
        let mut expected = [77; 24];
        expected[13] = 1;
        expected[14] = 1;
        assert_eq!(values, expected);
        // Chunks of fill values only take no room, also when they come later.
        let filled = ArrayChunk::uniform(
            create.dtype.clone(),
            create.shape.clone(),
            Buffer::from(77i32.to_ne_bytes().as_slice()),
        )
        .expect("filled");
        ZarrWriter::open(array)
            .write(&whole(&create.shape), &filled)
            .expect("write");
        assert_eq!(store.list("").expect("list"), ["zarr.json"]);
    }
}

/// Lengths of chunks of an axis: regular, or any.
fn cut(len: usize, seed: usize) -> Axis {
    if seed.is_multiple_of(3) {
        return Axis::Regular {
            len,
            chunk: 1 + seed % 7,
        };
    }
    let mut sizes = Vec::new();
    let mut left = len;
    let mut step = seed;
    while left > 0 {
        step = step.wrapping_mul(31).wrapping_add(7) % 101;
        let size = (step % 6).min(left);
        sizes.push(Some(size));
        left -= size;
    }
    Axis::from_sizes(&sizes)
}

#[test]
fn any_chunks_into_any_objects_by_many_threads() {
    for seed in 0..200 {
        let shape = [11 + seed % 5, 9 + seed % 3];
        let chunks = [1 + seed % 5, 1 + seed % 4];
        let format = if seed % 2 == 0 { Format::V2 } else { Format::V3 };
        let mut create = plan(format, &shape, &chunks, NdDtype::Num(Elem::U16));
        create.fill = Some(vec![1, 1]);
        if seed % 4 == 1 {
            create.shards = Some(vec![chunks[0] * (1 + seed % 3), chunks[1] * 2]);
        }
        if seed % 5 == 0 {
            create.codecs = Some(vec![]);
        }
        let folder = tempfile::tempdir().expect("folder");
        let store = LocalStore::new(folder.path());
        let made = writer(&store, "x", &create).expect("writer");
        let mut expected = block(&create.dtype, &shape, seed as u64);
        made.write(&whole(&shape), &expected).expect("write");
        made.finish().expect("finish");
        let array = ZarrArray::open(Arc::new(store), "x").expect("open");
        // A region of it anew, cutting objects at its edges.
        let part = [
            (seed % 4, shape[0] - seed % 4 - seed % 3),
            (seed % 2, shape[1] - 2),
        ];
        let fresh = block(&create.dtype, &[part[0].1, part[1].1], seed as u64 + 1000);
        let made = ZarrWriter::open(array.clone());
        let source = Grid {
            axes: vec![cut(part[0].1, seed), cut(part[1].1, seed + 1)],
        };
        let tasks = made.write_grid(&source, &[part[0].0, part[1].0]).expect("grid");
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= tasks.count() {
                            break;
                        }
                        let index = tasks.index(number);
                        let own: Vec<(usize, usize)> = index
                            .iter()
                            .zip(&tasks.axes)
                            .map(|(at, axis)| axis.bounds(*at).expect("bounds"))
                            .map(|(start, stop)| (start, stop - start))
                            .collect();
                        let there: Vec<(usize, usize)> = own
                            .iter()
                            .zip(&part)
                            .map(|(own, part)| (own.0 + part.0, own.1))
                            .collect();
                        let piece = part_of(&fresh, &own);
                        made.write(&there, &piece).expect("write");
                    }
                });
            }
        });
        let mut all = bytes(&expected);
        for row in 0..part[0].1 {
            let from = row * part[1].1 * 2;
            let to = ((row + part[0].0) * shape[1] + part[1].0) * 2;
            let len = part[1].1 * 2;
            all[to..to + len].copy_from_slice(&bytes(&fresh)[from..from + len]);
        }
        expected = ArrayChunk::dense(create.dtype.clone(), shape.to_vec(), Buffer::from(all.as_slice()))
            .expect("all");
        assert_eq!(
            bytes(&array.read(&whole(&shape)).expect("read")),
            bytes(&expected),
            "{seed}"
        );
    }
}

#[test]
fn views_are_written_by_their_strides() {
    let folder = tempfile::tempdir().expect("folder");
    let store = LocalStore::new(folder.path());
    for elem in [Elem::I8, Elem::F32, Elem::F64, Elem::C128] {
        let create = plan(Format::V3, &[6, 8], &[4, 3], NdDtype::Num(elem));
        let source = block(&create.dtype, &[8, 12], 5).transpose(&[1, 0]);
        let source = source.slice(&[(11, 6, -2), (0, 8, 1)]).expect("slice");
        let made = writer(&store, "", &create).expect("writer");
        made.write(&whole(&create.shape), &source).expect("write");
        made.finish().expect("finish");
        let array = ZarrArray::open(Arc::new(store.clone()), "").expect("open");
        assert_eq!(
            bytes(&array.read(&whole(&create.shape)).expect("read")),
            bytes(&source)
        );
    }
}

#[test]
fn broken_objects_are_named() {
    for (codecs, shards) in [
        (None, None),
        (Some(vec![]), None),
        (
            Some(vec![json!({"name": "gzip", "configuration": {"level": 1}})]),
            None,
        ),
        (
            Some(vec![
                json!({"name": "zstd", "configuration": {"level": 1, "checksum": true}}),
                json!({"name": "crc32c"}),
            ]),
            None,
        ),
        (None, Some(vec![8, 8])),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let store = LocalStore::new(folder.path());
        let mut create = plan(Format::V3, &[16, 8], &[4, 8], NdDtype::Num(Elem::F32));
        create.codecs = codecs;
        create.shards = shards;
        let made = writer(&store, "", &create).expect("writer");
        made.write(&whole(&create.shape), &block(&create.dtype, &create.shape, 9))
            .expect("write");
        made.finish().expect("finish");
        let array = ZarrArray::open(Arc::new(store.clone()), "").expect("open");
        let good = {
            let mut bytes = Vec::new();
            assert!(store.get("c/1/0", Span::All, &mut bytes).expect("get"));
            bytes
        };
        let mut flipped = good.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 0xff;
        let mut longer = good.clone();
        longer.extend_from_slice(&good);
        let broken = [good[..good.len() / 2].to_vec(), good[..0].to_vec(), longer];
        for bytes in broken.iter().chain(
            create
                .codecs
                .as_ref()
                .filter(|list| list.len() == 2)
                .map(|_| &flipped),
        ) {
            store.set("c/1/0", bytes).expect("set");
            let outcome = array.read(&whole(&create.shape));
            if create.shards.is_some() && bytes.len() > good.len() {
                // Offsets count from the front, so this is a shard as good as the other.
                outcome.expect("a shard with an unused beginning");
                continue;
            }
            let error = outcome.expect_err("a broken chunk");
            assert_eq!(error.kind(), Kind::Os, "{error}");
            let text = error.to_string();
            assert!(text.contains("c/1/0") && text.contains("Zarr array"), "{text}");
            assert!(create.shards.is_some() || text.contains("chunk [1, 0]"), "{text}");
        }
        // Where nothing is broken nothing is wrong.
        array.read(&[(0, 4), (0, 8)]).expect("read");
    }
}

#[test]
fn what_is_no_array_is_said_to_be_none() {
    let folder = tempfile::tempdir().expect("folder");
    let store = LocalStore::new(folder.path());
    let open = |node: &str| ZarrArray::open(Arc::new(store.clone()), node).expect_err("no array");
    let error = open("nothing");
    assert_eq!((error.kind(), error.errno()), (Kind::Os, Some(libc::ENOENT)));
    assert!(error.to_string().contains("nothing"));
    for (name, text, said) in [
        (
            "zarr.json",
            r#"{"zarr_format": 3, "node_type": "group"}"#,
            "group",
        ),
        ("zarr.json", "{", "JSON"),
        ("zarr.json", "[]", "JSON object"),
        (
            "zarr.json",
            r#"{"zarr_format": 3, "node_type": "array"}"#,
            "shape",
        ),
        (
            ".zarray",
            r#"{"zarr_format": 2, "shape": [2], "chunks": [0], "dtype": "<f8"}"#,
            "no length",
        ),
        (
            ".zarray",
            r#"{"zarr_format": 2, "shape": [2], "chunks": [1, 1], "dtype": "<f8"}"#,
            "axes",
        ),
        (
            ".zarray",
            r#"{"zarr_format": 2, "shape": [2], "chunks": [-1], "dtype": "<f8"}"#,
            "chunks",
        ),
        (
            ".zarray",
            r#"{"zarr_format": 2, "shape": [2], "chunks": [1], "dtype": "<i1", "fill_value": 300}"#,
            "fill",
        ),
    ] {
        store.set(&format!("x/{name}"), text.as_bytes()).expect("set");
        let error = open("x");
        assert_eq!(error.kind(), Kind::Value, "{text}: {error}");
        let words = error.to_string();
        assert!(words.contains(said) && words.contains(name), "{words}");
        store.erase(&format!("x/{name}")).expect("erase");
    }
    store.set("g/.zgroup", b"{}").expect("set");
    assert!(open("g").to_string().contains("component"));
    assert_eq!(open("../x").kind(), Kind::Value);
    let attributes = br#"{"zarr_format": 2, "shape": [2], "chunks": [1], "dtype": "<f8", "fill_value": NaN, "x": "a\"NaN"}"#;
    store.set("n/.zarray", attributes).expect("set");
    let array = ZarrArray::open(Arc::new(store.clone()), "n").expect("open");
    assert_eq!(array.meta().fill, f64::NAN.to_ne_bytes());
}

#[test]
fn an_interrupted_write_does_not_pass_for_an_array() {
    let folder = tempfile::tempdir().expect("folder");
    let store = LocalStore::new(folder.path());
    let create = plan(Format::V3, &[4], &[2], NdDtype::Num(Elem::U8));
    let made = writer(&store, "x", &create).expect("writer");
    made.write(&[(0, 2)], &block(&create.dtype, &[2], 1))
        .expect("write");
    let error = ZarrArray::open(Arc::new(store.clone()), "x").expect_err("unfinished");
    assert!(error.to_string().contains("interrupted"), "{error}");
    // What it left isn't taken for part of the next one.
    let made = writer(&store, "x", &create).expect("writer");
    made.finish().expect("finish");
    let array = ZarrArray::open(Arc::new(store.clone()), "x").expect("open");
    assert_eq!(bytes(&array.read(&[(0, 4)]).expect("read")), [0; 4]);
    let again = ZarrWriter::create(
        Arc::new(store.clone()),
        "x",
        Format::V3,
        &document(&create).expect("document"),
        None,
        Overwrite::Refuse,
    );
    assert_eq!(again.expect_err("it is there").kind(), Kind::Value);
    // Somebody replaces the array under a reader: missing chunks are no fill values then.
    let _replacing = writer(&store, "x", &create).expect("writer");
    let error = array.read(&[(0, 4)]).expect_err("replaced");
    assert!(error.to_string().contains("replaced"), "{error}");
}

#[test]
fn blocks_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().expect("folder");
    let store = LocalStore::new(folder.path());
    let create = plan(Format::V3, &[4], &[2], NdDtype::Num(Elem::U8));
    let made = writer(&store, "", &create).expect("writer");
    let narrow = block(&create.dtype, &[2], 1);
    assert_eq!(
        made.write(&[(3, 2)], &narrow).expect_err("beyond").kind(),
        Kind::Value
    );
    assert_eq!(
        made.write(&[(0, 3)], &narrow).expect_err("shape").kind(),
        Kind::Value
    );
    let other = block(&NdDtype::Num(Elem::I8), &[2], 1);
    assert_eq!(
        made.write(&[(0, 2)], &other).expect_err("dtype").kind(),
        Kind::Type
    );
    let source = Grid {
        axes: vec![Axis::single(5)],
    };
    assert!(made.write_grid(&source, &[0]).is_err());
    assert!(made.write_grid(&source, &[0, 0]).is_err());
}
