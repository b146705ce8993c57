//! Expressions over batches: columns in, a column out, with the rows for which it failed.
//!
//! ksqlDB's semantics are kept where they surprise: there is no three-valued logic. Arithmetic with
//! a null fails the row, so does a null that decides AND, OR or NOT; a comparison with null is
//! false; a CAST hides every failure inside it and is null instead. What is not evaluated cannot
//! fail: CASE, AND, OR and COALESCE count only the failures of the parts that were needed.
//!
//! Everything is computed for all rows of a batch at once, failures are noted by row, and at the
//! end the rows that failed are made null. Parts without columns are computed once for a batch.

mod arithmetic;
pub mod benchmark;
mod call;
mod cast;
mod compare;
mod decimal;
mod like;
mod logic;
mod nested;
mod part;
mod standard;

use arrow_array::{ArrayRef, UInt32Array};
use functions::{Evaluated, limits};
use model::column::{constant_column, value_at};
use model::{SqlType, Value};
use sql::expr::{Arg, Expr, ExprKind, ParamId};

use part::Part;

/// What an expression may ask for beside its columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvalContext {
    /// "Now", milliseconds since the epoch.
    pub now_ms: i64,
    /// What nulls and inexact numbers mean.
    pub semantics: Semantics,
}

/// What nulls and inexact numbers mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantics {
    /// As in ksqlDB, see above.
    #[default]
    Ksql,
    /// As in the SQL standard: logic has three values, an expression with a null is null and
    /// nothing fails because of it, and a quotient of DECIMALs is rounded, half up.
    Standard,
}

/// The value of an expression for each of `rows` rows of `columns`, those of the schema it was
/// bound to. Rows that failed are null. Some failures leave a value (a null inside an ARRAY, say):
/// they are among the errors, too.
pub fn evaluate(
    expr: &Expr,
    columns: &[ArrayRef],
    rows: usize,
    context: &EvalContext,
) -> Evaluated {
    let source = Source::Batch(columns);
    let EvalContext { now_ms, semantics } = *context;
    let scope = Scope { rows, now_ms, semantics, source, params: Vec::new() };
    scope.evaluate(expr).finish(rows)
}

/// The value of an expression that reads no columns, or why there is none.
pub fn evaluate_constant(expr: &Expr, context: &EvalContext) -> Result<Value, String> {
    if !is_constant(expr) && reads_columns(expr) {
        return Err("a constant is expected here, without columns".to_string());
    }
    let evaluated = evaluate(expr, &[], 1, context);
    match evaluated.errors.iter().next() {
        Some((_, reason)) => Err(reason.to_string()),
        None => Ok(value_at(&expr.ty, &evaluated.column, 0)),
    }
}

/// Where columns come from.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// A batch.
    Batch(&'a [ArrayRef]),
    /// Around a lambda: element `i` belongs to row `parents[i]` of the scope outside.
    Outside { outer: &'a Scope<'a>, parents: &'a [u32] },
}

/// What the names of an expression stand for.
struct Scope<'a> {
    rows: usize,
    now_ms: i64,
    semantics: Semantics,
    source: Source<'a>,
    params: Vec<(ParamId, ArrayRef)>,
}

impl Scope<'_> {
    fn evaluate(&self, expr: &Expr) -> Part {
        if self.rows != 1 && !matches!(expr.kind, ExprKind::Literal(_)) && is_constant(expr) {
            let once = Scope { rows: 1, source: Source::Batch(&[]), params: vec![], ..*self };
            return once.evaluate(expr).repeated(self.rows);
        }
        match &expr.kind {
            ExprKind::Column(index) => self.known(self.column(*index), expr),
            ExprKind::Param(id) => self.known(self.param(*id), expr),
            ExprKind::Literal(value) => Part::constant(constant_column(&expr.ty, value, 1)),
            ExprKind::Arithmetic { op, left, right } => {
                arithmetic::binary(self, *op, left, right, &expr.ty)
            }
            ExprKind::Negate(operand) => arithmetic::negate(self, operand),
            ExprKind::Comparison { op, left, right } => {
                let (a, b) = (self.evaluate(left), self.evaluate(right));
                let (a, b) = ((a, &left.ty), (b, &right.ty));
                match self.semantics {
                    Semantics::Ksql => compare::comparison(*op, a, b, self.rows),
                    Semantics::Standard => standard::comparison(*op, a, b, self.rows),
                }
            }
            ExprKind::And(left, right) => logic::and(self, left, right),
            ExprKind::Or(left, right) => logic::or(self, left, right),
            ExprKind::Not(operand) => logic::not(self, operand),
            ExprKind::IsNull(operand) => logic::is_null(self, operand, true),
            ExprKind::IsNotNull(operand) => logic::is_null(self, operand, false),
            ExprKind::Like { operand, pattern, escape, negated } => {
                like::like(self, operand, pattern, *escape, *negated)
            }
            ExprKind::Between { operand, low, high, negated } => {
                logic::between(self, operand, low, high, *negated)
            }
            ExprKind::In { operand, list, negated } => logic::is_in(self, operand, list, *negated),
            ExprKind::Case { branches, otherwise } => {
                logic::case(self, branches, otherwise, &expr.ty)
            }
            ExprKind::Cast(operand) => cast::cast(self, operand, &expr.ty),
            ExprKind::Coerce(operand) => {
                cast::coerce(self.evaluate(operand), &operand.ty, &expr.ty, self.rows)
            }
            ExprKind::Subscript { base, index } => nested::subscript(self, base, index),
            ExprKind::Field { base, index } => nested::field(self, base, *index),
            ExprKind::MakeArray(items) => nested::make_array(self, items, &expr.ty),
            ExprKind::MakeMap(entries) => nested::make_map(self, entries, &expr.ty),
            ExprKind::MakeStruct(fields) => nested::make_struct(self, fields, &expr.ty),
            ExprKind::Call { function, resolved, args } => {
                call::call(self, *function, resolved, args)
            }
        }
    }

    /// A column as it is found; all rows fail if it would be too large.
    fn known(&self, column: Option<ArrayRef>, expr: &Expr) -> Part {
        if let Some(column) = column {
            return Part::column(column);
        }
        let mut part = Part::column(model::column::null_column(&expr.ty, self.rows));
        part::fail_all(&mut part.failed, self.rows);
        part
    }

    /// The column; none: repeated for each element of a lambda it would be too large.
    fn column(&self, index: usize) -> Option<ArrayRef> {
        match self.source {
            Source::Batch(columns) => Some(columns[index].clone()),
            Source::Outside { outer, parents } => taken(&outer.column(index)?, parents),
        }
    }

    fn param(&self, id: ParamId) -> Option<ArrayRef> {
        if let Some((_, column)) = self.params.iter().find(|(known, _)| *known == id) {
            return Some(column.clone());
        }
        match self.source {
            Source::Outside { outer, parents } => taken(&outer.param(id)?, parents),
            Source::Batch(_) => unreachable!("the analyzer binds every parameter to its lambda"),
        }
    }
}

