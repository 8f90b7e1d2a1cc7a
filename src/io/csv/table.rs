//! What all streams of a source share and nothing changes: files, columns, words.

use std::sync::Arc;

use arrow::array::{ArrayRef, LargeStringArray};

use super::bytes::{ByteSource, Codec};
use super::files::{CsvFile, Cutter, Tuning};
use super::grid::Rules;
use super::head::Head;
use super::kinds::{Kind, Words};
use super::number::float;
use super::options::{ColumnRef, Compression, CsvOptions};
use super::text::{Bools, DEFAULT_MISSING, Missing};
use crate::dtype::{Categories, Dtype};
use crate::error::{Error, Result};
use crate::schema::Label;

/// Files and columns of a source.
#[derive(Debug)]
pub(super) struct Table {
    pub options: CsvOptions,
    pub rules: Rules,
    pub tuning: Tuning,
    pub files: Vec<CsvFile>,
    /// File and block of each partition.
    pub places: Vec<(u32, u32)>,
    /// All names of the first file, in its order.
    names: Vec<Label>,
    /// The source's columns: positions in `names`; the path column is none of them.
    pub columns: Vec<Option<usize>>,
    /// Surplus fields are dropped, as pandas does with `usecols`.
    pub lenient: bool,
    missing: Vec<Option<Missing>>,
    bools: Bools,
    pub path_values: Option<ArrayRef>,
    pub path_codes: Vec<i32>,
}

impl Table {
    pub(super) fn new(
        sources: Vec<Arc<dyn ByteSource>>,
        options: CsvOptions,
        tuning: Tuning,
    ) -> Result<Self> {
        options.check()?;
        if sources.is_empty() {
            return Err(Error::value("read_csv: no files"));
        }
        let rules = options.rules();
        let (path_values, path_codes) = paths(&sources, options.include_path_column.is_some());
        let files: Vec<_> = sources
            .into_iter()
            .map(|source| {
                let codec = match options.compression.of(source.name()) {
                    Compression::Gzip => Some(Codec::Gzip),
                    Compression::Bz2 => Some(Codec::Bz2),
                    Compression::Xz => Some(Codec::Xz),
                    Compression::Zstd => Some(Codec::Zstd),
                    Compression::None | Compression::Infer => None,
                };
                CsvFile::new(source, codec, options.blocksize)
            })
            .collect();
        let places = files
            .iter()
            .enumerate()
            .flat_map(|(file, f)| (0..f.blocks()).map(move |block| (file as u32, block as u32)));
        let places = places.collect();
        let head = files[0].head(options.header, options.skiprows, rules)?;
        let names = names(&head, &options, files[0].name())?;
        let columns = used(&names, &options)?;
        check_dates(&names, &columns, &options)?;
        let missing = columns
            .iter()
            .map(|column| column.and_then(|at| missing_words(&names[at], at, &options)))
            .collect();
        let mut table = Self {
            lenient: options.usecols.is_some(),
            bools: Bools::new(&options.true_values, &options.false_values),
            rules,
            tuning,
            files,
            places,
            names,
            columns,
            missing,
            path_values,
            path_codes,
            options,
        };
        if table.options.include_path_column.is_some() {
            table.columns.push(None);
            table.missing.push(None);
        }
        Ok(table)
    }

    /// The label of a column.
    pub(super) fn label(&self, column: usize) -> Label {
        match self.columns[column] {
            Some(at) => self.names[at].clone(),
            None => Label::str(self.options.include_path_column.as_deref().unwrap_or_default()),
        }
    }

