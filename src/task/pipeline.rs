//! A fused pipeline: a source or chunks, steps, a sink; streamed batch by batch, so that a task holds one batch at a time.
//!
//! Invariants: expressions of a step read columns by their position in the step's input schema; `Expr::Input(k)` means the
//! `k`-th scalar input of the whole pipeline, and is replaced by its value before anything is compiled.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crate::chunk::{Batch, Chunk, FrameChunk, IndexData, Scan, Source};
use crate::error::{Error, Kind, Result};
use crate::kernels::agg::{AggPlan, Aggregator};
use crate::kernels::decode::plain_levels;
use crate::kernels::predicate::Predicate;
use crate::kernels::program::Program;
use crate::kernels::take::{compact, take_batch};
use crate::op::tree::{Expr, ExprRef};
use crate::schema::{Column, FrameSchema, IndexSchema};
use crate::task::Control;
use crate::task::literal::literal_of;

/// Where batches come from.
#[derive(Debug)]
pub enum Input {
    /// A source reads them; the predicate reads columns by their position in the source's own schema.
    Scan {
        /// The source.
        source: Arc<dyn Source>,
        /// The columns of it that are delivered.
        columns: Arc<[usize]>,
        /// Rows that it leaves out.
        predicate: Option<ExprRef>,
    },
    /// The task's inputs, before its scalars.
    Chunks,
}

/// What is done to a batch.
#[derive(Debug)]
pub enum Step {
    /// Keep the rows for which the predicate holds.
    Filter {
        /// Over `input`.
        predicate: ExprRef,
        /// The schema of the batch.
        input: Arc<FrameSchema>,
    },
    /// Compute other columns.
    Select {
        /// Over `input`, one for each column that comes out.
        exprs: Vec<ExprRef>,
        /// The schema of the batch.
        input: Arc<FrameSchema>,
    },
}

/// What becomes of the batches.
#[derive(Debug)]
pub enum Sink {
    /// They are kept.
    Collect,
    /// The first rows are kept; reading stops there.
    Head(usize),
    /// The last rows are kept.
    Tail(usize),
    /// They are aggregated: the first `keys` columns are the keys, `arguments` the columns that the calls read.
    Aggregate {
        /// The aggregation.
        plan: Arc<AggPlan>,
        /// How many of the first columns are keys.
        keys: usize,
        /// The columns of the plan's inputs.
        arguments: Vec<usize>,
    },
}

/// A fused pipeline.
#[derive(Debug)]
pub struct Pipeline {
    /// Where batches come from.
    pub input: Input,
    /// The schema of what the input delivers.
    pub input_schema: Arc<FrameSchema>,
    /// What is done to them.
    pub steps: Vec<Step>,
    /// The schema after the steps.
    pub schema: Arc<FrameSchema>,
    /// How many of the task's last inputs are scalars.
    pub scalars: usize,
    /// What becomes of them.
    pub sink: Sink,
    /// How many rows a batch should have.
    pub batch_rows: usize,
    compiled: OnceLock<Compiled>,
}

#[derive(Debug, Clone)]
struct Compiled {
    filter: Option<Arc<Predicate>>,
    steps: Arc<[CompiledStep]>,
    /// What comes out of the steps.
    schema: Arc<FrameSchema>,
}

#[derive(Debug)]
enum CompiledStep {
    Filter(Predicate),
    Select(Program),
}

impl Pipeline {
    /// A pipeline of these parts.
    #[must_use]
    pub fn new(
        input: Input,
        input_schema: Arc<FrameSchema>,
        steps: Vec<Step>,
        schema: Arc<FrameSchema>,
        scalars: usize,
        sink: Sink,
        batch_rows: usize,
    ) -> Self {
        Self {
            input,
            input_schema,
            steps,
            schema,
            scalars,
            sink,
            batch_rows,
            compiled: OnceLock::new(),
        }
    }

