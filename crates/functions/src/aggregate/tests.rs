//! Every aggregate on a few rows: after each row, after all, saved and loaded, merged, undone.

use model::Decimal;
use model::column::{column_of, value_at};

use super::*;

use Value::{Bigint, Double, Integer, Null};

fn text(text: &str) -> Value {
    Value::String(text.to_string())
}

fn decimal(text: &str) -> Value {
    Value::Decimal(text.parse::<Decimal>().expect("a decimal"))
}

fn ints(values: &[i32]) -> Value {
    Value::Array(values.iter().map(|n| Integer(*n)).collect())
}

fn create(name: &str, types: &[SqlType], literals: &[Value]) -> (Box<dyn Aggregator>, SqlType) {
    let function = aggregate(name).unwrap_or_else(|| panic!("no {name}"));
    let literal_types = literals.iter().map(|value| match value {
        Value::Boolean(_) => SqlType::Boolean,
        Value::String(_) => SqlType::String,
        _ => SqlType::Integer,
    });
    let args: Vec<_> = types.iter().cloned().chain(literal_types).map(ArgType::Sql).collect();
    assert_eq!((function.column_args)(args.len()), types.len(), "{name}");
    let call = function.resolve(&args).unwrap_or_else(|e| panic!("{e}"));
    let creation = Creation { call: &call, literals, limits: &Limits::default() };
    let state = (function.create)(&creation).unwrap_or_else(|e| panic!("{name}: {e}"));
    (state, call.returns)
}

/// Equal, or doubles that differ by rounding only.
fn near(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Double(a), Double(b)) => (a - b).abs() < 1e-12,
        _ => a == b,
    }
}

/// Folds `rows` into one group and checks the result after each; then the other ways to get there.
fn check(name: &str, types: &[SqlType], literals: &[Value], rows: &[&[Value]], expected: &[Value]) {
    let columns: Vec<ArrayRef> = (types.iter().enumerate())
        .map(|(at, ty)| column_of(ty, rows.iter().map(|row| &row[at])))
        .collect();
    let groups = vec![1; rows.len()];

    let (mut each, returns) = create(name, types, literals);
    each.grow(2);
    let told = each.add_each(&groups, &columns);
    assert!(told.errors.is_empty(), "{name}");
    let told: Vec<_> = (0..rows.len()).map(|row| value_at(&returns, &told.column, row)).collect();
    assert_eq!(told, expected, "{name} after each row");

    let (mut at_once, _) = create(name, types, literals);
    at_once.grow(2);
    assert!(at_once.add(&groups, &columns).is_empty());
    let result = |state: &dyn Aggregator, group| value_at(&returns, &state.results(&[group]), 0);
    let last = expected.last().expect("there are rows");
    assert_eq!(result(&*at_once, 1), *last, "{name} of all rows");

    let saved = at_once.save(1);
    let stored = column_of(&at_once.state_type(), [&saved]);
    let (mut loaded, _) = create(name, types, literals);
    loaded.grow(1);
    loaded.load(0, &value_at(&at_once.state_type(), &stored, 0));
    assert_eq!(result(&*loaded, 0), *last, "{name} loaded");

    let half = rows.len() / 2;
    let part = |from: usize, to: usize| -> Vec<ArrayRef> {
        columns.iter().map(|column| column.slice(from, to - from)).collect()
    };
    let (mut merged, _) = create(name, types, literals);
    merged.grow(3);
    let empty = result(&*merged, 0);
    merged.add(&groups[..half], &part(0, half));
    merged.add(&vec![2; rows.len() - half], &part(half, rows.len()));
    merged.merge(0, 1);
    merged.merge(0, 2);
    assert_eq!(result(&*merged, 0), *last, "{name} merged");
    merged.reset(0);
    assert_eq!(result(&*merged, 0), empty, "{name} reset");

    if aggregate(name).is_some_and(|f| f.can_undo) {
        let (mut undone, _) = create(name, types, literals);
        undone.grow(2);
        undone.add(&groups, &columns);
        undone.undo(&groups[half..], &part(half, rows.len()));
        let (result, expected) = (result(&*undone, 1), &expected[half - 1]);
        assert!(near(&result, expected), "{name} undone: {result:?}, not {expected:?}");
    }
}