    /// The words that matter in a column.
    pub(super) fn words(&self, column: usize) -> Words<'_> {
        Words {
            missing: self.missing[column].as_ref(),
            bools: &self.bools,
            decimal: self.options.decimal,
        }
    }

    /// The dtype that the user gave a column.
    pub(super) fn given(&self, column: usize) -> Result<Option<Kind>> {
        let Some(at) = self.columns[column] else {
            return Ok(Some(Kind::Given(self.path_dtype()?)));
        };
        let single = self
            .options
            .dtypes
            .iter()
            .find(|(wanted, _)| is_column(wanted, &self.names[at], at));
        match single.map(|(_, dtype)| dtype).or(self.options.dtype.as_ref()) {
            Some(_) if self.is_date(column) => {
                Err(Error::not_native("read_csv: a dtype for a column of parse_dates"))
            }
            Some(dtype) => Kind::given(dtype).map(Some),
            None => Ok(None),
        }
    }

    /// Whether the column is one of `parse_dates`.
    pub(super) fn is_date(&self, column: usize) -> bool {
        self.columns[column].is_some_and(|at| {
            let dates = &self.options.parse_dates;
            dates.iter().any(|wanted| is_column(wanted, &self.names[at], at))
        })
    }

    fn path_dtype(&self) -> Result<Dtype> {
        let values = self.path_values.clone();
        Ok(Dtype::Category(Arc::new(Categories {
            values: values.ok_or_else(|| Error::internal("a path column without paths"))?,
            dtype: Dtype::Str,
            ordered: false,
        })))
    }

    /// How a file is cut, and where the source's columns are in it.
    pub(super) fn layout(&self, file: usize) -> Result<(Cutter, Vec<Option<usize>>)> {
        let own = &self.files[file];
        let head = own.head(self.options.header, self.options.skiprows, self.rules)?;
        let cutter = Cutter {
            rules: self.rules,
            width: self.names.len(),
            tuning: self.tuning,
        };
        if file == 0 || self.options.header.is_none() || self.options.names.is_some() {
            let fields = head.first_fields.unwrap_or(0);
            let width = head.header.as_ref().map_or(fields, Vec::len);
            // Its own header line is left out, but must be one of this table.
            if file > 0 && head.header.is_some() && width != self.names.len() {
                return Err(self.differs(file, &format!("{width} columns")));
            }
            return Ok((cutter, self.columns.clone()));
        }
        let names = names(&head, &self.options, own.name())?;
        if names == self.names {
            return Ok((cutter, self.columns.clone()));
        }
        let find = |label: &Label| names.iter().position(|name| name == label);
        if names.len() != self.names.len() || !self.names.iter().all(|name| find(name).is_some()) {
            let list: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
            return Err(self.differs(file, &format!("the columns [{}]", list.join(", "))));
        }
        let columns = self
            .columns
            .iter()
            .map(|column| column.and_then(|at| find(&self.names[at])));
        Ok((cutter, columns.collect()))
    }

    fn differs(&self, file: usize, what: &str) -> Error {
        let list: Vec<_> = self.names.iter().map(|name| format!("'{name}'")).collect();
        Error::value(format!(
            "Columns do not match: {} has {what}, but {} has the columns [{}]",
            self.files[file].name(),
            self.files[0].name(),
            list.join(", ")
        ))
    }
}

fn paths(sources: &[Arc<dyn ByteSource>], wanted: bool) -> (Option<ArrayRef>, Vec<i32>) {
    if !wanted {
        return (None, Vec::new());
    }
    let mut unique: Vec<&str> = Vec::new();
    let mut known = hashbrown::HashMap::new();
    let codes = sources
        .iter()
        .map(|source| {
            *known.entry(source.name()).or_insert_with(|| {
                unique.push(source.name());
                unique.len() as i32 - 1
            })
        })
        .collect();
    (Some(Arc::new(LargeStringArray::from(unique))), codes)
}

fn is_column(wanted: &ColumnRef, label: &Label, position: usize) -> bool {
    match wanted {
        ColumnRef::Name(name) => name == label,
        ColumnRef::Position(at) => *at == position,
    }
}

