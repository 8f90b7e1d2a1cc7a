//! Dialects, headers and bad input, with what pandas 3.1 gives for the same text.

use super::*;
use crate::io::csv::{ColumnRef, Compression};
use crate::schema::Label;

fn default() -> CsvOptions {
    CsvOptions::default()
}

fn data(text: &str, options: &CsvOptions) -> Vec<String> {
    table(text, options).unwrap().1
}

fn failure(text: &str, options: &CsvOptions) -> String {
    let error = table(text, options).unwrap_err();
    let kinds = [Kind::Value, Kind::Parse, Kind::Empty];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    error.to_string()
}

fn labels(text: &str, options: &CsvOptions) -> Vec<String> {
    let files = Files::new(&[text.as_bytes()]);
    let source = files.source(options, Tuning::default()).unwrap();
    source
        .schema()
        .columns
        .iter()
        .map(|column| column.name.to_string())
        .collect()
}

#[test]
fn blank_and_short_lines() {
    assert_eq!(
        data("\n\na,b\n\n1,2\n  \n \t \n3,4\n\n", &default()),
        ["1|2", "3|4"]
    );
    assert_eq!(data("a\n\n1\n \n2\n", &default()), ["1", "2"]);
    assert_eq!(data("a\n\"\"\n1\n", &default()), ["NaN", "1.0"]);
    assert_eq!(data("a,b,c\n1,2\n3,4,5\n", &default()), ["1|2|NaN", "3|4|5.0"]);
    let keep = CsvOptions {
        skip_blank_lines: false,
        ..default()
    };
    assert_eq!(data("a,b\n\n1,2\n", &keep), ["NaN|NaN", "1.0|2.0"]);
    assert_eq!(data("a,b\n  \n1,2\n", &keep), ["\"  \"|NaN", "\"1\"|2.0"]);
    let tabs = CsvOptions {
        sep: b'\t',
        ..default()
    };
    assert_eq!(data("a\tb\n \n1\t2\n\t\n", &tabs), ["1.0|2.0", "NaN|NaN"]);
}

#[test]
fn long_lines_name_file_and_line() {
    let text = "a,b,c\n1,2,3\n\n\"x\ny\",5,6\n3,4,5,6\n";
    let message = failure(text, &default());
    assert!(
        message.contains("Expected 3 fields in line 5, saw 4"),
        "{message}"
    );
    assert!(message.contains("part-0.csv"), "{message}");
    // The line is the file's, not the block's, and beyond the sample.
    let text = format!("a,b\n{}1,2,3\n", "1,2\n".repeat(1000));
    for blocksize in [50, 1 << 20] {
        let options = CsvOptions {
            blocksize: Some(blocksize),
            sample: 20,
            ..default()
        };
        assert!(failure(&text, &options).contains("Expected 2 fields in line 1002, saw 3"));
    }
    let lenient = CsvOptions {
        usecols: Some(vec![ColumnRef::Name(Label::str("b"))]),
        ..default()
    };
    assert_eq!(data("a,b\n1,2\n3,4,5\n", &lenient), ["2", "4"]);
}

#[test]
fn unclosed_quotes_are_an_error() {
    assert!(failure("a,b\n1,\"x\n", &default()).contains("EOF inside string starting at row 1"));
    assert!(failure("a,b\n1,\"x\"\n2,\"y", &default()).contains("EOF inside string starting at row 2"));
}