fn check_ints(name: &str, literals: &[Value], rows: &[Value], expected: &[Value]) {
    let rows: Vec<_> = rows.iter().map(std::slice::from_ref).collect();
    check(name, &[SqlType::Integer], literals, &rows, expected);
}

const ROWS: [Value; 5] = [Integer(3), Integer(1), Null, Integer(3), Integer(-2)];

#[test]
fn signatures_can_be_read_and_names_are_ordered() {
    assert!(AGGREGATES.is_sorted_by_key(|f| f.name));
    for (function, signatures) in AGGREGATES.iter().zip(&*SIGNATURES) {
        assert!(!signatures.is_empty(), "{}", function.name);
    }
}

#[test]
fn arguments_are_never_cast() {
    let resolve = |name: &str, types: &[SqlType]| {
        let args: Vec<_> = types.iter().cloned().map(ArgType::Sql).collect();
        aggregate(name).expect("listed").resolve(&args).map(|call| call.returns.to_string())
    };
    assert!(resolve("AVG", &[SqlType::decimal(6, 2)]).is_err());
    assert!(resolve("CORRELATION", &[SqlType::Integer, SqlType::Bigint]).is_err());
    assert!(resolve("TOPK", &[SqlType::Integer]).is_err());
    assert!(resolve("TOPK", &[SqlType::Integer, SqlType::Bigint]).is_err());
    assert!(resolve("SUM", &[SqlType::String]).is_err());
    let sum = resolve("SUM", &[SqlType::decimal(6, 2)]);
    assert_eq!(sum.as_deref(), Ok("DECIMAL(6, 2)"));
    let top = resolve("TOPK", &[SqlType::Bigint, SqlType::String, SqlType::Integer]);
    assert_eq!(top.as_deref(), Ok("ARRAY<STRUCT<`sort_col` BIGINT, `col0` STRING>>"));
    let top = resolve("TOPKDISTINCT", &[SqlType::decimal(6, 2), SqlType::Integer]);
    assert_eq!(top.as_deref(), Ok("ARRAY<DECIMAL(6, 2)>"));
    assert_eq!(resolve("COUNT", &[]).as_deref(), Ok("BIGINT"));
}

#[test]
fn sums_and_counts() {
    check_ints("COUNT", &[], &ROWS, &[1, 2, 2, 3, 4].map(Bigint));
    check_ints("SUM", &[], &ROWS, &[3, 4, 4, 7, 5].map(Integer));
    check_ints("SUM", &[], &[Integer(i32::MAX), Integer(1)], &[i32::MAX, i32::MIN].map(Integer));
    check_ints("AVG", &[], &ROWS, &[3.0, 2.0, 2.0, 7.0 / 3.0, 1.25].map(Double));
    check_ints("AVG", &[], &[Null, Null], &[0.0, 0.0].map(Double));
    let lists = [ints(&[1, 2]), Null, ints(&[5])];
    let rows: Vec<_> = lists.iter().map(std::slice::from_ref).collect();
    let ty = SqlType::array(SqlType::Integer);
    check("SUM_LIST", &[ty], &[], &rows, &[3, 3, 8].map(Integer));
}

#[test]
fn a_decimal_sum_that_does_not_fit_fails_its_row() {
    let ty = SqlType::decimal(3, 1);
    let column = column_of(&ty, &[decimal("99.9"), decimal("0.1"), decimal("-1.0")]);
    let (mut sum, returns) = create("SUM", &[ty], &[]);
    sum.grow(1);
    let errors = sum.add(&[0, 0, 0], &[column]);
    assert_eq!(errors.iter().map(|(row, _)| row).collect::<Vec<_>>(), [1]);
    assert_eq!(value_at(&returns, &sum.results(&[0]), 0), decimal("98.9"));
}

