//! Round trips of every kind of chunk.

use std::any::Any;

use arrow::array::{
    BinaryViewArray, BooleanArray, Decimal128Array, DurationNanosecondArray, FixedSizeBinaryArray,
    FixedSizeListBuilder, Float64Array, Int8Array, Int32Array, Int32Builder, Int64Array, LargeBinaryArray,
    LargeStringArray, ListBuilder, MapBuilder, NullArray, StringArray, StringBuilder, StringViewArray,
    StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::Int8Type;
use proptest::prelude::*;

use super::*;
use crate::dtype::NumpyType;
use crate::error::Kind;
use crate::host::{HostRef, HostValue};
use crate::nd::{Elem, NdDtype};
use crate::schema::{Column, FrameKind, Label};
use crate::token::Token;

fn round_trip(chunk: &Chunk) -> (Chunk, usize) {
    let mut sizes = Vec::new();
    let mut back = None;
    for compress in [true, false] {
        let mut bytes = Vec::new();
        write(chunk, &mut bytes, compress, Path::new("f")).unwrap();
        let mut input = &bytes[..];
        back = Some(read(&Shell::of(chunk), &mut input, bytes.len() as u64, Path::new("f")).unwrap());
        assert!(input.is_empty(), "something was left unread");
        sizes.push(bytes.len());
    }
    (back.unwrap(), sizes[1])
}

#[allow(clippy::needless_pass_by_value)] // tests read better so
fn frame(batches: impl Into<Vec<Batch>>) -> Chunk {
    let batches = batches.into();
    let column = |array: &ArrayRef| Column {
        name: Label::str("same"),
        dtype: Dtype::Arrow(array.data_type().clone()),
    };
    let index = match &batches[0].index {
        IndexData::Range { .. } => IndexSchema::range(),
        IndexData::Levels(levels) => IndexSchema::Levels(levels.iter().map(column).collect()),
    };
    let columns = batches[0].columns.iter().map(column).collect();
    let schema = FrameSchema::new(FrameKind::Frame, columns, index);
    Chunk::Frame(Arc::new(FrameChunk::new(Arc::new(schema), batches).unwrap()))
}

fn batch(columns: Vec<ArrayRef>) -> Batch {
    let len = columns[0].len();
    Batch {
        index: IndexData::Range { start: -5, step: 3 },
        columns,
        len,
    }
}

fn check(chunk: &Chunk) -> usize {
    let (back, size) = round_trip(chunk);
    let (Chunk::Frame(a), Chunk::Frame(b)) = (chunk, &back) else {
        panic!()
    };
    assert!(Arc::ptr_eq(&a.schema, &b.schema));
    assert_eq!(a.batches.len(), b.batches.len());
    for (a, b) in a.batches.iter().zip(&b.batches) {
        assert_eq!(a.len, b.len);
        match (&a.index, &b.index) {
            (IndexData::Range { start, step }, IndexData::Range { start: s, step: t }) => {
                assert_eq!((start, step), (s, t));
            }
            (IndexData::Levels(a), IndexData::Levels(b)) => assert_eq!(a.len(), b.len()),
            _ => panic!("another kind of index"),
        }
        for (a, b) in a.arrays().zip(b.arrays()) {
            assert_eq!(a.data_type(), b.data_type());
            assert_eq!(a, b);
            assert_eq!(a.logical_null_count(), b.logical_null_count());
        }
        assert_eq!(a.arrays().count(), b.arrays().count());
    }
    size
}

/// Arrays of `n` elements of every kind that a column may have.
fn arrays(n: usize) -> Vec<ArrayRef> {
    let texts = [
        "",
        "a",
        "Grüße, Welt 🌍",
        "longer than twelve bytes",
        "x\ny,\"z\"",
    ];
    let text = |i: usize| (i % 7 != 3).then(|| texts[i % texts.len()]);
    let mut lists = ListBuilder::new(Int32Builder::new());
    let mut pairs = FixedSizeListBuilder::new(Int32Builder::new(), 2);
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for i in 0..n {
        for (k, text) in texts.iter().enumerate().take(i % 3) {
            lists.values().append_value(k as i32);
            maps.keys().append_value(text);
            maps.values().append_value(k as i32);
        }
        lists.append(i % 5 != 1);
        maps.append(i % 5 != 4).unwrap();
        pairs.values().append_value(i as i32);
        pairs.values().append_null();
        pairs.append(i % 4 != 2);
    }
    let int: ArrayRef = Arc::new(
        (0..n as i64)
            .map(|i| (i % 3 != 0).then_some(i))
            .collect::<Int64Array>(),
    );
    let view: ArrayRef = Arc::new((0..n).map(text).collect::<StringViewArray>());
    vec![
        int.clone(),
        Arc::new(Int8Array::from_iter_values((0..n).map(|i| i as i8))),
        Arc::new(UInt64Array::from_iter_values((0..n as u64).map(|i| u64::MAX - i))),
        Arc::new(Float64Array::from_iter_values(
            (0..n).map(|i| [0.0, -0.0, f64::INFINITY, 1e-300][i % 4]),
        )),
        Arc::new(
            (0..n)
                .map(|i| (i % 11 != 0).then_some(i % 3 == 0))
                .collect::<BooleanArray>(),
        ),
        Arc::new((0..n).map(text).collect::<LargeStringArray>()),
        Arc::new((0..n).map(text).collect::<StringArray>()),
        view.clone(),
        Arc::new(
            (0..n)
                .map(|i| text(i).map(str::as_bytes))
                .collect::<LargeBinaryArray>(),
        ),
        Arc::new(
            (0..n)
                .map(|i| text(i).map(str::as_bytes))
                .collect::<BinaryViewArray>(),
        ),
        Arc::new(
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                (0..n).map(|i| (i % 2 == 0).then_some([i as u8; 3])),
                3,
            )
            .unwrap(),
        ),
        Arc::new(
            (0..n as i64)
                .map(Some)
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("Europe/Berlin"),
        ),
        Arc::new(
            (0..n as i64)
                .map(|i| (i > 2).then_some(i))
                .collect::<DurationNanosecondArray>(),
        ),
        Arc::new((0..n as i64).map(Some).collect::<Time64MicrosecondArray>()),
        Arc::new(
            (0..n as i128)
                .map(|i| Some(i << 70))
                .collect::<Decimal128Array>()
                .with_precision_and_scale(38, 2)
                .unwrap(),
        ),
        Arc::new(NullArray::new(n)),
        Arc::new((0..n).map(text).collect::<DictionaryArray<Int32Type>>()),
        Arc::new((0..n).map(text).collect::<DictionaryArray<Int8Type>>()),
        Arc::new(lists.finish()),
        Arc::new(pairs.finish()),
        Arc::new(maps.finish()),
        Arc::new(StructArray::from(vec![
            (Arc::new(Field::new("a", DataType::Int64, true)), int),
            (Arc::new(Field::new("b", DataType::Utf8View, true)), view),
        ])),
    ]
}

