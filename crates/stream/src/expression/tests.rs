//! What counts as a failure and what does not, on expressions made by hand.

use functions::scalar::scalar;
use functions::{ArgType, Evaluated};
use model::Field;
use model::column::{column_of, value_at};
use sql::ast::{ArithmeticOp, ComparisonOp};
use sql::expr::ScalarRef;

use super::*;

use Value::{Boolean, Integer, Null};

const INT: SqlType = SqlType::Integer;
const BOOL: SqlType = SqlType::Boolean;

fn expr(kind: ExprKind, ty: SqlType) -> Expr {
    Expr { kind, ty }
}

fn int(n: i32) -> Expr {
    Expr::literal(Integer(n), INT)
}

fn arithmetic(op: ArithmeticOp, left: Expr, right: Expr) -> Expr {
    let (left, right) = (Box::new(left), Box::new(right));
    expr(ExprKind::Arithmetic { op, left, right }, INT)
}

/// `10 / column`
fn ten_by(index: usize) -> Expr {
    arithmetic(ArithmeticOp::Divide, int(10), Expr::column(index, INT))
}

fn positive(operand: Expr) -> Expr {
    let (left, right) = (Box::new(operand), Box::new(int(0)));
    expr(ExprKind::Comparison { op: ComparisonOp::GreaterThan, left, right }, BOOL)
}

fn call(name: &str, args: Vec<Expr>, ty: SqlType) -> Expr {
    let function = scalar(name).unwrap_or_else(|| panic!("no {name}"));
    let types: Vec<_> = args.iter().map(|arg| ArgType::Sql(arg.ty.clone())).collect();
    let resolved = function.resolve(&types).unwrap_or_else(|e| panic!("{e}"));
    let args = args.into_iter().map(Arg::Expr).collect();
    expr(ExprKind::Call { function: ScalarRef(function), resolved, args }, ty)
}

/// Evaluates over one INTEGER column; checks values and which rows have an error.
fn check(expr: &Expr, column: &[Value], values: &[Value], errors: &[usize]) {
    let columns = [column_of(&INT, column)];
    let Evaluated { column: result, errors: found } =
        evaluate(expr, &columns, column.len(), &EvalContext::default());
    let rows: Vec<_> = (0..column.len()).map(|row| value_at(&expr.ty, &result, row)).collect();
    assert_eq!(rows, values);
    assert_eq!(found.iter().map(|(row, _)| row).collect::<Vec<_>>(), errors);
}

const COLUMN: [Value; 3] = [Integer(5), Integer(0), Null];

#[test]
fn a_null_and_a_division_by_zero_fail_their_rows_only() {
    check(&ten_by(0), &COLUMN, &[Integer(2), Null, Null], &[1, 2]);
    let sum = arithmetic(ArithmeticOp::Add, Expr::column(0, INT), int(i32::MAX));
    check(&sum, &COLUMN, &[Integer(i32::MIN + 4), Integer(i32::MAX), Null], &[2]);
}

#[test]
fn what_is_made_of_a_failure_fails_too() {
    let is_null = expr(ExprKind::IsNull(Box::new(ten_by(0))), BOOL);
    check(&is_null, &COLUMN, &[Boolean(false), Null, Null], &[1, 2]);
    let positive = positive(ten_by(0));
    check(&positive, &COLUMN, &[Boolean(true), Null, Null], &[1, 2]);
}

#[test]
fn a_cast_hides_what_fails_inside_and_a_coercion_does_not() {
    let text = SqlType::String;
    let cast = expr(ExprKind::Cast(Box::new(ten_by(0))), text.clone());
    check(&cast, &COLUMN, &[Value::String("2".to_string()), Null, Null], &[]);
    let bad = Expr::literal(Value::String("x".to_string()), text);
    let cast = expr(ExprKind::Cast(Box::new(bad.clone())), INT);
    check(&cast, &COLUMN, &[Null, Null, Null], &[]);
    let coerced = expr(ExprKind::Coerce(Box::new(bad)), INT);
    check(&coerced, &COLUMN, &[Null, Null, Null], &[0, 1, 2]);
}

#[test]
fn a_decisive_left_side_hides_the_right_one() {
    let not_zero = expr(
        ExprKind::Comparison {
            op: ComparisonOp::NotEqual,
            left: Box::new(Expr::column(0, INT)),
            right: Box::new(int(0)),
        },
        BOOL,
    );
    let risky = Box::new(positive(ten_by(0)));
    let and = expr(ExprKind::And(Box::new(not_zero.clone()), risky.clone()), BOOL);
    check(&and, &COLUMN, &[Boolean(true), Boolean(false), Boolean(false)], &[]);
    let or = expr(ExprKind::Or(Box::new(not_zero), risky), BOOL);
    check(&or, &COLUMN, &[Boolean(true), Null, Null], &[1, 2]);
    let null = Box::new(Expr::literal(Null, BOOL));
    let no = Box::new(Expr::literal(Boolean(false), BOOL));
    let and = expr(ExprKind::And(no.clone(), null.clone()), BOOL);
    check(&and, &COLUMN, &[Boolean(false), Boolean(false), Boolean(false)], &[]);
    let and = expr(ExprKind::And(null, no), BOOL);
    check(&and, &COLUMN, &[Null, Null, Null], &[0, 1, 2]);
}

