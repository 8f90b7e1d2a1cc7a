//! Expressions as programs over batches: compiled once, run on every batch.
//!
//! A program is a list of steps over numbered slots that hold arrays: the batch's columns first, then what the steps make.
//! Chains of operations on numbers are one step each (`kernels::tile`); text is done array by array. A column that an
//! expression hands through is handed through, without a copy. Results have the Arrow type of their dtype and keep its
//! invariants (`crate::dtype`): NumPy numbers and bools never carry a null mask.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, LargeStringArray, make_array,
    new_empty_array, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Int32Type};
use hashbrown::HashSet;

use crate::chunk::{Batch, IndexData};
use crate::dtype::{Categories, Dtype, NumpyType};
use crate::error::{Error, Result};
use crate::kernels::compile::Compiler;
use crate::kernels::ops::compare::Compare;
use crate::kernels::ops::member::Members;
use crate::kernels::ops::text::{self, Text};
use crate::kernels::tile::{Made, Tiles};
use crate::op::tree::ExprRef;
use crate::scalar::Literal;
use crate::schema::FrameSchema;

/// Where the array of a slot comes from when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A column of the batch.
    Column(usize),
    /// A level of its index.
    Index(usize),
    /// A step makes it.
    Step,
}

/// A text operand of a step.
#[derive(Clone, Debug)]
pub enum TextArg {
    /// The array of a slot.
    Slot(usize),
    /// One text for all rows.
    One(Option<Arc<str>>),
}

/// An operation on whole arrays.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Whole {
    /// `settled`: a missing value compares as unequal, instead of staying missing.
    Compare {
        op: Compare,
        a: TextArg,
        b: TextArg,
        settled: bool,
    },
    Join {
        a: TextArg,
        b: TextArg,
    },
    /// `a` where the booleans of slot `mask` hold, else `b`.
    Choose {
        mask: usize,
        a: TextArg,
        b: TextArg,
    },
    /// `a`, or `b` where it is missing.
    Fill {
        a: usize,
        b: TextArg,
    },
    Member {
        set: Arc<HashSet<Box<str>>>,
        missing: bool,
        a: usize,
    },
    Truth {
        a: usize,
    },
    FromNumbers {
        a: usize,
    },
    ToNumbers {
        a: usize,
        kind: NumpyType,
        is_na: bool,
    },
    ToCodes {
        a: usize,
        categories: Arc<Categories>,
    },
    FromCodes {
        a: usize,
    },
}

/// A step of a program.
#[derive(Debug)]
pub enum Step {
    /// A program over tiles; each result goes to a slot, as this dtype.
    Tiles {
        /// The program.
        tiles: Tiles,
        /// Slot and dtype of its results.
        results: Vec<(usize, Dtype)>,
    },
    /// An operation on whole arrays.
    Whole {
        /// The operation.
        op: Whole,
        /// The slot of its result.
        slot: usize,
    },
}

/// Where a result of a program is found.
#[derive(Clone, Debug)]
pub enum Found {
    /// In this slot.
    Slot(usize),
    /// It is the same for all rows.
    Constant(Literal),
}

/// Expressions, compiled.
#[derive(Debug)]
pub struct Program {
    pub(super) sources: Vec<Source>,
    pub(super) steps: Vec<Step>,
    pub(super) sets: Vec<Members>,
    pub(super) results: Vec<(Found, Dtype)>,
}

impl Program {
    /// Compiles `exprs` over frames of `schema`; a batch holds the schema's column `i` at `position_of(i)`.
    ///
    /// # Errors
    /// As [`crate::op::scalar::dtype_of`]: [`crate::error::Kind::NotNative`] for what has no kernel, pandas' own errors for what
    /// it refuses.
    pub fn compile(
        exprs: &[ExprRef],
        schema: &FrameSchema,
        position_of: &dyn Fn(usize) -> usize,
    ) -> Result<Self> {
        let mut compiler = Compiler::new(schema, position_of);
        for expr in exprs {
            compiler.add(expr)?;
        }
        compiler.finish()
    }

    /// The dtypes of the results.
    pub fn dtypes(&self) -> impl Iterator<Item = &Dtype> {
        self.results.iter().map(|(_, dtype)| dtype)
    }