    /// Steps and sink in a line, for `explain`.
    #[must_use]
    pub fn describe(&self) -> String {
        let filter = matches!(
            self.input,
            Input::Scan {
                predicate: Some(_),
                ..
            }
        )
        .then_some("read with a filter");
        let steps = self.steps.iter().map(|step| match step {
            Step::Filter { .. } => "filter",
            Step::Select { .. } => "select",
        });
        let sink = match self.sink {
            Sink::Collect => "collect",
            Sink::Head(_) => "head",
            Sink::Tail(_) => "tail",
            Sink::Aggregate { .. } => "aggregate",
        };
        filter
            .into_iter()
            .chain(steps)
            .chain([sink])
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Runs it over `partitions` of its source, or over `inputs`.
    ///
    /// # Errors
    /// What source, kernels and cancellation report.
    pub fn run(&self, partitions: &[usize], mut inputs: Vec<Chunk>, control: &Control) -> Result<Chunk> {
        let scalars = inputs.split_off(inputs.len() - self.scalars);
        let compiled = self.compile(&scalars)?;
        let mut sink = SinkState::new(self)?;
        match &self.input {
            Input::Scan { source, columns, .. } => {
                for partition in partitions {
                    let scan = Scan {
                        partition: *partition,
                        columns: columns.clone(),
                        filter: compiled.filter.clone().map(|filter| filter as _),
                        batch_rows: self.batch_rows,
                    };
                    let done = self
                        .read(source.as_ref(), &scan, &compiled, &mut sink, control)
                        .map_err(|error| {
                            found_too_late(error)
                                .note(format!("while reading {}", source.describe(*partition)))
                        })?;
                    if done {
                        break;
                    }
                }
            }
            Input::Chunks => {
                // a chunk is let go as soon as its batches are through, so that an aggregation over many frees memory
                'chunks: for chunk in inputs {
                    let Chunk::Frame(frame) = chunk else {
                        return Err(Error::internal("a pipeline over chunks that are no frames"));
                    };
                    promised(&frame.schema, &self.input_schema)?;
                    for batch in &frame.batches {
                        let batch = plain_levels(&frame.schema, batch)?;
                        for offset in (0..batch.len.max(1)).step_by(self.batch_rows) {
                            control.check()?;
                            let piece = batch.slice(offset, self.batch_rows.min(batch.len - offset));
                            if self.push(piece, &compiled, &mut sink)? {
                                break 'chunks;
                            }
                        }
                    }
                }
            }
        }
        sink.finish(&compiled.schema)
    }

    fn read(
        &self,
        source: &dyn Source,
        scan: &Scan,
        compiled: &Compiled,
        sink: &mut SinkState,
        control: &Control,
    ) -> Result<bool> {
        let mut stream = source.open(scan)?;
        loop {
            control.check()?;
            let Some(batch) = stream.next()? else {
                return Ok(false);
            };
            control.rows.fetch_add(batch.len as u64, Ordering::Relaxed);
            if self.push(batch, compiled, sink)? {
                return Ok(true);
            }
        }
    }

    /// Takes a batch through the steps into the sink; `true` when no more are wanted.
    fn push(&self, mut batch: Batch, compiled: &Compiled, sink: &mut SinkState) -> Result<bool> {
        let filtered = compiled.filter.is_some();
        if filtered || matches!(self.input_schema.index, IndexSchema::Levels(_)) {
            batch = written_out(batch);
        }
        for step in &*compiled.steps {
            match step {
                CompiledStep::Filter(predicate) => {
                    if let Some(rows) = predicate.select(&batch)? {
                        batch = take_batch(&batch, &rows)?;
                    }
                    batch = written_out(batch);
                }
                CompiledStep::Select(program) => {
                    let columns = program.run(&batch)?;
                    batch = Batch {
                        index: batch.index,
                        columns,
                        len: batch.len,
                    };
                }
            }
        }
        if matches!(self.schema.index, IndexSchema::Levels(_)) {
            batch = written_out(batch);
        }
        sink.push(batch)
    }

    fn compile(&self, scalars: &[Chunk]) -> Result<Compiled> {
        if scalars.is_empty() {
            if let Some(compiled) = self.compiled.get() {
                return Ok(compiled.clone());
            }
            let compiled = self.compiled_with(&[])?;
            return Ok(self.compiled.get_or_init(|| compiled).clone());
        }
        let values: Vec<ExprRef> = scalars
            .iter()
            .map(|chunk| Ok(Arc::new(Expr::Literal(literal_of(chunk)?))))
            .collect::<Result<_>>()?;
        self.compiled_with(&values)
    }

    fn compiled_with(&self, scalars: &[ExprRef]) -> Result<Compiled> {
        let bound = |expr: &ExprRef| {
            expr.replace(&mut |leaf| match leaf {
                Expr::Input(input) => scalars.get(*input).cloned(),
                _ => None,
            })
        };
        let filter = match &self.input {
            Input::Scan {
                source,
                predicate: Some(predicate),
                ..
            } => Some(Arc::new(Predicate::for_source(
                &bound(predicate),
                &source.schema(),
            )?)),
            _ => None,
        };
        // A scalar may turn out wider than planned (the least of no integers is NaN), and so what is computed from it: the
        // dtypes are followed through the steps.
        let mut schema = self.input_schema.clone();
        let mut steps = Vec::with_capacity(self.steps.len());
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Filter { predicate, input } => {
                    schema = Arc::new(FrameSchema {
                        columns: schema.columns.clone(),
                        ..(**input).clone()
                    });
                    steps.push(CompiledStep::Filter(Predicate::compile(
                        &bound(predicate),
                        &schema,
                        &|column| column,
                    )?));
                }
                Step::Select { exprs, input } => {
                    schema = Arc::new(FrameSchema {
                        columns: schema.columns.clone(),
                        ..(**input).clone()
                    });
                    let exprs: Vec<_> = exprs.iter().map(bound).collect();
                    let program = Program::compile(&exprs, &schema, &|column| column)?;
                    let planned = match self.steps.get(position + 1) {
                        Some(Step::Filter { input, .. } | Step::Select { input, .. }) => input,
                        None => &self.schema,
                    };
                    let columns = planned.columns.iter().zip(program.dtypes());
                    let columns = columns.map(|(column, dtype)| Column {
                        name: column.name.clone(),
                        dtype: dtype.clone(),
                    });
                    schema = Arc::new(FrameSchema {
                        columns: columns.collect(),
                        ..(**planned).clone()
                    });
                    steps.push(CompiledStep::Select(program));
                }
            }
        }
        let schema = Arc::new(FrameSchema {
            columns: schema.columns.clone(),
            ..(*self.schema).clone()
        });
        if matches!(self.sink, Sink::Aggregate { .. }) {
            promised(&schema, &self.schema)?;
        }
        Ok(Compiled {
            filter,
            steps: steps.into(),
            schema,
        })
    }
}