#[test]
fn only_the_branch_taken_can_fail() {
    let branches = vec![(positive(Expr::column(0, INT)), ten_by(0))];
    let case = expr(ExprKind::Case { branches, otherwise: Box::new(int(-1)) }, INT);
    check(&case, &COLUMN, &[Integer(2), Integer(-1), Integer(-1)], &[]);
    let failing = arithmetic(ArithmeticOp::Divide, int(1), int(0));
    let branches = vec![(positive(Expr::column(0, INT)), int(1))];
    let case = expr(ExprKind::Case { branches, otherwise: Box::new(failing) }, INT);
    check(&case, &COLUMN, &[Integer(1), Null, Null], &[1, 2]);
    let branches = vec![(Expr::literal(Null, BOOL), int(1))];
    let case = expr(ExprKind::Case { branches, otherwise: Box::new(int(2)) }, INT);
    check(&case, &COLUMN, &[Null, Null, Null], &[0, 1, 2]);
}

#[test]
fn coalesce_needs_its_later_arguments_only_behind_nulls() {
    let first = call("COALESCE", vec![Expr::column(0, INT), ten_by(0)], INT);
    check(&first, &COLUMN, &[Integer(5), Integer(0), Null], &[2]);
}

#[test]
fn an_element_that_fails_is_null_and_told() {
    let ty = SqlType::array(INT);
    let array = expr(ExprKind::MakeArray(vec![int(1), ten_by(0)]), ty);
    let list = |items: [Value; 2]| Value::Array(items.to_vec());
    let with_null = list([Integer(1), Null]);
    let values = [list([Integer(1), Integer(2)]), with_null.clone(), with_null];
    check(&array, &COLUMN, &values, &[1, 2]);
    let ty = SqlType::Struct(vec![Field::new("A", INT)]);
    let made = expr(ExprKind::MakeStruct(vec![ten_by(0)]), ty);
    let field = expr(ExprKind::Field { base: Box::new(made), index: 0 }, INT);
    check(&field, &COLUMN, &[Integer(2), Null, Null], &[1, 2]);
}

#[test]
fn of_equal_keys_the_last_one_counts() {
    let ty = SqlType::map(INT, INT);
    let entries = vec![(Expr::column(0, INT), int(1)), (int(5), int(2))];
    let map = expr(ExprKind::MakeMap(entries), ty);
    let base = Box::new(map);
    let at = expr(ExprKind::Subscript { base, index: Box::new(int(5)) }, INT);
    check(&at, &COLUMN, &[Integer(2), Integer(2), Integer(2)], &[2]);
}

#[test]
fn a_lambda_sees_the_columns_of_its_row() {
    let ty = SqlType::array(INT);
    let array = expr(ExprKind::MakeArray(vec![int(1), int(2)]), ty.clone());
    let id = ParamId(0);
    let param = expr(ExprKind::Param(id), INT);
    let body = arithmetic(ArithmeticOp::Multiply, param, Expr::column(0, INT));
    let function = scalar("TRANSFORM").expect("listed");
    let types = [ArgType::Sql(ty.clone()), ArgType::Lambda(vec![INT], INT)];
    let resolved = function.resolve(&types).unwrap_or_else(|e| panic!("{e}"));
    let lambda = Arg::Lambda { params: vec![(id, INT)], body: Box::new(body) };
    let args = vec![Arg::Expr(array), lambda];
    let kind = ExprKind::Call { function: ScalarRef(function), resolved, args };
    let list = |items: [i32; 2]| Value::Array(items.map(Integer).to_vec());
    check(&expr(kind, ty), &COLUMN, &[list([5, 10]), list([0, 0]), Null], &[2]);
}

#[test]
fn a_join_of_texts_writes_nulls_as_a_word() {
    let column = expr(ExprKind::Cast(Box::new(Expr::column(0, INT))), SqlType::String);
    let text = |text: &str| Value::String(text.to_string());
    let dash = Expr::literal(text("-"), SqlType::String);
    let plus = |left: Expr, right: Expr| {
        let (left, right) = (Box::new(left), Box::new(right));
        expr(ExprKind::Arithmetic { op: ArithmeticOp::Add, left, right }, SqlType::String)
    };
    let joined = plus(plus(column.clone(), dash), column);
    check(&joined, &COLUMN, &[text("5-5"), text("0-0"), text("null-null")], &[]);
}

