//! Types: inferred, widened, given; missing values; filters; with what pandas 3.1 gives for the same text.

use arrow::array::UInt32Array;

use super::*;
use crate::chunk::BatchFilter;
use crate::dtype::{Dtype, NumpyType};
use crate::io::csv::ColumnRef;
use crate::schema::Label;

fn small() -> CsvOptions {
    CsvOptions {
        sample: 1,
        ..CsvOptions::default()
    }
}

fn column(values: &[&str]) -> String {
    let lines: Vec<String> = values.iter().map(|value| format!("{value},1\n")).collect();
    format!("a,b\n{}", lines.concat())
}

#[test]
fn types_widen_as_over_the_whole_file() {
    for (values, dtype, expected) in [
        (&["1", "x"][..], "str", &["\"1\"", "\"x\""][..]),
        (&["007", "x"], "str", &["\"007\"", "\"x\""]),
        (&["1", "1.5"], "float64", &["1.0", "1.5"]),
        (&["1", ""], "float64", &["1.0", "NaN"]),
        (&["", "x"], "str", &["<NA>", "\"x\""]),
        (&["", "5"], "float64", &["NaN", "5.0"]),
        (&["", "2.5"], "float64", &["NaN", "2.5"]),
        (&["True", "x"], "str", &["\"True\"", "\"x\""]),
        (&["True", "1"], "str", &["\"True\"", "\"1\""]),
        (&["abc", "007"], "str", &["\"abc\"", "\"007\""]),
        (&["1.5", "NA", "n/a"], "float64", &["1.5", "NaN", "NaN"]),
        (
            &["1", "9223372036854775808"],
            "uint64",
            &["1", "9223372036854775808"],
        ),
        (
            &["-1", "9223372036854775808"],
            "str",
            &["\"-1\"", "\"9223372036854775808\""],
        ),
        (
            &["", "9223372036854775808"],
            "str",
            &["\"\"", "\"9223372036854775808\""],
        ),
        (
            &["1.5", "18446744073709551616"],
            "float64",
            &["1.5", "1.8446744073709552e19"],
        ),
    ] {
        for blocksize in [Some(1), None] {
            let options = CsvOptions { blocksize, ..small() };
            let (dtypes, rows) = table(&column(values), &options).unwrap();
            assert_eq!(dtypes[0], dtype, "{values:?}");
            let first: Vec<_> = rows.iter().map(|row| row.strip_suffix("|1").unwrap()).collect();
            assert_eq!(first, expected, "{values:?}");
        }
    }
    for values in [&["True", ""][..], &["1", "18446744073709551616"]] {
        assert_eq!(
            table(&column(values), &small()).unwrap_err().kind(),
            Kind::NotNative,
            "{values:?}"
        );
    }
}

#[test]
fn a_contradiction_is_told_once() {
    let files = Files::new(&[
        column(&["1", "2"]).as_bytes(),
        column(&["3", "x", "y"]).as_bytes(),
    ]);
    let source = files.source(&small(), Tuning::default()).unwrap();
    assert_eq!(partition(&source, 0).unwrap().len(), 2);
    for _ in 0..2 {
        assert_eq!(partition(&source, 1).unwrap_err().kind(), Kind::Retyped);
    }
    let notices = source.take_notices();
    assert_eq!(notices.len(), 1);
    let text = &notices[0].0;
    for part in ["\"a\"", "line 3", "part-1.csv", "\"x\"", "int64"] {
        assert!(text.contains(part), "{text}");
    }
    let settled = source.retyped(&[0], 2).unwrap();
    assert_ne!(settled.token(), source.token());
    assert_eq!(settled.schema().columns[0].dtype, Dtype::Str);
    assert_eq!(partition(&*settled, 0).unwrap(), ["\"1\"|1", "\"2\"|1"]);
}

