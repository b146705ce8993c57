//! Which columns of its input an expression reads, and which survive in a tombstone: pure questions
//! about plans.

use model::{Column, Namespace, Schema};
use sql::expr::{Arg, Expr, ExprKind};
use sql::plan::StepKind;

/// For each column: does anybody look at it?
pub(super) type Needed = Vec<bool>;

pub(super) fn mark_exprs(exprs: &[Expr], needed: &mut Needed) {
    exprs.iter().for_each(|expr| mark_expr(expr, needed));
}

pub(super) fn mark_args(args: &[Arg], needed: &mut Needed) {
    for arg in args {
        match arg {
            Arg::Expr(expr) => mark_expr(expr, needed),
            Arg::Lambda { body, .. } => mark_expr(body, needed),
            Arg::Unit(_) => {}
        }
    }
}

/// Marks the columns that an expression reads.
pub(super) fn mark_expr(expr: &Expr, needed: &mut Needed) {
    match &expr.kind {
        ExprKind::Column(at) => needed[*at] = true,
        ExprKind::Param(_) | ExprKind::Literal(_) => {}
        ExprKind::Arithmetic { left, right, .. }
        | ExprKind::Comparison { left, right, .. }
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => {
            mark_expr(left, needed);
            mark_expr(right, needed);
        }
        ExprKind::Negate(operand)
        | ExprKind::Not(operand)
        | ExprKind::IsNull(operand)
        | ExprKind::IsNotNull(operand) => mark_expr(operand, needed),
        ExprKind::Like { operand, pattern, .. } => {
            mark_expr(operand, needed);
            mark_expr(pattern, needed);
        }
        ExprKind::Between { operand, low, high, .. } => {
            [operand, low, high].into_iter().for_each(|e| mark_expr(e, needed));
        }
        ExprKind::In { operand, list, .. } => {
            mark_expr(operand, needed);
            mark_exprs(list, needed);
        }
        ExprKind::Case { branches, otherwise } => {
            for (condition, result) in branches {
                mark_expr(condition, needed);
                mark_expr(result, needed);
            }
            mark_expr(otherwise, needed);
        }
        ExprKind::Cast(operand) | ExprKind::Coerce(operand) => mark_expr(operand, needed),
        ExprKind::Subscript { base, index } => {
            mark_expr(base, needed);
            mark_expr(index, needed);
        }
        ExprKind::Field { base, .. } => mark_expr(base, needed),
        ExprKind::MakeArray(items) | ExprKind::MakeStruct(items) => mark_exprs(items, needed),
        ExprKind::MakeMap(entries) => {
            for (key, value) in entries {
                mark_expr(key, needed);
                mark_expr(value, needed);
            }
        }
        ExprKind::Call { args, .. } => mark_args(args, needed),
    }
}

/// Does a tombstone keep what an expression gives, as its input's key or bounds?
pub(super) fn stays(expr: &Expr, input: &[bool]) -> bool {
    matches!(expr.kind, ExprKind::Column(at) if input[at])
}

pub(super) fn is_window_bound(column: &Column) -> bool {
    column.namespace == Namespace::Pseudo
        && matches!(column.name.as_str(), "WINDOWSTART" | "WINDOWEND")
}

/// Are these expressions the key's columns and nothing else?
pub(super) fn are_key_columns(keys: &[Expr], schema: &Schema) -> bool {
    let key_of = |expr: &Expr| match expr.kind {
        ExprKind::Column(at) => schema.columns[at].namespace == Namespace::Key,
        _ => false,
    };
    keys.iter().all(key_of) && keys.len() == schema.key().count()
}

/// The word for a step.
pub(super) fn step_name(step: &StepKind) -> &'static str {
    match step {
        StepKind::Source { .. } => "Source",
        StepKind::Filter { .. } => "Filter",
        StepKind::Select { .. } => "Select",
        StepKind::FlatMap { .. } => "FlatMap",
        StepKind::Rekey { .. } => "Rekey",
        StepKind::Aggregate { .. } => "Aggregate",
        StepKind::StreamStreamJoin { .. } => "StreamStreamJoin",
        StepKind::StreamTableJoin { .. } => "StreamTableJoin",
        StepKind::TableTableJoin { .. } => "TableTableJoin",
        StepKind::ForeignKeyJoin { .. } => "ForeignKeyJoin",
        StepKind::Suppress { .. } => "Suppress",
    }
}
