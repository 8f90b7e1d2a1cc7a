//! Blocks: every block size gives the same rows, in any order of reading.

use std::io::Write;

use proptest::prelude::*;

use super::*;

const NASTY: &str = "id,text,n\n1,\"a\nb\",5\n2,\"x,\"\"y\"\"\n\n1,\"\"2\"\",3\n\",6\r\n\n  \n3,plain,7\n4,\"\",8\r\n\
                     5,\"long enough to need a place outside of the view itself, with \"\"quotes\"\"\",9\n6,日本語 ü 🎉 and more,10\n\
                     7,\"\n\n\n\",11\n8,x,12\n9,\"1,2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6\n\",13\n10,no line end,14";

fn whole(text: &[u8], options: &CsvOptions) -> Vec<String> {
    let options = CsvOptions {
        blocksize: None,
        ..options.clone()
    };
    read(Files::new(&[text]).source(&options, Tuning::default()).unwrap())
        .unwrap()
        .1
}

fn blocks_agree(text: &[u8], options: &CsvOptions, sizes: impl Iterator<Item = u64>) {
    let expected = whole(text, options);
    let files = Files::new(&[text]);
    for size in sizes {
        let options = CsvOptions {
            blocksize: Some(size),
            ..options.clone()
        };
        for tuning in [nasty(1), nasty(64), Tuning::default()] {
            let (_, rows) = read(files.source(&options, tuning).unwrap()).unwrap();
            assert_eq!(rows, expected, "blocks of {size} bytes, {tuning:?}");
            let backwards = read_in(files.source(&options, tuning).unwrap(), |count| {
                (0..count).rev().collect()
            });
            assert_eq!(
                backwards.unwrap().1,
                expected,
                "blocks of {size} bytes backwards, {tuning:?}"
            );
        }
    }
}