#[test]
fn many_texts_are_looked_up_as_few_are_compared() {
    let column = expr(ExprKind::Cast(Box::new(Expr::column(0, INT))), SqlType::String);
    let text = |n: i32| Expr::literal(Value::String(n.to_string()), SqlType::String);
    for (count, negated) in [(2, false), (20, false), (2, true), (20, true)] {
        let list = (5..5 + count).map(text).collect();
        let operand = Box::new(column.clone());
        let is_in = expr(ExprKind::In { operand, list, negated }, BOOL);
        check(&is_in, &COLUMN, &[!negated, negated, negated].map(Boolean), &[]);
    }
}

#[test]
fn no_rows_give_no_rows() {
    check(&ten_by(0), &[], &[], &[]);
    let failing = arithmetic(ArithmeticOp::Divide, int(1), int(0));
    check(&failing, &[], &[], &[]);
    let cast = expr(ExprKind::Cast(Box::new(failing)), SqlType::String);
    check(&cast, &[], &[], &[]);
}

/// One row of a text of so many bytes.
fn texts(lengths: &[usize]) -> ArrayRef {
    let texts: Vec<_> = lengths.iter().map(|n| Value::String("x".repeat(*n))).collect();
    column_of(&SqlType::String, &texts)
}

/// The rows that fail.
fn failing(expr: &Expr, column: ArrayRef) -> Vec<usize> {
    let rows = column.len();
    let found = evaluate(expr, &[column], rows, &EvalContext::default());
    assert_eq!(found.column.len(), rows);
    found.errors.iter().map(|(row, _)| row).collect()
}

#[test]
fn values_that_would_be_too_large_fail_their_rows() {
    let (column, text) = (Expr::column(0, SqlType::String), SqlType::String);
    let literal = |value: &str| Expr::literal(Value::String(value.into()), SqlType::String);
    let large = literal(&"y".repeat(10_000));
    let rows = || texts(&[10, 5_000]);
    let args = vec![column.clone(), literal("x"), large.clone()];
    assert_eq!(failing(&call("REPLACE", args, text.clone()), rows()), [1]);
    let args = vec![column.clone(), literal("x"), large.clone()];
    assert_eq!(failing(&call("REGEXP_REPLACE", args, text.clone()), rows()), [1]);
    let args = vec![literal("(?=(.*))"), column.clone(), int(1)];
    let all = call("REGEXP_EXTRACT_ALL", args, SqlType::array(text.clone()));
    assert_eq!(failing(&all, texts(&[10, 10_000])), [1]);
    let args = vec![column.clone(), int(i32::MAX), literal("z")];
    assert_eq!(failing(&call("RPAD", args, text.clone()), rows()), [0, 1]);
    let args = vec![column.clone(), literal("")];
    let split = call("SPLIT", args, SqlType::array(text.clone()));
    assert_eq!(failing(&split, texts(&[10, 1_000_001])), [1]);
    let rows = || texts(&[10, 1_000_000]);
    let args = vec![column.clone(); 20];
    assert_eq!(failing(&call("CONCAT", args, text), rows()), [1]);
    let mut sum = column;
    for _ in 0..20 {
        let (left, right) = (Box::new(sum), Box::new(Expr::column(0, SqlType::String)));
        let op = ArithmeticOp::Add;
        sum = expr(ExprKind::Arithmetic { op, left, right }, SqlType::String);
    }
    assert_eq!(failing(&sum, rows()), [1]);
}

#[test]
fn batches_that_would_be_too_large_fail_their_rows() {
    let literal = |n: usize| Expr::literal(Value::String("y".repeat(n)), SqlType::String);
    let rows: ArrayRef = texts(&[1; 5_000]);
    let args = vec![Expr::column(0, SqlType::String), literal(1_000_000)];
    assert_eq!(failing(&call("CONCAT", args, SqlType::String), rows.clone()).len(), 5_000);
    let array = expr(
        ExprKind::MakeArray(vec![literal(1_000_000), Expr::column(0, SqlType::String)]),
        SqlType::array(SqlType::String),
    );
    assert_eq!(failing(&array, rows.clone()).len(), 5_000);
    // What fits is made; only the rest fails.
    let half = || Expr::column(0, SqlType::String);
    let args = vec![half(), half(), half()];
    let failed = failing(&call("CONCAT", args, SqlType::String), texts(&[1 << 20; 200]));
    assert!((1..200).contains(&failed.len()), "{}", failed.len());
}