#[test]
fn every_type_comes_back() {
    for n in [0, 1, 2, 100] {
        check(&frame(vec![batch(arrays(n))]));
        check(&frame(vec![batch(arrays(n)), batch(arrays(3)), batch(arrays(0))]));
    }
}

#[test]
fn levels_and_empty_frames_come_back() {
    let level: ArrayRef = Arc::new(Int64Array::from(vec![3, 1, 2]));
    let text: ArrayRef = Arc::new(LargeStringArray::from(vec![Some("x"), None, Some("")]));
    let leveled = |columns| Batch {
        index: IndexData::Levels(vec![level.clone(), text.clone()]),
        columns,
        len: 3,
    };
    check(&frame(vec![leveled(vec![]), leveled(vec![])]));
    check(&frame(vec![leveled(vec![text.clone()])]));
    let bare = |len| Batch {
        index: IndexData::Range { start: 7, step: -2 },
        columns: Vec::new(),
        len,
    };
    check(&frame(vec![bare(5), bare(0), bare(9)]));
    let schema = FrameSchema::new(FrameKind::Frame, Vec::new(), IndexSchema::range());
    let none = FrameChunk::new(Arc::new(schema), Vec::new()).unwrap();
    check(&Chunk::Frame(Arc::new(none)));
}

#[test]
fn nan_bits_survive() {
    let bits = [f64::NAN.to_bits(), 0xfff8_0000_0000_0001, 0x7ff4_dead_beef_0000];
    let column: ArrayRef = Arc::new(Float64Array::from_iter_values(bits.map(f64::from_bits)));
    let Chunk::Frame(back) = round_trip(&frame(vec![batch(vec![column])])).0 else {
        panic!()
    };
    let column = back.batches[0].columns[0].as_primitive::<arrow::datatypes::Float64Type>();
    assert_eq!(
        column.values().iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        bits
    );
}

