//! The expressions of the talk's pipeline over generated rows: for the benchmark command to time.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Float64Array, PrimitiveArray, StringArray};
use model::{Field, SqlType, Value};
use sql::ast::{ArithmeticOp, ComparisonOp};
use sql::expr::{Expr, ExprKind};

use super::{EvalContext, evaluate};

/// A batch of car parks as the talk has them, and what the talk computes of it.
pub struct TalkExpressions {
    columns: Vec<ArrayRef>,
    rows: usize,
    expressions: Vec<(&'static str, Expr)>,
}

impl TalkExpressions {
    /// A batch of `rows` rows.
    pub fn new(rows: usize) -> Self {
        let whole = |f: fn(usize) -> i32| -> ArrayRef {
            Arc::new(PrimitiveArray::<Int32Type>::from_iter_values((0..rows).map(f)))
        };
        let texts = |f: fn(usize) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..rows).map(f)))
        };
        let doubles = |f: fn(usize) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values((0..rows).map(f)))
        };
        let columns = vec![
            texts(|row| format!("2020-07-{:02}", row % 28 + 1)),
            texts(|row| format!("{:02}:{:02}", row / 60 % 24, row % 60)),
            whole(|row| 100 + (row % 9) as i32),
            whole(|row| (row % 90) as i32),
            doubles(|row| 53.7 + row as f64 * 1e-7),
            doubles(|row| -1.75 - row as f64 * 1e-7),
        ];
        Self { columns, rows, expressions: expressions() }
    }

    /// What is computed, as it stands in SQL.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.expressions.iter().map(|(name, _)| *name)
    }

    /// Computes one of them for the batch; gives the number of rows that have a value.
    pub fn run(&self, name: &str) -> usize {
        let Some((_, expr)) = self.expressions.iter().find(|(known, _)| *known == name) else {
            return 0;
        };
        let evaluated = evaluate(expr, &self.columns, self.rows, &EvalContext::default());
        evaluated.column.len() - evaluated.column.null_count()
    }
}

fn expressions() -> Vec<(&'static str, Expr)> {
    let boxed = |kind: ExprKind, ty: SqlType| Box::new(Expr { kind, ty });
    let text = |index| Box::new(Expr::column(index, SqlType::String));
    let whole = |index| Box::new(Expr::column(index, SqlType::Integer));
    let double = |index| Expr::column(index, SqlType::Double);
    let blank = Box::new(Expr::literal(Value::String(" ".to_string()), SqlType::String));
    let hundred = Box::new(Expr::literal(Value::Double(100.0), SqlType::Double));
    let binary = |op, left, right, ty| boxed(ExprKind::Arithmetic { op, left, right }, ty);

    let day = binary(ArithmeticOp::Add, text(0), blank, SqlType::String);
    let moment = binary(ArithmeticOp::Add, day, text(1), SqlType::String);

    let taken = binary(ArithmeticOp::Subtract, whole(2), whole(3), SqlType::Integer);
    let taken = boxed(ExprKind::Cast(taken), SqlType::Double);
    let all = boxed(ExprKind::Cast(whole(2)), SqlType::Double);
    let share = binary(ArithmeticOp::Divide, taken, all, SqlType::Double);
    let percent = binary(ArithmeticOp::Multiply, share, hundred, SqlType::Double);

    let ten = Box::new(Expr::literal(Value::Integer(10), SqlType::Integer));
    let op = ComparisonOp::GreaterThan;
    let enough = boxed(ExprKind::Comparison { op, left: whole(3), right: ten }, SqlType::Boolean);

    let place = SqlType::Struct(vec![
        Field::new("LAT", SqlType::Double),
        Field::new("LON", SqlType::Double),
    ]);
    let location = boxed(ExprKind::MakeStruct(vec![double(4), double(5)]), place);
    vec![
        ("DATE + ' ' + TIME", *moment),
        ("CAST(CAPACITY - EMPTY_PLACES AS DOUBLE) / CAST(CAPACITY AS DOUBLE) * 100", *percent),
        ("EMPTY_PLACES > 10", *enough),
        ("STRUCT(LAT := LATITUDE, LON := LONGITUDE)", *location),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_talk_has_a_value() {
        let talk = TalkExpressions::new(1000);
        for name in talk.names() {
            assert_eq!(talk.run(name), 1000, "{name}");
        }
    }
}