#[test]
fn missing_values() {
    let quoted = table("a,b\n\"\",1\n\"NA\",2\nx,3\n", &CsvOptions::default())
        .unwrap()
        .1;
    assert_eq!(quoted, ["<NA>|1", "<NA>|2", "\"x\"|3"]);
    let unfiltered = CsvOptions {
        na_filter: false,
        ..CsvOptions::default()
    };
    assert_eq!(
        table("a,b\n,1\nNA,2\n", &unfiltered).unwrap().1,
        ["\"\"|1", "\"NA\"|2"]
    );
    let own = CsvOptions {
        na_values: vec!["99".into()],
        keep_default_na: false,
        ..CsvOptions::default()
    };
    assert_eq!(table("a,b\n99,1\n5,2\n", &own).unwrap().1, ["NaN|1", "5.0|2"]);
    assert_eq!(table("a,b\n99,1\n,2\n", &own).unwrap().1, ["<NA>|1", "\"\"|2"]);
    // As a float 99.00 is 99, as an integer 099 isn't the word.
    assert_eq!(
        table("a,b\n099,1\n99.00,2\n", &own).unwrap().1,
        ["NaN|1", "NaN|2"]
    );
    assert_eq!(table("a,b\n099,1\n99,2\n", &own).unwrap().1, ["99.0|1", "NaN|2"]);
    let single = CsvOptions {
        na_values_by_column: vec![(ColumnRef::Name(Label::str("a")), vec!["99".into()])],
        ..CsvOptions::default()
    };
    assert_eq!(
        table("a,b\n1,99\n99,2\n", &single).unwrap().1,
        ["1.0|99", "NaN|2"]
    );
    let assumed = CsvOptions {
        assume_missing: true,
        ..CsvOptions::default()
    };
    assert_eq!(table("a,b\n1,2\n", &assumed).unwrap().1, ["1.0|2.0"]);
}

#[test]
fn own_words_for_bools() {
    let options = CsvOptions {
        true_values: vec!["yes".into()],
        false_values: vec!["no".into()],
        ..CsvOptions::default()
    };
    assert_eq!(
        table("a\nyes\nno\nTRUE\n", &options).unwrap().1,
        ["true", "false", "true"]
    );
    assert_eq!(table("a\nyes\n0\n", &options).unwrap().1, ["\"yes\"", "\"0\""]);
}

#[test]
fn dates() {
    let options = CsvOptions {
        parse_dates: vec![ColumnRef::Name(Label::str("a"))],
        ..small()
    };
    let (dtypes, rows) = table("a,b\n1970-01-02,1\n,2\n", &options).unwrap();
    assert_eq!(
        (dtypes[0].as_str(), rows[0].as_str(), rows[1].as_str()),
        ("datetime64[us]", "@86400000000|1", "<NA>|2")
    );
    for values in [
        &["1970-01-02", "1970-01-02 03:04"][..],
        &["hello"],
        &["", ""],
        &["02/01/1970"],
    ] {
        assert_eq!(
            table(&column(values), &options).unwrap_err().kind(),
            Kind::NotNative,
            "{values:?}"
        );
    }
}

#[test]
fn given_dtypes_are_never_widened() {
    let given = |dtype: Dtype| CsvOptions {
        dtypes: vec![(ColumnRef::Name(Label::str("a")), dtype)],
        ..CsvOptions::default()
    };
    let numpy = |kind| given(Dtype::Numpy(kind));
    let nullable = |kind| given(Dtype::Nullable(kind));
    for (options, text, expected) in [
        (numpy(NumpyType::Int8), " 7 ", "7:Int8|1"),
        (numpy(NumpyType::Int64), "1.0", "1|1"),
        (
            numpy(NumpyType::UInt64),
            "18446744073709551615",
            "18446744073709551615|1",
        ),
        (numpy(NumpyType::Float32), "", "NaN:Float32|1"),
        (numpy(NumpyType::Float64), "5", "5.0|1"),
        (numpy(NumpyType::Bool), "1", "true|1"),
        (nullable(NumpyType::Int64), "NA", "<NA>|1"),
        (nullable(NumpyType::Int64), "1e2", "100|1"),
        (nullable(NumpyType::Bool), "", "<NA>|1"),
        (nullable(NumpyType::Float64), "inf", "inf|1"),
        (given(Dtype::Str), "007", "\"007\"|1"),
        (given(Dtype::String { pyarrow: true }), "", "<NA>|1"),
    ] {
        assert_eq!(table(&column(&[text]), &options).unwrap().1, [expected], "{text}");
    }
    for (options, text) in [
        (numpy(NumpyType::Int8), "300"),
        (numpy(NumpyType::Int8), ""),
        (numpy(NumpyType::UInt8), "-1"),
        (numpy(NumpyType::Int64), "1.5"),
        (numpy(NumpyType::Int64), "99999999999999999999"),
        (numpy(NumpyType::Float64), "x"),
        (numpy(NumpyType::Bool), "7"),
        (numpy(NumpyType::Bool), ""),
        (nullable(NumpyType::Int64), "inf"),
    ] {
        let error = table(&column(&["1", text]), &options).unwrap_err();
        assert_eq!(error.kind(), Kind::Value, "{text}");
        let message = error.to_string();
        assert!(
            message.contains("line 3") && message.contains("part-0.csv") && message.contains("\"a\""),
            "{message}"
        );
    }
    let categories = given(Dtype::Arrow(DataType::Int64));
    assert_eq!(
        table(&column(&["1"]), &categories).unwrap_err().kind(),
        Kind::NotNative
    );
}