    /// The value of each expression for each row.
    ///
    /// # Errors
    /// Bad values (a missing value cast to an integer), with their row; [`crate::error::Kind::Internal`] when the batch isn't of
    /// the schema.
    pub fn run(&self, batch: &Batch) -> Result<Vec<ArrayRef>> {
        let slots = self.run_steps(batch)?;
        self.results
            .iter()
            .map(|(found, dtype)| match found {
                Found::Slot(slot) => full(&slots, *slot).cloned(),
                Found::Constant(literal) => constant(literal, dtype, batch.len),
            })
            .collect()
    }

    /// Runs the steps and gives the slots.
    pub(super) fn run_steps(&self, batch: &Batch) -> Result<Vec<Option<ArrayRef>>> {
        let mut slots: Vec<Option<ArrayRef>> = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            slots.push(match source {
                Source::Step => None,
                Source::Column(position) => Some(
                    batch
                        .columns
                        .get(*position)
                        .ok_or_else(|| Error::internal(format!("a batch without column {position}")))?
                        .clone(),
                ),
                Source::Index(level) => Some(match &batch.index {
                    IndexData::Levels(levels) => levels
                        .get(*level)
                        .ok_or_else(|| Error::internal(format!("a batch without index level {level}")))?
                        .clone(),
                    IndexData::Range { .. } => batch
                        .index_levels()
                        .get(*level)
                        .ok_or_else(|| Error::internal(format!("a range index without level {level}")))?
                        .clone(),
                }),
            });
        }
        for step in &self.steps {
            match step {
                Step::Tiles { tiles, results } => {
                    let made = tiles.run(&slots, &self.sets, batch.len)?;
                    for (made, (slot, dtype)) in made.into_iter().zip(results) {
                        slots[*slot] = Some(array_of(made, dtype, batch.len)?);
                    }
                }
                Step::Whole { op, slot } => {
                    let array = op.run(&slots, batch.len)?;
                    slots[*slot] = Some(array);
                }
            }
        }
        Ok(slots)
    }
}

fn full(slots: &[Option<ArrayRef>], slot: usize) -> Result<&ArrayRef> {
    slots
        .get(slot)
        .and_then(Option::as_ref)
        .ok_or_else(|| Error::internal(format!("slot {slot} of a program is empty")))
}

impl Whole {
    fn run(&self, slots: &[Option<ArrayRef>], rows: usize) -> Result<ArrayRef> {
        let arg = |arg| -> Result<Text<'_>> {
            match arg {
                &TextArg::Slot(slot) => Text::of(full(slots, slot)?),
                TextArg::One(text) => Ok(Text::One(text.as_deref())),
            }
        };
        let of = |slot: usize| -> Result<Text<'_>> { Text::of(full(slots, slot)?) };
        let bools = |values| Arc::new(BooleanArray::new(values, None)) as ArrayRef;
        Ok(match self {
            Self::Compare { op, a, b, settled } => {
                let answer = text::compare(*op, arg(a)?, arg(b)?, rows)?;
                Arc::new(if *settled {
                    text::settle(*op, answer)
                } else {
                    answer
                })
            }
            Self::Join { a, b } => text::join(arg(a)?, arg(b)?, rows),
            Self::Choose { mask, a, b } => {
                let mask = full(slots, *mask)?
                    .as_boolean_opt()
                    .ok_or_else(|| Error::internal("a mask that isn't of booleans"))?;
                text::choose(mask.values(), arg(a)?, arg(b)?)
            }
            Self::Fill { a, b } => {
                let array = full(slots, *a)?;
                match array.nulls().filter(|nulls| nulls.null_count() > 0) {
                    None => array.clone(),
                    Some(nulls) => text::choose(nulls.inner(), Text::of(array)?, arg(b)?),
                }
            }
            Self::Member { set, missing, a } => bools(text::member(set, *missing, of(*a)?, rows)),
            Self::Truth { a } => bools(text::truth(of(*a)?, rows)),
            Self::FromNumbers { a } => text::from_numbers(full(slots, *a)?)?,
            Self::ToNumbers { a, kind, is_na } => text::to_numbers(of(*a)?, *kind, *is_na, rows)?,
            Self::ToCodes { a, categories } => text::to_codes(of(*a)?, categories, rows)?,
            Self::FromCodes { a } => text::from_codes(full(slots, *a)?)?,
        })
    }
}

