//! Functions that choose one of their arguments.

use arrow_array::{Array, BooleanArray};
use arrow_select::zip::zip;
use model::Value;

use super::Eval::{Columns, Rows};
use super::equality::Same;
use super::{Call, ScalarFunction, of};
use crate::{Doc, Evaluated};

pub(super) const AS_VALUE: ScalarFunction = ScalarFunction {
    name: "AS_VALUE",
    doc: Doc {
        description: "The argument itself: copies a key column into the value.",
        category: "OTHER",
        example: ("AS_VALUE(3)", "3"),
    },
    overloads: &[of("AS_VALUE(keyColumn T) -> T", Columns(as_value))],
};

fn as_value(call: &Call<'_>) -> Evaluated {
    Evaluated::ok(call.column(0).clone())
}

pub(super) const COALESCE: ScalarFunction = ScalarFunction {
    name: "COALESCE",
    doc: Doc {
        description: "The first argument that is not NULL.",
        category: "CONDITIONAL",
        example: ("COALESCE(CAST(NULL AS INT), 2, 3)", "2"),
    },
    overloads: &[of("COALESCE(first T, others T...) -> T", Columns(first_not_null))],
};

pub(super) const IFNULL: ScalarFunction = ScalarFunction {
    name: "IFNULL",
    doc: Doc {
        description: "The first argument, or the second if the first is NULL.",
        category: "CONDITIONAL",
        example: ("IFNULL(CAST(NULL AS VARCHAR), 'none')", "none"),
    },
    overloads: &[of("IFNULL(expression T, altValue T) -> T", Columns(first_not_null))],
};

fn first_not_null(call: &Call<'_>) -> Evaluated {
    let mut result = call.column(0).clone();
    for at in 1..call.args.len() {
        if result.null_count() == 0 {
            break;
        }
        let present: BooleanArray = (0..call.rows).map(|row| Some(result.is_valid(row))).collect();
        result = zip(&present, &result, call.column(at)).expect("both are of the type bound to T");
    }
    Evaluated::ok(result)
}

pub(super) const NULLIF: ScalarFunction = ScalarFunction {
    name: "NULLIF",
    doc: Doc {
        description: "NULL if both arguments are equal, else the first.",
        category: "CONDITIONAL",
        example: ("NULLIF(3, 4)", "3"),
    },
    overloads: &[of("NULLIF(expr1 T, expr2 T) -> T", Rows(null_if))],
};

fn null_if(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    Ok(if Same(&args[0]) == Same(&args[1]) { Value::Null } else { args[0].clone() })
}