/// What only pandas could read, found after the plan was made: too late for the pandas path, so it is the user's to know.
fn found_too_late(error: Error) -> Error {
    match error.kind() {
        Kind::NotNative => Error::value(format!(
            "{}; say with dtype= how to read it, or read with blocksize=None",
            error.message()
        )),
        _ => error,
    }
}

/// A chunk may know better than the plan which types it has (an aggregation without values): what was compiled for other
/// types must not see it.
fn promised(schema: &FrameSchema, planned: &FrameSchema) -> Result<()> {
    for (column, planned) in schema.columns.iter().zip(&planned.columns) {
        if column.dtype != planned.dtype {
            return Err(Error::type_(format!(
                "column {} turned out to be {} where {} was planned, since it has missing values; compute or persist what it \
                 comes from first",
                planned.name,
                column.dtype.name(),
                planned.dtype.name()
            )));
        }
    }
    Ok(())
}

/// The batch with a range index written out as one level.
fn written_out(batch: Batch) -> Batch {
    match batch.index {
        IndexData::Levels(_) => batch,
        IndexData::Range { .. } => Batch {
            index: IndexData::Levels(batch.index_levels()),
            ..batch
        },
    }
}

struct SinkState {
    batches: Vec<Batch>,
    rows: usize,
    mode: Mode,
}

enum Mode {
    Collect,
    Head(usize),
    Tail(usize),
    Aggregate {
        aggregator: Box<Aggregator>,
        keys: usize,
        arguments: Vec<usize>,
    },
}

impl SinkState {
    fn new(pipeline: &Pipeline) -> Result<Self> {
        let mode = match &pipeline.sink {
            Sink::Collect => Mode::Collect,
            Sink::Head(rows) => Mode::Head(*rows),
            Sink::Tail(rows) => Mode::Tail(*rows),
            Sink::Aggregate {
                plan,
                keys,
                arguments,
            } => Mode::Aggregate {
                aggregator: Box::new(Aggregator::new(plan.clone())?),
                keys: *keys,
                arguments: arguments.clone(),
            },
        };
        Ok(Self {
            batches: Vec::new(),
            rows: 0,
            mode,
        })
    }

    fn push(&mut self, batch: Batch) -> Result<bool> {
        match &mut self.mode {
            Mode::Collect => {
                self.batches.push(compact(&batch)?);
                Ok(false)
            }
            Mode::Head(rows) => {
                let want = batch.len.min(*rows - self.rows);
                self.rows += want;
                self.batches.push(compact(&batch.slice(0, want))?);
                Ok(self.rows == *rows)
            }
            Mode::Tail(rows) => {
                self.rows += batch.len;
                self.batches.push(compact(&batch)?);
                while self.batches.len() > 1 && self.rows - self.batches[0].len >= *rows {
                    self.rows -= self.batches.remove(0).len;
                }
                Ok(false)
            }
            Mode::Aggregate {
                aggregator,
                keys,
                arguments,
            } => {
                let values: Vec<_> = arguments
                    .iter()
                    .map(|column| Some(batch.columns[*column].clone()))
                    .collect();
                aggregator.update(&batch.columns[..*keys], &values, batch.len)?;
                Ok(false)
            }
        }
    }

    fn finish(self, schema: &Arc<FrameSchema>) -> Result<Chunk> {
        let schema = schema.clone();
        let frame = match self.mode {
            Mode::Aggregate { aggregator, .. } => return aggregator.into_state(),
            Mode::Tail(rows) => {
                let frame = collected(schema, self.batches)?;
                frame.slice(frame.len().saturating_sub(rows), rows)
            }
            Mode::Collect | Mode::Head(_) => collected(schema, self.batches)?,
        };
        Ok(Chunk::Frame(Arc::new(frame)))
    }
}

fn collected(schema: Arc<FrameSchema>, mut batches: Vec<Batch>) -> Result<FrameChunk> {
    if batches.len() > 1 {
        batches.retain(|batch| batch.len > 0);
    }
    if batches.is_empty() {
        FrameChunk::empty(schema)
    } else {
        FrameChunk::new(schema, batches)
    }
}