/// The array of what a program over tiles made.
fn array_of(made: Made, dtype: &Dtype, rows: usize) -> Result<ArrayRef> {
    let Made { values, nulls } = made;
    if nulls.is_some() && matches!(dtype, Dtype::Numpy(kind) if kind.is_numeric()) {
        return Err(Error::internal(format!(
            "missing values in a column of {}",
            dtype.name()
        )));
    }
    let data_type = dtype
        .arrow()
        .ok_or_else(|| Error::internal("a host dtype in a program"))?;
    if rows == 0 {
        // an empty buffer has no address, so none that is aligned
        return Ok(new_empty_array(&data_type));
    }
    if let Dtype::Category(categories) = dtype {
        let keys = Int32Array::try_new(arrow::buffer::ScalarBuffer::new(values, 0, rows), nulls)?;
        return Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
            keys,
            categories.values.clone(),
        )?));
    }
    let data = arrow::array::ArrayData::builder(data_type)
        .len(rows)
        .add_buffer(values)
        .nulls(nulls)
        .build()?;
    Ok(make_array(data))
}

/// A column of `rows` times the same value.
///
/// # Errors
/// When the dtype doesn't hold it.
pub fn constant(literal: &Literal, dtype: &Dtype, rows: usize) -> Result<ArrayRef> {
    use crate::kernels::compile::word;
    use crate::kernels::ops::Lane;
    use crate::scalar::Scalar;
    let data_type = dtype
        .arrow()
        .ok_or_else(|| Error::internal("a host dtype in a program"))?;
    let kind = match dtype {
        Dtype::Numpy(kind) | Dtype::Nullable(kind) => Some(*kind),
        Dtype::Datetimetz(unit, _) => Some(NumpyType::Datetime(*unit)),
        _ => None,
    };
    if rows == 0 {
        return Ok(new_empty_array(&data_type));
    }
    match (&literal.value, kind) {
        (Scalar::Missing, kind)
            if !kind.is_some_and(NumpyType::is_float) || matches!(dtype, Dtype::Nullable(_)) =>
        {
            if matches!(dtype, Dtype::Numpy(kind) if kind.is_numeric()) {
                return Err(Error::internal(format!(
                    "a missing value in a column of {}",
                    dtype.name()
                )));
            }
            Ok(new_null_array(&data_type, rows))
        }
        (Scalar::Str(text), None) if data_type == DataType::LargeUtf8 => Ok(Arc::new(
            LargeStringArray::from_iter_values(std::iter::repeat_n(&**text, rows)),
        )),
        (value, Some(NumpyType::Bool)) => {
            let flag = word(Lane::Bool, value)? != 0;
            Ok(Arc::new(BooleanArray::from(vec![flag; rows])))
        }
        (value, Some(kind)) => {
            let lane = Lane::of(kind);
            let word = word(lane, value)?;
            let mut bytes = Vec::with_capacity(rows * lane.size());
            for _ in 0..rows {
                bytes.extend_from_slice(&word.to_le_bytes()[..lane.size()]);
            }
            let values = arrow::buffer::MutableBuffer::from(bytes).into();
            array_of(
                Made {
                    values,
                    nulls: None::<NullBuffer>,
                },
                dtype,
                rows,
            )
        }
        _ => Err(Error::internal(format!("a constant column of {}", dtype.name()))),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, UInt32Array};

    use super::*;
    use crate::error::Kind;
    use crate::kernels::predicate::Predicate;
    use crate::op::scalar::ScalarOp as O;
    use crate::op::tree::Expr;
    use crate::scalar::Scalar;
    use crate::schema::{Column, FrameKind, IndexSchema, Label};

    /// `x` float64 with NaN, `i` int64, `t` text, `n` Int64 with missing values; `rows` rows.
    fn frame(rows: usize) -> (FrameSchema, Batch) {
        let x: Vec<f64> = (0..rows)
            .map(|row| if row % 7 == 3 { f64::NAN } else { row as f64 / 2.0 })
            .collect();
        let i: Vec<i64> = (0..rows as i64).map(|row| row - 5).collect();
        let t: Vec<_> = (0..rows)
            .map(|row| (row % 5 != 0).then_some(["a", "bb", "é"][row % 3]))
            .collect();
        let n: Vec<_> = (0..rows as i64)
            .map(|row| (row % 4 != 1).then_some(row))
            .collect();
        let columns: Vec<(Dtype, ArrayRef)> = vec![
            (Dtype::Numpy(NumpyType::Float64), Arc::new(Float64Array::from(x))),
            (Dtype::Numpy(NumpyType::Int64), Arc::new(Int64Array::from(i))),
            (Dtype::Str, Arc::new(arrow::array::StringViewArray::from(t))),
            (Dtype::Nullable(NumpyType::Int64), Arc::new(Int64Array::from(n))),
        ];
        let names = columns.iter().map(|(dtype, _)| Column {
            name: Label::None,
            dtype: dtype.clone(),
        });
        let schema = FrameSchema::new(FrameKind::Frame, names.collect(), IndexSchema::range());
        let batch = Batch {
            index: IndexData::Range { start: 0, step: 1 },
            columns: columns.into_iter().map(|(_, array)| array).collect(),
            len: rows,
        };
        (schema, batch)
    }

    fn int(value: i64) -> ExprRef {
        Expr::weak(Scalar::Int(value.into()))
    }

    fn run(exprs: &[ExprRef], schema: &FrameSchema, batch: &Batch) -> Result<Vec<ArrayRef>> {
        Program::compile(exprs, schema, &|position| position)?.run(batch)
    }

    #[test]
    fn chains_over_tile_borders() {
        for rows in [0, 1, 63, 1023, 1024, 1025, 5000] {
            let (schema, batch) = frame(rows);
            let sum = Expr::call(O::Add, vec![Expr::column(0), int(1)]);
            let exprs = [
                Expr::call(
                    O::Sub,
                    vec![Expr::call(O::Mul, vec![sum.clone(), int(2)]), Expr::column(1)],
                ),
                sum.clone(),
                Expr::call(O::Gt, vec![sum, int(10)]),
                Expr::call(O::Add, vec![Expr::column(3), Expr::column(1)]),
            ];
            let results = run(&exprs, &schema, &batch).unwrap();
            let x = batch.columns[0].as_primitive::<arrow::datatypes::Float64Type>();
            let chain = results[0].as_primitive::<arrow::datatypes::Float64Type>();
            let greater = results[2].as_boolean();
            let nullable = results[3].as_primitive::<arrow::datatypes::Int64Type>();
            assert!(chain.nulls().is_none() && greater.nulls().is_none());
            for row in 0..rows {
                let expected = (x.value(row) + 1.0) * 2.0 - (row as f64 - 5.0);
                assert_eq!(chain.value(row).to_bits(), expected.to_bits());
                assert_eq!(greater.value(row), x.value(row) + 1.0 > 10.0);
                assert_eq!(nullable.is_null(row), row % 4 == 1);
                assert!(nullable.is_null(row) || nullable.value(row) == 2 * row as i64 - 5);
            }
        }
    }

    #[test]
    fn columns_pass_through_and_constants_fill() {
        let (schema, batch) = frame(10);
        let results = run(
            &[Expr::column(2), int(7), Expr::weak(Scalar::Str("é".into()))],
            &schema,
            &batch,
        )
        .unwrap();
        assert!(Arc::ptr_eq(&results[0], &batch.columns[2]));
        assert_eq!(
            results[1].as_primitive::<arrow::datatypes::Int64Type>().values(),
            &[7; 10]
        );
        assert!(results[2].as_string::<i64>().iter().all(|text| text == Some("é")));
    }

    #[test]
    fn batches_with_other_columns_and_slices() {
        let (schema, batch) = frame(3000);
        let expr = Expr::call(
            O::And,
            vec![
                Expr::call(O::Ne, vec![Expr::column(2), Expr::weak(Scalar::Str("a".into()))]),
                Expr::call(O::Ge, vec![Expr::column(3), int(100)]),
            ],
        );
        let whole = run(std::slice::from_ref(&expr), &schema, &batch).unwrap();
        let narrow = Batch {
            columns: vec![batch.columns[2].clone(), batch.columns[3].clone()],
            ..batch.clone()
        }
        .slice(17, 2500);
        let program =
            Program::compile(std::slice::from_ref(&expr), &schema, &|position| position - 2).unwrap();
        assert_eq!(&*program.run(&narrow).unwrap()[0], &*whole[0].slice(17, 2500));
        let predicate = Predicate::for_source(&expr, &schema).unwrap();
        assert_eq!(crate::chunk::BatchFilter::columns(&predicate), [2, 3]);
        let kept = predicate.select(&narrow).unwrap().unwrap();
        let expected: Vec<u32> = (17..2517)
            .filter(|row| (row % 5 == 0 || row % 3 != 0) && row % 4 != 1 && *row >= 100)
            .map(|row| row - 17)
            .collect();
        assert_eq!(kept, UInt32Array::from(expected));
    }

    #[test]
    fn a_predicate_that_keeps_all_says_so() {
        let (schema, batch) = frame(2000);
        let all = Expr::call(O::Ge, vec![Expr::column(1), int(-5)]);
        let predicate = Predicate::compile(&all, &schema, &|position| position).unwrap();
        assert!(predicate.select(&batch).unwrap().is_none());
        assert!(predicate.select(&batch.slice(0, 0)).unwrap().is_none());
        let constant =
            Predicate::compile(&Expr::weak(Scalar::Bool(false)), &schema, &|position| position).unwrap();
        assert_eq!(constant.select(&batch).unwrap().unwrap().len(), 0);
        let number = Predicate::compile(&Expr::column(1), &schema, &|position| position).unwrap_err();
        assert_eq!(number.kind(), Kind::NotNative);
    }

    #[test]
    fn failures_name_the_row_and_look_at_values_only() {
        let (schema, batch) = frame(2000);
        let to_int = Expr::call(O::Cast(Dtype::Numpy(NumpyType::Int64)), vec![Expr::column(0)]);
        let error = run(&[to_int], &schema, &batch).unwrap_err();
        assert_eq!(error.kind(), Kind::Value);
        assert!(
            error
                .message()
                .starts_with("Cannot convert non-finite values (NA or inf) to integer")
        );
        assert_eq!(error.notes(), ["at row 3 of the batch"]);
        let from_missing = Expr::call(O::Cast(Dtype::Numpy(NumpyType::Int32)), vec![Expr::column(3)]);
        assert_eq!(
            run(&[from_missing], &schema, &batch).unwrap_err().message(),
            "cannot convert NA to integer"
        );
        let parse = Expr::call(O::Cast(Dtype::Numpy(NumpyType::Float64)), vec![Expr::column(2)]);
        let error = run(&[parse], &schema, &batch).unwrap_err();
        assert_eq!(error.message(), "could not convert string to float: 'bb'");
        assert_eq!(error.notes(), ["at row 1 of the batch"]);
        assert_eq!(
            run(&[Expr::Input(0).into()], &schema, &batch).unwrap_err().kind(),
            Kind::Internal
        );
    }

    #[test]
    fn constants_are_folded() {
        let (schema, batch) = frame(10);
        let mean = Expr::Literal(Literal {
            value: Scalar::Float(2.25),
            dtype: Some(NumpyType::Float64),
        });
        let bound = Expr::call(O::Mul, vec![mean.into(), int(2)]);
        let expr = Expr::call(O::Gt, vec![Expr::column(1), bound]);
        let program = Program::compile(&[expr], &schema, &|position| position).unwrap();
        let kept: Vec<_> = program.run(&batch).unwrap()[0]
            .as_boolean()
            .iter()
            .flatten()
            .collect();
        assert_eq!(kept, [false; 10]);
        let both = Expr::call(O::Add, vec![int(1), int(2)]);
        let three = run(&[both], &schema, &batch).unwrap();
        assert_eq!(
            three[0].as_primitive::<arrow::datatypes::Int64Type>().values(),
            &[3; 10]
        );
    }
}