#[test]
fn text_may_change_its_form_between_batches() {
    let a: ArrayRef = Arc::new(LargeStringArray::from(vec!["a", "b"]));
    let b: ArrayRef = Arc::new(StringViewArray::from(vec!["a text that is longer", "d"]));
    let batches = [&a, &b, &b, &a].map(|array| batch(vec![array.clone()]));
    let column = Column {
        name: Label::None,
        dtype: Dtype::Str,
    };
    let schema = FrameSchema::new(FrameKind::Series, vec![column], IndexSchema::range());
    let chunk = FrameChunk::new(Arc::new(schema), batches.to_vec()).unwrap();
    check(&Chunk::Frame(Arc::new(chunk)));
}

#[test]
fn a_small_slice_writes_little() {
    let n = 100_000;
    let words: Vec<String> = (0..n).map(|i| format!("a rather long text number {i}")).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(words.iter().map(Some).collect::<StringViewArray>()),
        Arc::new(
            words
                .iter()
                .map(|word| Some(word.as_bytes()))
                .collect::<BinaryViewArray>(),
        ),
        Arc::new(LargeStringArray::from_iter_values(&words)),
        Arc::new(Int64Array::from_iter_values(0..n)),
        Arc::new((0..n).map(|i| Some(i % 2 == 0)).collect::<BooleanArray>()),
    ];
    let Chunk::Frame(whole) = frame(vec![batch(columns)]) else {
        panic!()
    };
    let size = check(&Chunk::Frame(Arc::new(whole.slice(50_000, 10))));
    assert!(size < 10_000, "{size} bytes for ten rows");
}

fn category(values: ArrayRef) -> (Arc<Categories>, Column) {
    let categories = Arc::new(Categories {
        values,
        dtype: Dtype::Str,
        ordered: false,
    });
    let column = Column {
        name: Label::None,
        dtype: Dtype::Category(categories.clone()),
    };
    (categories, column)
}

#[test]
fn the_schemas_own_categories_arent_written_and_stay_the_same_object() {
    let words: Vec<String> = (0..50_000).map(|i| format!("category {i}")).collect();
    let (first, a) = category(Arc::new(LargeStringArray::from_iter_values(&words)));
    let (second, b) = category(Arc::new(LargeStringArray::from(vec!["x", "y"])));
    let codes = Int32Array::from(vec![Some(1), None, Some(0)]);
    let of = |values: &ArrayRef| -> ArrayRef {
        Arc::new(DictionaryArray::try_new(codes.clone(), values.clone()).unwrap())
    };
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = Batch {
        index: IndexData::Levels(vec![of(&second.values)]),
        columns: vec![number, of(&first.values)],
        len: 3,
    };
    let int = Column {
        name: Label::None,
        dtype: Dtype::Numpy(NumpyType::Int64),
    };
    let schema = FrameSchema::new(FrameKind::Frame, vec![int, a], IndexSchema::Levels(vec![b]));
    // A sliced batch too, and one whose values are equal but not the same.
    let slice = batch.slice(1, 2);
    let mut other = batch.clone();
    other.columns[1] = of(&(Arc::new(LargeStringArray::from_iter_values(&words)) as ArrayRef));
    let own = FrameChunk::new(Arc::new(schema.clone()), vec![batch.clone(), slice.clone()]).unwrap();
    let own = Chunk::Frame(Arc::new(own));
    assert!(check(&own) < 5_000);
    let Chunk::Frame(back) = round_trip(&own).0 else {
        panic!()
    };
    for batch in &back.batches {
        let column = batch.columns[1].as_dictionary::<Int32Type>();
        assert!(Arc::ptr_eq(column.values(), &first.values));
        let IndexData::Levels(levels) = &batch.index else {
            panic!()
        };
        assert!(Arc::ptr_eq(
            levels[0].as_dictionary::<Int32Type>().values(),
            &second.values
        ));
    }
    let mixed = FrameChunk::new(Arc::new(schema), vec![batch, other, slice]).unwrap();
    check(&Chunk::Frame(Arc::new(mixed)));
}

#[test]
fn dictionaries_may_differ_between_batches() {
    let a: ArrayRef = Arc::new(
        vec!["x", "y", "x"]
            .into_iter()
            .collect::<DictionaryArray<Int32Type>>(),
    );
    let b: ArrayRef = Arc::new(
        vec!["z", "z", "x"]
            .into_iter()
            .collect::<DictionaryArray<Int32Type>>(),
    );
    check(&frame([&a, &b, &a].map(|array| batch(vec![array.clone()]))));
}