#[test]
fn spread_and_correlation() {
    let variance = [0.0, 2.0, 2.0, 1.3333333333333333, 5.583333333333333];
    check_ints("STDDEV_SAMP", &[], &ROWS, &variance.map(Double));
    check_ints("STDDEV_SAMPLE", &[], &ROWS, &variance.map(|v: f64| Double(v.sqrt())));
    let two = [SqlType::Double, SqlType::Double];
    let rows = [[3.0, 9.0], [1.0, 1.0], [3.0, 9.0], [-2.0, 4.0]].map(|row| row.map(Double));
    let column = |at: usize| column_of(&SqlType::Double, rows.iter().map(|row| &row[at]));
    let (mut state, returns) = create("CORRELATION", &two, &[]);
    state.grow(1);
    let told = state.add_each(&[0; 4], &[column(0), column(1)]).column;
    let told: Vec<_> = (0..4).map(|row| value_at(&returns, &told, row).as_f64()).collect();
    assert!(told[0].is_some_and(f64::is_nan), "one row has no correlation");
    assert_eq!(told[1..], [Some(1.0), Some(1.0), Some(0.6521757638195094)]);
    state.undo(&[0, 0], &[column(0).slice(2, 2), column(1).slice(2, 2)]);
    assert_eq!(value_at(&returns, &state.results(&[0]), 0), Double(1.0));
}

#[test]
fn extremes_ignore_nulls() {
    check_ints("MAX", &[], &ROWS, &[3, 3, 3, 3, 3].map(Integer));
    check_ints("MIN", &[], &ROWS, &[3, 1, 1, 1, -2].map(Integer));
    check_ints("MIN", &[], &[Null, Null], &[Null, Null]);
    let texts = [text("\u{ffee}"), Null, text("😀"), text("b")];
    let rows: Vec<_> = texts.iter().map(std::slice::from_ref).collect();
    let largest = [text("\u{ffee}"), text("\u{ffee}"), text("\u{ffee}"), text("\u{ffee}")];
    check("MAX", &[SqlType::String], &[], &rows, &largest);
}

#[test]
fn latest_and_earliest_by_offset() {
    check_ints("LATEST_BY_OFFSET", &[], &ROWS, &[3, 1, 1, 3, -2].map(Integer));
    check_ints("EARLIEST_BY_OFFSET", &[], &ROWS, &[3, 3, 3, 3, 3].map(Integer));
    let no = Value::Boolean(false);
    check_ints("LATEST_BY_OFFSET", std::slice::from_ref(&no), &ROWS, &ROWS);
    let first = [Null, Integer(1)];
    check_ints("EARLIEST_BY_OFFSET", std::slice::from_ref(&no), &first, &[Null, Null]);
    let latest = [ints(&[3]), ints(&[3, 1]), ints(&[3, 1]), ints(&[1, 3]), ints(&[3, -2])];
    check_ints("LATEST_BY_OFFSET", &[Integer(2)], &ROWS, &latest);
    let earliest = [ints(&[3]), ints(&[3, 1]), ints(&[3, 1]), ints(&[3, 1]), ints(&[3, 1])];
    check_ints("EARLIEST_BY_OFFSET", &[Integer(2)], &ROWS, &earliest);
    let pair = |a: Value, b: Value| Value::Array(vec![a, b]);
    let with_null = [ints(&[3]), ints(&[3, 1]), pair(Integer(1), Null)];
    check_ints("LATEST_BY_OFFSET", &[Integer(2), no], &ROWS[..3], &with_null);
    let texts = [text("a"), Null, text("")];
    let rows: Vec<_> = texts.iter().map(std::slice::from_ref).collect();
    let told = [text("a"), text("a"), text("")];
    check("LATEST_BY_OFFSET", &[SqlType::String], &[], &rows, &told);
}

#[test]
fn a_count_of_values_must_be_positive() {
    let function = aggregate("LATEST_BY_OFFSET").expect("listed");
    let call = function
        .resolve(&[ArgType::Sql(SqlType::Integer), ArgType::Sql(SqlType::Integer)])
        .expect("fits");
    let limits = Limits::default();
    let creation = Creation { call: &call, literals: &[Integer(0)], limits: &limits };
    assert!((function.create)(&creation).is_err());
}

