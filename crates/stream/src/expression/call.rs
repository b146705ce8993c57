//! Calls of functions, and the lambdas handed to them.

use arrow_array::{Array, ArrayRef};
use functions::scalar::{Arg as FunctionArg, Call, Lambda};
use functions::{ArgType, Evaluated, Resolved, RowErrors};
use model::SqlType;
use sql::expr::{Arg, Expr, ParamId, ScalarRef};

use super::part::{Part, without};
use super::{Scope, Source};

/// `function(args)`
pub(super) fn call(
    scope: &Scope<'_>,
    function: ScalarRef,
    resolved: &Resolved,
    args: &[Arg],
) -> Part {
    let rows = scope.rows;
    let lazy = takes_first_value(function.0.name);
    let (mut failed, mut logged) = (RowErrors::none(), RowErrors::none());
    let mut columns: Vec<Option<ArrayRef>> = Vec::new();
    for arg in args {
        let Arg::Expr(expr) = arg else {
            columns.push(None);
            continue;
        };
        let mut part = scope.evaluate(expr);
        if lazy {
            // Arguments behind the first one that has a value are not needed.
            let open = |row: usize| columns.iter().flatten().all(|column| column.is_null(row));
            part.failed.retain(open);
            part.logged.retain(open);
            // One that fails is told and counts as null: the next may have a value.
            let told = std::mem::take(&mut part.failed);
            columns.push(Some(without(&part.full(rows), &told)));
            logged.merge(told);
            logged.merge(part.logged);
            continue;
        }
        columns.push(Some(part.full(rows)));
        failed.merge(part.failed);
        logged.merge(part.logged);
    }
    let lambdas: Vec<Option<Body<'_>>> = args
        .iter()
        .map(|arg| match arg {
            Arg::Lambda { params, body } => Some(Body { scope, params, body }),
            Arg::Expr(_) | Arg::Unit(_) => None,
        })
        .collect();
    let wanted = &resolved.args;
    let args: Vec<FunctionArg<'_>> = (args.iter().zip(columns).zip(&lambdas).zip(wanted))
        .map(|(((arg, column), lambda), wanted)| match (arg, column, lambda) {
            (Arg::Unit(unit), _, _) => FunctionArg::Unit(Some(*unit)),
            // A NULL in the place of a unit.
            (Arg::Expr(_), _, _) if *wanted == ArgType::Null => FunctionArg::Unit(None),
            (_, Some(column), _) => FunctionArg::Column(column),
            (_, _, Some(lambda)) => FunctionArg::Lambda(lambda),
            _ => unreachable!("an argument is a value, a lambda or a unit"),
        })
        .collect();
    let call = Call {
        args: &args,
        arg_types: &resolved.args,
        returns: &resolved.returns,
        rows,
        now_ms: scope.now_ms,
    };
    let evaluated = function.0.evaluate(resolved.signature, &call);
    failed.merge(evaluated.errors);
    Part { array: evaluated.column, constant: false, failed, logged }
}

/// Does it return the first of its arguments that is not null, so that later ones need not be had?
fn takes_first_value(name: &str) -> bool {
    matches!(name, "COALESCE" | "IFNULL")
}

/// A lambda with all that its body can see.
struct Body<'a> {
    scope: &'a Scope<'a>,
    params: &'a [(ParamId, SqlType)],
    body: &'a Expr,
}

impl Lambda for Body<'_> {
    fn call(&self, parents: &[u32], args: &[ArrayRef]) -> Evaluated {
        let params = self.params.iter().map(|(id, _)| *id).zip(args.iter().cloned());
        let inner = Scope {
            rows: parents.len(),
            now_ms: self.scope.now_ms,
            semantics: self.scope.semantics,
            source: Source::Outside { outer: self.scope, parents },
            params: params.collect(),
        };
        inner.evaluate(self.body).finish(parents.len())
    }

    fn returns(&self) -> &SqlType {
        &self.body.ty
    }
}
