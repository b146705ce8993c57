//! The operators of a topology, named after their SQL word: each takes the batches of its inputs
//! and gives one batch, of the schema its step says.
//!
//! An operator sees each input row once, in the order records were read, and gives the same rows
//! however the rows fall into batches. What it remembers is in stores, whose changes it hands over
//! in [`Operator::flush`] when the batch is through.

pub mod aggregate;
pub mod filter;
pub mod flat_map;
pub mod foreign_key_join;
pub mod join;
pub mod keys;
pub mod rekey;
pub mod select;
pub mod session;
pub mod sink;
pub mod source;
pub mod stream_stream_join;
pub mod stream_table_join;
pub mod suppress;
pub mod table_table_join;

use arrow_array::ArrayRef;
use sql::expr::Expr;

use crate::batch::{Batch, Side, present_bits};
use crate::expression::{EvalContext, Semantics, evaluate};
use crate::processing_log::{LogEntry, LogMessage};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::DecodeError;

/// What a batch's way through the topology needs beside the batch.
pub struct Cycle<'a> {
    /// "Now", milliseconds.
    pub now_ms: i64,
    /// What nulls and inexact numbers mean.
    pub semantics: Semantics,
    /// May several changes of one key within the batch be told as one?
    pub merge: bool,
    /// Everything counts as partition 0 (tests).
    pub single_partition: bool,
    /// How many partitions rows are spread over.
    pub partitions: u32,
    /// The query's id, for the processing log.
    pub query: &'a str,
    /// Rows that failed.
    pub log: &'a mut Vec<LogEntry>,
}

impl Cycle<'_> {
    /// Notes a row that failed in a step.
    pub fn failed(&mut self, step: &str, message: LogMessage) {
        self.log.push(LogEntry { logger: format!("processing.{}.{step}", self.query), message });
    }

    /// Evaluates an expression for all rows of a side; rows that fail are null and logged. What
    /// fails only because there is no value in the row is not logged.
    pub fn evaluate(&mut self, expr: &Expr, side: &Side, rows: usize, step: &str) -> ArrayRef {
        let context = EvalContext { now_ms: self.now_ms, semantics: self.semantics };
        let evaluated = evaluate(expr, &side.columns, rows, &context);
        for (row, reason) in evaluated.errors.iter() {
            if side.is_present(row) {
                self.failed(step, LogMessage::processing(reason.to_string()));
            }
        }
        evaluated.column
    }
}

/// A step that turns batches into batches.
pub trait Operator: Send {
    /// Takes a batch of each input and gives what comes out.
    fn process(&mut self, inputs: Vec<Batch>, cycle: &mut Cycle<'_>)
    -> Result<Batch, ProcessError>;

    /// Writes what changed in its stores.
    fn flush(&mut self, _log: &mut Changelog) {}

    /// The stores it has.
    fn stores(&self) -> Vec<StoreId> {
        Vec::new()
    }

    /// Takes over a change of one of its stores that was written once.
    fn restore(
        &mut self,
        _store: StoreId,
        _key: &[u8],
        _value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        Err(DecodeError)
    }

    /// Called once, when all changes have been taken over.
    fn restored(&mut self) -> Result<(), DecodeError> {
        Ok(())
    }
}

/// Why a query cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProcessError {
    /// An aggregate failed, so that its state is not to be trusted.
    #[error("{function}: {reason}")]
    Aggregate {
        /// Which.
        function: &'static str,
        /// Why.
        reason: String,
    },
    /// State cannot be read.
    #[error(transparent)]
    State(#[from] DecodeError),
}

/// The only input of an operator with one.
pub fn one(inputs: Vec<Batch>) -> Batch {
    let [batch] = <[Batch; 1]>::try_from(inputs).expect("an operator with one input");
    batch
}

/// Both inputs of an operator with two.
pub fn two(inputs: Vec<Batch>) -> (Batch, Batch) {
    let [left, right] = <[Batch; 2]>::try_from(inputs).expect("an operator with two inputs");
    (left, right)
}

/// For which rows a predicate is true.
pub fn passing(
    predicate: &Expr,
    side: &Side,
    rows: usize,
    cycle: &mut Cycle<'_>,
    step: &str,
) -> arrow_buffer::BooleanBuffer {
    use arrow_array::{Array, cast::AsArray};
    let column = cycle.evaluate(predicate, side, rows, step);
    let truth = column.as_boolean();
    let bits = match truth.nulls() {
        Some(nulls) => truth.values() & nulls.inner(),
        None => truth.values().clone(),
    };
    &bits & &present_bits(side.present.as_ref(), rows)
}
