//! Aggregate functions: a value for each group, folded row by row in order.

use arrow_array::ArrayRef;
use model::{SqlType, Value};

use crate::{ArgType, Doc, ResolveError, Resolved, RowErrors, Signature};

/// The state of one aggregate call for all groups, numbered from 0 by the caller.
///
/// Columns of arguments are those of the resolved call; literal trailing arguments (`TOPK(x, 3)`) were
/// given to [`AggregateFunction::create`].
pub trait Aggregator: Send + Sync {
    /// Makes sure that groups `0..groups` exist, new ones with their initial state.
    fn grow(&mut self, groups: usize);

    /// Folds row `i` of `args` into group `groups[i]`, in order.
    fn add(&mut self, groups: &[u32], args: &[ArrayRef]) -> RowErrors;

    /// Takes row `i` of `args` out of group `groups[i]` again, in order: for tables, when a row
    /// changes or goes. Only called if [`AggregateFunction::can_undo`].
    fn undo(&mut self, groups: &[u32], args: &[ArrayRef]) -> RowErrors;

    /// Folds group `from` into group `into`: for sessions that grow together.
    fn merge(&mut self, into: u32, from: u32);

    /// The results of these groups, a column of the resolved type.
    fn results(&self, groups: &[u32]) -> ArrayRef;

    /// The state of a group, to be kept in the changelog, of type [`Aggregator::state_type`].
    fn save(&self, group: u32) -> Value;

    /// Sets a group's state to what [`Aggregator::save`] returned once.
    fn load(&mut self, group: u32, state: &Value);

    /// Sets a group back to its initial state, so that its number may be used again.
    fn reset(&mut self, group: u32);

    /// The type of a saved state.
    fn state_type(&self) -> SqlType;
}

/// An aggregate function.
pub struct AggregateFunction {
    /// Its name, upper case.
    pub name: &'static str,
    /// Its documentation.
    pub doc: Doc,
    /// The ways to call it.
    pub signatures: fn() -> Vec<Signature>,
    /// How many of the leading arguments are columns; the rest must be literals.
    pub column_args: fn(args: usize) -> usize,
    /// Can it take rows back, as an aggregate over a table must?
    pub can_undo: bool,
    /// Makes the state for a resolved call: types of all arguments, and the literal ones' values.
    pub create: fn(call: &Resolved, literals: &[Value]) -> Result<Box<dyn Aggregator>, String>,
}

impl AggregateFunction {
    /// Which signature fits these arguments.
    pub fn resolve(&self, _args: &[ArgType]) -> Result<Resolved, ResolveError> {
        Err(ResolveError(format!("{} cannot be called yet", self.name)))
    }
}

/// All aggregate functions, in the order of their names.
pub static AGGREGATES: &[AggregateFunction] = &[];

/// The aggregate function of this name (upper case).
pub fn aggregate(name: &str) -> Option<&'static AggregateFunction> {
    AGGREGATES.binary_search_by_key(&name, |f| f.name).ok().map(|at| &AGGREGATES[at])
}