/// Rows of a column, by index; none: they would be too large together.
fn taken(column: &ArrayRef, rows: &[u32]) -> Option<ArrayRef> {
    if !limits::fits(column, rows.iter().map(|row| *row as usize)) {
        return None;
    }
    let taken = arrow_select::take::take(column, &UInt32Array::from(rows.to_vec()), None);
    Some(taken.expect("parents are rows of the batch"))
}

/// The type of an element of an ARRAY or of a value of a MAP.
fn element_type(ty: &SqlType) -> &SqlType {
    match ty {
        SqlType::Array(element) => element,
        SqlType::Map(_, value) => value,
        other => other,
    }
}

/// Is it the same for all rows of a batch?
fn is_constant(expr: &Expr) -> bool {
    !any(expr, &mut |expr| match &expr.kind {
        ExprKind::Column(_) | ExprKind::Param(_) => true,
        // These differ from row to row.
        ExprKind::Call { function, .. } => matches!(function.0.name, "RANDOM" | "UUID"),
        _ => false,
    })
}

/// Does it read a column?
fn reads_columns(expr: &Expr) -> bool {
    any(expr, &mut |expr| matches!(expr.kind, ExprKind::Column(_)))
}

/// Is something true of an expression or one of its parts?
fn any(expr: &Expr, holds: &mut dyn FnMut(&Expr) -> bool) -> bool {
    if holds(expr) {
        return true;
    }
    match &expr.kind {
        ExprKind::Column(_) | ExprKind::Param(_) | ExprKind::Literal(_) => false,
        ExprKind::Negate(x)
        | ExprKind::Not(x)
        | ExprKind::IsNull(x)
        | ExprKind::IsNotNull(x)
        | ExprKind::Cast(x)
        | ExprKind::Coerce(x)
        | ExprKind::Field { base: x, .. } => any(x, holds),
        ExprKind::Arithmetic { left: a, right: b, .. }
        | ExprKind::Comparison { left: a, right: b, .. }
        | ExprKind::And(a, b)
        | ExprKind::Or(a, b)
        | ExprKind::Like { operand: a, pattern: b, .. }
        | ExprKind::Subscript { base: a, index: b } => any(a, holds) || any(b, holds),
        ExprKind::Between { operand, low, high, .. } => {
            any(operand, holds) || any(low, holds) || any(high, holds)
        }
        ExprKind::In { operand, list, .. } => {
            any(operand, holds) || list.iter().any(|x| any(x, holds))
        }
        ExprKind::Case { branches, otherwise } => {
            branches.iter().any(|(when, then)| any(when, holds) || any(then, holds))
                || any(otherwise, holds)
        }
        ExprKind::MakeArray(items) | ExprKind::MakeStruct(items) => {
            items.iter().any(|x| any(x, holds))
        }
        ExprKind::MakeMap(entries) => {
            entries.iter().any(|(key, value)| any(key, holds) || any(value, holds))
        }
        ExprKind::Call { args, .. } => args.iter().any(|arg| match arg {
            Arg::Expr(x) => any(x, holds),
            Arg::Lambda { body, .. } => any(body, holds),
            Arg::Unit(_) => false,
        }),
    }
}

#[cfg(test)]
mod tests;