/// Keeps rows whose number in the first column is even.
#[derive(Debug)]
struct Even([usize; 1]);

impl BatchFilter for Even {
    fn columns(&self) -> &[usize] {
        &self.0
    }

    fn select(&self, batch: &Batch) -> Result<Option<UInt32Array>> {
        let values = batch.columns[0].as_primitive::<Int64Type>().values();
        let even = values.iter().enumerate().filter(|(_, value)| **value % 2 == 0);
        Ok(Some(even.map(|(row, _)| row as u32).collect()))
    }
}

#[test]
fn filters_come_before_conversion() {
    let mut text = String::from("n,t,x\n");
    for i in 0..50 {
        text.push_str(&format!("{i},\"text \"\"number\"\" {i} of many\",{i}.5\n"));
    }
    let files = Files::new(&[text.as_bytes()]);
    let source = files.source(&CsvOptions::default(), nasty(300)).unwrap();
    let scan = Scan {
        columns: [2, 0, 1].into(),
        filter: Some(Arc::new(Even([0]))),
        batch_rows: 7,
        ..scan(&source, 0)
    };
    let mut stream = source.open(&scan).unwrap();
    let (mut all, mut index) = (Vec::new(), Vec::new());
    while let Some(batch) = stream.next().unwrap() {
        all.extend(rows(&batch));
        let IndexData::Levels(levels) = &batch.index else {
            panic!("a filtered batch has a written-out index");
        };
        index.extend_from_slice(levels[0].as_primitive::<Int64Type>().values());
    }
    assert_eq!(index, (0..50).step_by(2).collect::<Vec<i64>>());
    assert_eq!(all[3], "6.5|6|\"text \\\"number\\\" 6 of many\"");
    let counting = Scan {
        columns: [].into(),
        filter: None,
        ..scan
    };
    let mut stream = source.open(&counting).unwrap();
    let mut count = 0;
    while let Some(batch) = stream.next().unwrap() {
        assert!(batch.columns.is_empty());
        count += batch.len;
    }
    assert_eq!(count, 50);
}

#[test]
fn tokens_tell_sources_apart() {
    let files = Files::new(&[b"a,b\n1,2\n"]);
    let token = |options: &CsvOptions| files.source(options, Tuning::default()).unwrap().token();
    let default = token(&CsvOptions::default());
    assert_eq!(default, token(&CsvOptions::default()));
    assert_ne!(default, token(&small()));
    std::fs::write(&files.paths[0], b"a,b\n1,2\n3,4\n").unwrap();
    assert_ne!(default, token(&CsvOptions::default()));
    let source = files
        .source(
            &CsvOptions {
                blocksize: Some(8),
                ..small()
            },
            Tuning::default(),
        )
        .unwrap();
    assert!(
        source.describe(1).ends_with("part-0.csv, bytes 8..12"),
        "{}",
        source.describe(1)
    );
}