/// The labels of all columns of a file.
fn names(head: &Head, options: &CsvOptions, file: &str) -> Result<Vec<Label>> {
    let implicit = || Error::not_native(format!("{file}: more fields than names make an index in pandas"));
    let first = head.first_fields.unwrap_or(0);
    if let Some(given) = &options.names {
        let fits = match &head.header {
            Some(header) => header.len() == given.len(),
            None => first == given.len() || (first < given.len() && options.usecols.is_none()),
        };
        return if fits && first <= given.len() {
            Ok(given.clone())
        } else {
            Err(implicit())
        };
    }
    let Some(header) = &head.header else {
        return Ok((0..first as i64).map(Label::Int).collect());
    };
    if first > header.len() {
        return Err(implicit());
    }
    let texts = header
        .iter()
        .map(|name| {
            String::from_utf8(name.clone()).map_err(|error| {
                Error::undecodable(
                    error.into_bytes(),
                    format!("a column name in the header of {file}"),
                )
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut unique = hashbrown::HashSet::new();
    let odd = texts
        .iter()
        .any(|name| name.is_empty() || !unique.insert(name.as_str()));
    drop(unique);
    if odd && !options.dtypes.is_empty() {
        return Err(Error::not_native(
            "dtypes of columns whose names are missing or not unique",
        ));
    }
    Ok(distinct(texts).iter().map(|name| Label::str(name)).collect())
}

/// Names as pandas makes them distinct: `a`, `a.1`; empty ones by their position, after all others.
fn distinct(mut names: Vec<String>) -> Vec<String> {
    let unnamed: Vec<bool> = names.iter().map(String::is_empty).collect();
    for (i, name) in names.iter_mut().enumerate() {
        if name.is_empty() {
            *name = format!("Unnamed: {i}");
        }
    }
    let mut counts: hashbrown::HashMap<String, usize> = hashbrown::HashMap::new();
    let order = (0..names.len())
        .filter(|i| !unnamed[*i])
        .chain((0..names.len()).filter(|i| unnamed[*i]));
    for i in order.collect::<Vec<_>>() {
        let original = names[i].clone();
        let mut name = original.clone();
        let mut count = counts.get(&name).copied().unwrap_or(0);
        while count > 0 {
            counts.insert(original.clone(), count + 1);
            name = format!("{original}.{count}");
            count = if names.contains(&name) {
                count + 1
            } else {
                counts.get(&name).copied().unwrap_or(0)
            };
        }
        counts.insert(name.clone(), count + 1);
        names[i] = name;
    }
    names
}

/// The columns to deliver, in the file's order.
fn used(names: &[Label], options: &CsvOptions) -> Result<Vec<Option<usize>>> {
    let Some(wanted) = &options.usecols else {
        return Ok((0..names.len()).map(Some).collect());
    };
    let lacking: Vec<_> = wanted
        .iter()
        .filter(|wanted| {
            !names
                .iter()
                .enumerate()
                .any(|(at, name)| is_column(wanted, name, at))
        })
        .map(|wanted| match wanted {
            ColumnRef::Name(Label::Str(name)) => format!("'{name}'"),
            ColumnRef::Name(label) => label.to_string(),
            ColumnRef::Position(at) => at.to_string(),
        })
        .collect();
    if !lacking.is_empty() {
        return Err(Error::value(format!(
            "Usecols do not match columns, columns expected but not found: [{}]",
            lacking.join(", ")
        )));
    }
    let is_used = |at: &usize| wanted.iter().any(|wanted| is_column(wanted, &names[*at], *at));
    Ok((0..names.len()).filter(is_used).map(Some).collect())
}

/// Refuses dates in columns that aren't read.
fn check_dates(names: &[Label], columns: &[Option<usize>], options: &CsvOptions) -> Result<()> {
    let read = |wanted: &ColumnRef| {
        let mut read = columns.iter().flatten();
        read.any(|at| is_column(wanted, &names[*at], *at))
    };
    let mut lacking: Vec<_> = options
        .parse_dates
        .iter()
        .filter(|wanted| !read(wanted))
        .filter_map(|wanted| match wanted {
            ColumnRef::Name(label) => Some(label.to_string()),
            ColumnRef::Position(_) => None,
        })
        .collect();
    lacking.sort_unstable();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Error::value(format!(
        "Missing column provided to 'parse_dates': '{}'",
        lacking.join(", ")
    )))
}

/// The words for missing values in one column; `None` when nothing means missing.
fn missing_words(label: &Label, at: usize, options: &CsvOptions) -> Option<Missing> {
    if !options.na_filter {
        return None;
    }
    let own = options
        .na_values_by_column
        .iter()
        .find(|(wanted, _)| is_column(wanted, label, at))
        .map_or(&[][..], |(_, words)| words);
    let mut words: Vec<String> = Vec::new();
    for word in options.na_values.iter().chain(own) {
        words.push(word.clone());
        // pandas adds the other spellings of whole numbers.
        if let Some(value) = float(word.as_bytes(), b'.')
            && value.fract() == 0.0
            && value.abs() < 1e15
        {
            words.push(format!("{}.0", value as i64));
            words.push((value as i64).to_string());
        }
    }
    let default = if options.keep_default_na {
        &DEFAULT_MISSING[..]
    } else {
        &[]
    };
    let all = default.iter().copied().chain(words.iter().map(String::as_str));
    Some(Missing::new(all, options.decimal))
}

#[cfg(test)]
mod tests {
    use super::distinct;

    #[test]
    fn names_become_distinct_as_in_pandas() {
        for (names, expected) in [
            (&["a", "a", "b"][..], &["a", "a.1", "b"][..]),
            (&["a", "", "b"], &["a", "Unnamed: 1", "b"]),
            (&["a", "b", "a", "a.1"], &["a", "b", "a.2", "a.1"]),
            (
                &["", "", "Unnamed: 1"],
                &["Unnamed: 0", "Unnamed: 1.1", "Unnamed: 1"],
            ),
            (&["a", "a", "a"], &["a", "a.1", "a.2"]),
        ] {
            assert_eq!(
                distinct(names.iter().map(ToString::to_string).collect()),
                expected
            );
        }
    }
}