#[test]
fn arrays_come_back_as_their_slice() {
    let buffer = arrow::buffer::Buffer::from_vec((0..1000_i64).collect::<Vec<_>>());
    for (shape, slice) in [(vec![2, 5], 80..160), (vec![0, 3], 0..0), (vec![], 8..16)] {
        let array = ArrayChunk::dense(
            NdDtype::Num(Elem::I64),
            shape.clone(),
            buffer.slice_with_length(slice.start, slice.len()),
        )
        .expect("dense");
        let expected = array.buffer.as_slice().to_vec();
        let (Chunk::Array(back), size) = round_trip(&Chunk::Array(Arc::new(array))) else {
            panic!()
        };
        assert_eq!((&back.dtype, &back.shape), (&NdDtype::Num(Elem::I64), &shape));
        assert_eq!(back.buffer.as_slice(), expected);
        assert!(size < 300);
    }
}

#[derive(Debug)]
struct Words(String);

impl HostValue for Words {
    fn known_token(&self) -> Option<Token> {
        None
    }

    fn with_token(&self, _token: Token) -> HostRef {
        Arc::new(Words(self.0.clone()))
    }

    fn nbytes(&self) -> usize {
        self.0.len()
    }
    fn token(&self) -> Token {
        Token([0; 16])
    }
    fn dump(&self) -> Result<Vec<u8>> {
        if self.0 == "bad" {
            return Err(Error::type_("cannot pickle"));
        }
        Ok(self.0.as_bytes().to_vec())
    }
    fn loader(&self) -> Arc<dyn HostLoader> {
        Arc::new(WordsLoader)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[derive(Debug)]
struct WordsLoader;

impl HostLoader for WordsLoader {
    fn load(&self, bytes: &[u8]) -> Result<HostRef> {
        Ok(Arc::new(Words(String::from_utf8_lossy(bytes).into_owned())))
    }
}

#[test]
fn host_objects_come_back_through_their_loader() {
    for text in ["", "Grüße"] {
        let (Chunk::Host(back), _) = round_trip(&Chunk::Host(Arc::new(Words(text.to_string())))) else {
            panic!()
        };
        assert_eq!(back.as_any().downcast_ref::<Words>().unwrap().0, text);
    }
    let bad = Chunk::Host(Arc::new(Words("bad".to_string())));
    let error = write(&bad, &mut Vec::new(), false, Path::new("f")).unwrap_err();
    assert_eq!(error.kind(), Kind::Type);
}

#[test]
fn a_damaged_file_is_an_error_and_no_more() {
    let chunk = frame(vec![batch(arrays(20)), batch(arrays(2))]);
    let mut bytes = Vec::new();
    write(&chunk, &mut bytes, true, Path::new("f")).unwrap();
    let shell = Shell::of(&chunk);
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let error = read(&shell, &mut &bytes[..length], length as u64, Path::new("f")).unwrap_err();
        assert_eq!(error.path(), Some(Path::new("f")), "{error}");
    }
    let mut foreign = bytes.clone();
    foreign[0] = b'X';
    assert!(read(&shell, &mut &foreign[..], bytes.len() as u64, Path::new("f")).is_err());
    let error = read(&Shell::Array, &mut &bytes[..], bytes.len() as u64, Path::new("f")).unwrap_err();
    assert!(error.to_string().contains("another kind"));
}

struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_as_such_wherever_it_strikes() {
    let chunk = frame(vec![batch(arrays(20))]);
    for room in [0, 10, 100, 1_000, 3_000] {
        let error = write(&chunk, &mut Full(room), false, Path::new("f")).unwrap_err();
        assert_eq!(
            (error.kind(), error.errno()),
            (Kind::Os, Some(libc::ENOSPC)),
            "{error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn slices_come_back(
        n in 0_usize..200,
        cuts in prop::collection::vec((0_usize..200, 0_usize..200), 1..4),
    ) {
        let whole = batch(arrays(n));
        let batches = cuts.iter().map(|&(offset, length)| {
            let offset = offset.min(n);
            whole.slice(offset, length.min(n - offset))
        });
        check(&frame(batches.collect::<Vec<_>>()));
    }
}