#[test]
fn latest_and_earliest_by_time() {
    let types = [SqlType::String, SqlType::Timestamp];
    let row = |value: Value, time: Option<i64>| [value, time.map_or(Null, Value::Timestamp)];
    let rows = [
        row(text("a"), Some(10)),
        row(text("late"), Some(5)),
        row(text("tie"), Some(10)),
        row(text("lost"), None),
        row(Null, Some(20)),
    ];
    let rows: Vec<_> = rows.iter().map(|row| &row[..]).collect();
    let latest = [text("a"), text("a"), text("tie"), text("tie"), Null];
    check("LATEST_BY_TIME", &types, &[], &rows, &latest);
    let earliest = [text("a"), text("late"), text("late"), text("late"), text("late")];
    check("EARLIEST_BY_TIME", &types, &[], &rows, &earliest);
}

#[test]
fn collected_values() {
    let list = |values: &[Value]| Value::Array(values.to_vec());
    let lists: Vec<_> = (1..=5).map(|n| list(&ROWS[..n])).collect();
    check_ints("COLLECT_LIST", &[], &ROWS, &lists);
    let three = list(&[Integer(3), Integer(1), Null]);
    let four = list(&[Integer(3), Integer(1), Null, Integer(-2)]);
    let sets = [ints(&[3]), ints(&[3, 1]), three.clone(), three, four];
    check_ints("COLLECT_SET", &[], &ROWS, &sets);
    check_ints("COUNT_DISTINCT", &[], &ROWS, &[1, 2, 2, 2, 3].map(Bigint));
    let texts = [text("a"), Null, text("a")];
    let rows: Vec<_> = texts.iter().map(std::slice::from_ref).collect();
    let map = |entries: &[(&str, i64)]| {
        Value::Map(entries.iter().map(|(t, n)| (text(t), Bigint(*n))).collect())
    };
    let counts = [map(&[("a", 1)]), map(&[("a", 1), ("null", 1)]), map(&[("a", 2), ("null", 1)])];
    check("HISTOGRAM", &[SqlType::String], &[], &rows, &counts);
    let attributes = [Integer(3), Integer(3), Null, Null];
    let same = [Integer(3), Integer(3), Null, Integer(3)];
    check_ints("ATTR", &[], &same, &attributes);
}

#[test]
fn many_different_values_are_estimated() {
    let values: Vec<_> = (0..100_000).map(Integer).collect();
    let column = column_of(&SqlType::Integer, &values);
    let (mut state, returns) = create("COUNT_DISTINCT", &[SqlType::Integer], &[]);
    state.grow(2);
    state.add(&vec![0; values.len()], &[column]);
    state.load(1, &state.save(0));
    for group in [0, 1] {
        let count = value_at(&returns, &state.results(&[group]), 0).as_i64().unwrap_or(0);
        assert!((97_000..103_000).contains(&count), "{count}");
    }
}

#[test]
fn the_largest_come_first() {
    let top = [ints(&[3]), ints(&[3, 1]), ints(&[3, 1]), ints(&[3, 3]), ints(&[3, 3])];
    check_ints("TOPK", &[Integer(2)], &ROWS, &top);
    let all = [ints(&[3]), ints(&[3, 1]), ints(&[3, 1]), ints(&[3, 3, 1]), ints(&[3, 3, 1, -2])];
    check_ints("TOPK", &[Integer(-1)], &ROWS, &all);
    let distinct = [ints(&[3]), ints(&[3, 1]), ints(&[3, 1]), ints(&[3, 1]), ints(&[3, 1])];
    check_ints("TOPKDISTINCT", &[Integer(2)], &ROWS, &distinct);
    let row = |n: i32, t: &str| [Integer(n), text(t)];
    let rows = [row(1, "a"), row(2, "b"), row(1, "c")];
    let rows: Vec<_> = rows.iter().map(|row| &row[..]).collect();
    let pair = |n: i32, t: &str| Value::Struct(row(n, t).to_vec());
    let told = [
        Value::Array(vec![pair(1, "a")]),
        Value::Array(vec![pair(2, "b"), pair(1, "a")]),
        Value::Array(vec![pair(2, "b"), pair(1, "a")]),
    ];
    let types = [SqlType::Integer, SqlType::String];
    check("TOPK", &types, &[Integer(2)], &rows, &told);
}