#[test]
fn quotes_and_separators() {
    assert_eq!(
        data("a,b\n1,x\"y\"\n2,\"x\"y\n3,\"x\"y\"z\"\n", &default()),
        [r#"1|"x\"y\"""#, r#"2|"xy""#, r#"3|"xy\"z\"""#]
    );
    let plain = CsvOptions {
        quotechar: None,
        ..default()
    };
    assert_eq!(data("a,b\n\"x,y\"\n", &plain), [r#""\"x"|"y\"""#]);
    let single = CsvOptions {
        quotechar: Some(b'\''),
        sep: b';',
        decimal: b',',
        ..default()
    };
    assert_eq!(data("a;b\n'x;y';1,5\n", &single), ["\"x;y\"|1.5"]);
    assert_eq!(data("a;b\n1.5;2\n", &single), ["\"1.5\"|2"]);
    let spaced = CsvOptions {
        skipinitialspace: true,
        ..default()
    };
    assert_eq!(
        data(" a, b\n 1, \"x,y\"\n2,  z \n", &spaced),
        ["1|\"x,y\"", "2|\"z \""]
    );
    let undoubled = CsvOptions {
        doublequote: false,
        ..default()
    };
    assert_eq!(data("a,b\n1,\"x\"\"y\"\n", &undoubled), [r#"1|"x\"y\"""#]);
}

#[test]
fn headers() {
    assert_eq!(
        labels("a,a,,b\n1,2,3,4\n", &default()),
        ["a", "a.1", "Unnamed: 2", "b"]
    );
    assert_eq!(labels("\u{feff}\"a\",b\n1,2\n", &default()), ["a", "b"]);
    assert_eq!(labels("\"a\"\"b\",\"c\nd\"\n1,2\n", &default()), ["a\"b", "c\nd"]);
    let none = CsvOptions {
        header: None,
        ..default()
    };
    assert_eq!(labels("1,2\n", &none), ["0", "1"]);
    assert_eq!(data("1,2\n3,4\n", &none), ["1|2", "3|4"]);
    let named = CsvOptions {
        names: Some(vec![Label::str("x"), Label::str("y")]),
        header: None,
        ..default()
    };
    assert_eq!(data("1,2\n3,4\n", &named), ["1|2", "3|4"]);
    let replaced = CsvOptions {
        header: Some(0),
        ..named
    };
    assert_eq!(data("a,b\n3,4\n", &replaced), ["3|4"]);
    let skipped = CsvOptions {
        skiprows: 2,
        ..default()
    };
    assert_eq!(data("\"x\ny\"\n\na,b\n1,2\n", &skipped), ["1|2"]);
    let second = CsvOptions {
        header: Some(1),
        ..default()
    };
    assert_eq!(data("\n\nx\na,b\n1,2\n", &second), ["1|2"]);
}

#[test]
fn files_without_content() {
    assert!(failure("", &default()).contains("No columns to parse from file"));
    assert!(failure("\n", &default()).contains("No columns to parse from file"));
    for text in ["a,b\n", "a,b", "a,b\n\n"] {
        assert_eq!(table(text, &default()).unwrap_err().kind(), Kind::NotNative);
    }
    let files = Files::new(&[b"a,b\n", b"a,b\n1,2\n", b"a,b\n"]);
    assert_eq!(
        read(files.source(&default(), Tuning::default()).unwrap())
            .unwrap()
            .1,
        ["1|2"]
    );
}

#[test]
fn files_are_read_by_their_own_headers() {
    let files = Files::new(&[b"a,b\n1,2\n", b"b,a\n3,4\n"]);
    assert_eq!(
        read(files.source(&default(), Tuning::default()).unwrap())
            .unwrap()
            .1,
        ["1|2", "4|3"]
    );
    let files = Files::new(&[b"a,b\n1,2\n", b"a,c\n3,4\n"]);
    let error = read(files.source(&default(), Tuning::default()).unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("part-1.csv has the columns ['a', 'c']"),
        "{error}"
    );
}

#[test]
fn columns_in_use() {
    let some = |names: &[&str]| CsvOptions {
        usecols: Some(
            names
                .iter()
                .map(|name| ColumnRef::Name(Label::str(name)))
                .collect(),
        ),
        ..default()
    };
    assert_eq!(data("a,b,c\n1,2,3\n", &some(&["c", "a"])), ["1|3"]);
    let error = table("a,b\n1,2\n", &some(&["z"])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("columns expected but not found: ['z']")
    );
    let path = CsvOptions {
        include_path_column: Some("path".into()),
        ..default()
    };
    let files = Files::new(&[b"a\n1\n", b"a\n2\n"]);
    let (source, rows) = read(files.source(&path, Tuning::default()).unwrap()).unwrap();
    assert_eq!(source.schema().columns[1].dtype.name(), "category");
    assert_eq!(rows[1], format!("2|{:?}", files.paths[1].to_string_lossy()));
}

#[test]
fn what_is_not_native_is_refused() {
    for options in [
        CsvOptions {
            comment: Some(b'#'),
            ..default()
        },
        CsvOptions {
            escapechar: Some(b'\\'),
            ..default()
        },
        CsvOptions {
            thousands: Some(b','),
            ..default()
        },
        CsvOptions {
            lineterminator: Some(b'~'),
            ..default()
        },
        CsvOptions {
            sep: b'\n',
            ..default()
        },
    ] {
        assert_eq!(table("a,b\n1,2\n", &options).unwrap_err().kind(), Kind::NotNative);
    }
    // pandas makes an index of surplus fields.
    assert_eq!(
        table("a,b\n1,2,3\n", &default()).unwrap_err().kind(),
        Kind::NotNative
    );
    assert_eq!(Compression::Infer.of("x.CSV.GZ"), Compression::Gzip);
}

#[test]
fn bytes_that_are_not_utf8() {
    let files = Files::new(&[b"a,b\nok,1\n\xff,2\n"]);
    let error = read(files.source(&default(), Tuning::default()).unwrap()).unwrap_err();
    assert_eq!(
        (error.kind(), error.undecoded()),
        (Kind::Decode, Some(&b"\xff"[..]))
    );
    assert!(error.to_string().contains("line 3"), "{error}");
    // Columns that nobody reads may hold anything.
    let only = CsvOptions {
        usecols: Some(vec![ColumnRef::Position(1)]),
        ..default()
    };
    assert_eq!(
        read(files.source(&only, Tuning::default()).unwrap()).unwrap().1,
        ["1", "2"]
    );
}