#[test]
fn every_block_size_gives_the_same_rows() {
    let rows = whole(NASTY.as_bytes(), &CsvOptions::default());
    assert_eq!(rows.len(), 10);
    assert_eq!(rows[1], r#"2|"x,\"y\"\n\n1,\"2\",3\n"|6"#);
    assert_eq!(rows[3], "4|<NA>|8");
    blocks_agree(
        NASTY.as_bytes(),
        &CsvOptions::default(),
        1..NASTY.len() as u64 + 2,
    );
}

#[test]
fn line_ends_and_marks() {
    for text in [
        NASTY.replace("\r\n", "\n"),
        NASTY.replace("\r\n", "\n").replace('\n', "\r\n"),
        NASTY.replace("\r\n", "\n").replace('\n', "\r"),
        format!("\u{feff}{NASTY}"),
        format!("{NASTY}\n"),
        format!("{NASTY}\r"),
    ] {
        blocks_agree(
            text.as_bytes(),
            &CsvOptions::default(),
            [1, 2, 3, 7, 16, 33, 100, 1000].into_iter(),
        );
    }
}

#[test]
fn concurrent_readers_agree() {
    let mut text = String::from("a,b,c\n");
    for i in 0..2000 {
        text.push_str(&format!("{i},\"line\n{i},{i},{i}\n{i},x,y\n\",{}\n", i % 7));
    }
    let expected = whole(text.as_bytes(), &CsvOptions::default());
    let files = Files::new(&[text.as_bytes()]);
    for size in [1000, 5000, 20_000] {
        let options = CsvOptions {
            blocksize: Some(size),
            ..CsvOptions::default()
        };
        let mut source: Arc<dyn Source> = Arc::new(files.source(&options, nasty(500)).unwrap());
        let rows = loop {
            let count = source.npartitions();
            let next = std::sync::atomic::AtomicUsize::new(0);
            let parts: Vec<_> = std::thread::scope(|scope| {
                let work = || {
                    let mut mine = Vec::new();
                    loop {
                        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if number >= count {
                            return mine;
                        }
                        mine.push((number, partition(&*source, number)));
                    }
                };
                let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
                workers
                    .into_iter()
                    .flat_map(|worker| worker.join().unwrap())
                    .collect()
            });
            let mut sorted = vec![Vec::new(); count];
            let mut again = false;
            for (number, rows) in parts {
                match rows {
                    Ok(rows) => sorted[number] = rows,
                    Err(error) => {
                        assert_eq!(error.kind(), Kind::Retyped, "{error}");
                        again = true;
                    }
                }
            }
            if !again {
                break sorted.concat();
            }
            source = source.retyped(&[], 2).unwrap();
        };
        assert_eq!(rows, expected);
    }
}

#[test]
fn single_partitions_begin_at_true_records() {
    // Inside the quotes stands what looks like a table of the same width.
    let inner = "1,2,3\n".repeat(50);
    let text = format!("a,b,c\n0,\"{inner}\",0\n9,z,9\n8,y,8\n");
    let files = Files::new(&[text.as_bytes()]);
    let options = CsvOptions {
        blocksize: Some(100),
        ..CsvOptions::default()
    };
    let source = files
        .source(
            &options,
            Tuning {
                window: 60,
                ..nasty(64)
            },
        )
        .unwrap();
    assert_eq!(source.npartitions(), 4);
    // A wrong guess is found out at the latest at the end of the block, and the next source knows better.
    let error = partition(&source, 2).unwrap_err();
    assert_eq!(error.kind(), Kind::Retyped);
    let source = source.retyped(&[], 1).unwrap();
    assert_eq!(partition(&*source, 2).unwrap(), [""; 0]);
    assert_eq!(partition(&*source, 3).unwrap(), ["9|\"z\"|9", "8|\"y\"|8"]);
    let plain = files.source(&options, Tuning::default()).unwrap();
    assert_eq!(partition(&plain, 2).unwrap(), [""; 0]);
}

#[test]
fn compressed_files_are_one_partition() {
    let (left, right) = NASTY.as_bytes().split_at(60);
    let gzip = |bytes: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    };
    let bz2 = |bytes: &[u8]| {
        let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    };
    let xz = |bytes: &[u8]| {
        let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    };
    let zst = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let expected = whole(NASTY.as_bytes(), &CsvOptions::default());
    let packed: [(&str, Vec<u8>); 4] = [
        ("x.csv.gz", [gzip(left), gzip(right)].concat()),
        ("x.csv.bz2", [bz2(left), bz2(right)].concat()),
        ("x.csv.xz", [xz(left), xz(right)].concat()),
        ("x.csv.zst", [zst(left), zst(right)].concat()),
    ];
    for (name, bytes) in packed {
        let files = Files::named(name, &bytes);
        for tuning in [nasty(7), Tuning::default()] {
            let options = CsvOptions {
                blocksize: Some(10),
                ..CsvOptions::default()
            };
            let source = files.source(&options, tuning).unwrap();
            assert_eq!(source.npartitions(), 1);
            assert_eq!(read(source).unwrap().1, expected, "{name}");
        }
        let cut = Files::named(name, &bytes[..bytes.len() - 9]);
        let broken = cut.source(&CsvOptions::default(), Tuning::default());
        let error = broken.and_then(read).unwrap_err();
        assert_eq!(error.kind(), Kind::Os, "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn long_fields_and_many_columns() {
    let long = "ü".repeat(400_000);
    let text = format!("a,b\n1,\"{long}\"\n2,{long}\n3,x\n");
    let options = CsvOptions {
        blocksize: Some(300_000),
        ..CsvOptions::default()
    };
    let rows = read(
        Files::new(&[text.as_bytes()])
            .source(&options, Tuning::default())
            .unwrap(),
    )
    .unwrap()
    .1;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1], format!("2|\"{long}\""));

    let line = |start: usize| {
        (0..3000)
            .map(|i| (start + i).to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let header = (0..3000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let text = format!("{header}\n{}\n{}\n", line(0), line(7));
    let rows = whole(text.as_bytes(), &CsvOptions::default());
    assert_eq!(rows[1], line(7).replace(',', "|"));
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9 .-]{0,15}",
        "[a,\"\n\r é日]{0,8}",
        Just(String::from("NA")),
        Just(String::from("x,y,z\nx,y,z\n")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn written_tables_read_back(
        table in proptest::collection::vec(proptest::collection::vec(field(), 3), 1..25),
        quoted in proptest::collection::vec(any::<bool>(), 75),
        size in 1u64..200,
        crlf: bool,
        buffer in 1usize..100,
    ) {
        let mut text = String::from("a,b,c\n");
        let mut expected = Vec::new();
        for (i, row) in table.iter().enumerate() {
            for (j, field) in row.iter().enumerate() {
                if j > 0 {
                    text.push(',');
                }
                if quoted[i * 3 + j] || field.contains([',', '"', '\n', '\r']) {
                    text.push_str(&format!("\"{}\"", field.replace('"', "\"\"")));
                } else {
                    text += field;
                }
            }
            text += if crlf { "\r\n" } else { "\n" };
            expected.push(row.iter().map(|field| format!("{field:?}")).collect::<Vec<_>>().join("|"));
        }
        let options = CsvOptions {
            blocksize: Some(size),
            dtype: Some(crate::dtype::Dtype::Str),
            na_filter: false,
            ..CsvOptions::default()
        };
        let files = Files::new(&[text.as_bytes()]);
        let (_, rows) = read(files.source(&options, nasty(buffer)).unwrap()).unwrap();
        prop_assert_eq!(rows, expected);
    }
}
