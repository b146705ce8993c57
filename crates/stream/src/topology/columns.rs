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
    expr.columns().into_iter().for_each(|at| needed[at] = true);
}

/// Does a tombstone keep what an expression gives, as its input's key or bounds?
pub(super) fn stays(expr: &Expr, input: &[bool]) -> bool {
    matches!(expr.kind, ExprKind::Column(at) if input[at])
}

/// Does an expression read any column but the key's?
pub(super) fn reads_value(expr: &Expr, schema: &Schema) -> bool {
    let mut needed = vec![false; schema.columns.len()];
    mark_expr(expr, &mut needed);
    let read = schema.columns.iter().zip(needed).filter(|(_, needed)| *needed);
    read.into_iter().any(|(column, _)| column.namespace != Namespace::Key)
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
