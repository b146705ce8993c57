//! What is written back parses to the same again, and no text brings the parser down.

use model::{SqlType, Value};
use proptest::prelude::*;
use sql::ast::*;
use sql::parser::{HEIGHT_MAX, fuzz_sql, parse_expression, parse_test_script};
use sql::text::{format_expr, format_statement};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z_][A-Z0-9_]{0,3}",
        "[a-z]{1,3}",
        prop::sample::select(vec![
            "2ND",
            "SELECT",
            "KEY",
            "MAP",
            "STRUCT",
            "ARRAY",
            "CASE",
            "CAST",
            "IF",
            "EMIT",
            "a b",
            "x`y",
            "\"q\"",
            "ORDER",
            "OFFSET",
            "PARTITION",
            "TABLES",
            "FUNCTION",
            "COLUMN",
            "DAYS",
            "DAY",
            "1E5",
            "12",
            "Ä",
            "ESCAPE",
            "STRING",
            "DECIMAL",
            "NULL",
            "TRUE",
            "SOURCE",
            "HEADER",
        ])
        .prop_map(str::to_owned),
    ]
}

fn source_name() -> impl Strategy<Value = String> {
    name().prop_map(|name| {
        let allowed = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-';
        name.chars().filter(allowed).chain(['X']).collect()
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z'`\";\\-/*${}\n ]{0,6}", Just("ß😀".to_owned())]
}

fn literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Integer),
        any::<i64>().prop_filter("INTEGER", |n| i32::try_from(*n).is_err()).prop_map(Value::Bigint),
        any::<f64>().prop_filter("no literal", |n| n.is_finite()).prop_map(Value::Double),
        (any::<i64>(), 0u8..20)
            .prop_map(|(n, scale)| Value::Decimal(model::Decimal::new(n, scale))),
        text().prop_map(Value::String),
    ]
}

fn type_name() -> impl Strategy<Value = TypeName> {
    let simple = prop_oneof![
        prop::sample::select(vec![
            SqlType::Boolean,
            SqlType::Integer,
            SqlType::Bigint,
            SqlType::Double,
            SqlType::String,
            SqlType::Bytes,
            SqlType::Date,
            SqlType::Time,
            SqlType::Timestamp,
            SqlType::decimal(4, 2),
            SqlType::decimal(39, 0),
        ])
        .prop_map(TypeName::Sql),
        name()
            .prop_filter("a type of its own", |name| name != "STRING")
            .prop_map(|name| TypeName::Named(name, Span::default())),
    ];
    simple.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|element| TypeName::Array(Box::new(element))),
            (inner.clone(), inner.clone())
                .prop_map(|(k, v)| TypeName::Map(Box::new(k), Box::new(v))),
            prop::collection::vec((name(), inner), 0..3).prop_map(TypeName::Struct),
        ]
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        literal().prop_map(ExprKind::Literal),
        (prop::option::of(name()), name())
            .prop_map(|(source, name)| ExprKind::Column { source, name }),
    ]
    .prop_map(at_nowhere);
    leaf.prop_recursive(5, 24, 3, |inner| inner_expr(inner).prop_map(at_nowhere))
}

fn at_nowhere(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}

/// NOT LIKE and its kin are one thing, however they are written.
fn not(mut operand: Box<Expr>) -> ExprKind {
    match &mut operand.kind {
        ExprKind::Like { negated, .. }
        | ExprKind::Between { negated, .. }
        | ExprKind::In { negated, .. }
            if !*negated =>
        {
            *negated = true;
            operand.kind
        }
        _ => ExprKind::Not(operand),
    }
}

fn inner_expr(inner: BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> {
    let boxed = || inner.clone().prop_map(Box::new);
    let list = || prop::collection::vec(inner.clone(), 1..3);
    let op = prop::sample::select(vec![
        ArithmeticOp::Add,
        ArithmeticOp::Subtract,
        ArithmeticOp::Multiply,
        ArithmeticOp::Divide,
        ArithmeticOp::Modulus,
    ]);
    let comparison = prop::sample::select(vec![
        ComparisonOp::Equal,
        ComparisonOp::NotEqual,
        ComparisonOp::LessThan,
        ComparisonOp::LessThanOrEqual,
        ComparisonOp::GreaterThan,
        ComparisonOp::GreaterThanOrEqual,
        ComparisonOp::IsDistinctFrom,
        ComparisonOp::IsNotDistinctFrom,
    ]);
    let unit = prop::sample::select(vec![
        IntervalUnit::Days,
        IntervalUnit::Hours,
        IntervalUnit::Minutes,
        IntervalUnit::Seconds,
        IntervalUnit::Milliseconds,
    ]);
    let call_name = name().prop_map(|name| name.to_uppercase()).boxed();
    prop_oneof![
        (boxed(), name()).prop_map(|(base, name)| ExprKind::Field { base, name }),
        (boxed(), boxed()).prop_map(|(base, index)| ExprKind::Subscript { base, index }),
        (op, boxed(), boxed()).prop_map(|(op, left, right)| ExprKind::Arithmetic {
            op,
            left,
            right
        }),
        (comparison, boxed(), boxed()).prop_map(|(op, left, right)| ExprKind::Comparison {
            op,
            left,
            right
        }),
        boxed().prop_map(ExprKind::Negate),
        boxed().prop_map(ExprKind::Plus),
        boxed().prop_map(not),
        boxed().prop_map(ExprKind::IsNull),
        boxed().prop_map(ExprKind::IsNotNull),
        (boxed(), boxed()).prop_map(|(left, right)| ExprKind::And(left, right)),
        (boxed(), boxed()).prop_map(|(left, right)| ExprKind::Or(left, right)),
        (boxed(), boxed(), prop::option::of(prop::char::range(' ', '~')), any::<bool>()).prop_map(
            |(operand, pattern, escape, negated)| ExprKind::Like {
                operand,
                pattern,
                escape,
                negated
            }
        ),
        (boxed(), boxed(), boxed(), any::<bool>()).prop_map(|(operand, low, high, negated)| {
            ExprKind::Between { operand, low, high, negated }
        }),
        (boxed(), list(), any::<bool>()).prop_map(|(operand, list, negated)| ExprKind::In {
            operand,
            list,
            negated
        }),
        (
            prop::option::of(boxed()),
            prop::collection::vec((inner.clone(), inner.clone()), 1..3),
            prop::option::of(boxed())
        )
            .prop_map(|(operand, branches, otherwise)| ExprKind::Case {
                operand,
                branches,
                otherwise
            }),
        (boxed(), type_name()).prop_map(|(operand, ty)| ExprKind::Cast { operand, ty }),
        (call_name.clone(), prop::collection::vec(inner.clone(), 0..3))
            .prop_map(|(name, args)| ExprKind::Call { name, args }),
        Just(ExprKind::Call { name: "COUNT".to_owned(), args: Vec::new() }),
        (call_name.clone(), unit, inner.clone()).prop_map(|(name, unit, arg)| {
            ExprKind::Call { name, args: vec![at_nowhere(ExprKind::Unit(unit)), arg] }
        }),
        (call_name, inner.clone(), prop::collection::vec(name(), 1..3), boxed()).prop_map(
            |(name, arg, params, body)| {
                let lambda = at_nowhere(ExprKind::Lambda { params, body });
                ExprKind::Call { name, args: vec![arg, lambda] }
            }
        ),
        list().prop_map(ExprKind::MakeArray),
        (inner.clone(), inner.clone()).prop_map(|entry| ExprKind::MakeMap(vec![entry])),
        (name(), inner.clone()).prop_map(|field| ExprKind::MakeStruct(vec![field])),
    ]
}

fn interval() -> impl Strategy<Value = Interval> {
    let units = vec![IntervalUnit::Days, IntervalUnit::Seconds, IntervalUnit::Milliseconds];
    (0i64..1_000_000, prop::sample::select(units))
        .prop_map(|(count, unit)| Interval { count, unit })
}

fn properties() -> impl Strategy<Value = Properties> {
    prop::collection::btree_map(name().prop_map(|name| name.to_uppercase()), literal(), 0..3)
        .prop_map(|entries| {
            let property = |(name, value)| Property { name, value, span: Span::default() };
            Properties(entries.into_iter().map(property).collect())
        })
}

fn relation() -> impl Strategy<Value = Relation> {
    let source = (source_name(), prop::option::of(source_name()))
        .prop_map(|(name, alias)| Relation::Source { name, alias, span: Span::default() })
        .boxed();
    let kind = prop::sample::select(vec![
        JoinKind::Inner,
        JoinKind::Left,
        JoinKind::Right,
        JoinKind::Full,
    ]);
    let within = (interval(), interval(), prop::option::of(interval()))
        .prop_map(|(before, after, grace)| Within { before, after, grace });
    let join = (source.clone(), kind, prop::option::of(within), expr());
    (source, prop::collection::vec(join, 0..3)).prop_map(|(first, joins)| {
        joins.into_iter().fold(first, |left, (right, kind, within, on)| Relation::Join {
            left: Box::new(left),
            right: Box::new(right),
            kind,
            within,
            on,
            span: Span::default(),
        })
    })
}

fn window() -> impl Strategy<Value = Window> {
    let kind = prop_oneof![
        interval().prop_map(|size| WindowKind::Tumbling { size }),
        (interval(), interval()).prop_map(|(size, advance)| WindowKind::Hopping { size, advance }),
        interval().prop_map(|gap| WindowKind::Session { gap }),
    ];
    (kind, prop::option::of(interval()), prop::option::of(interval())).prop_map(
        |(kind, retention, grace)| Window { kind, retention, grace, span: Span::default() },
    )
}

fn select_item() -> impl Strategy<Value = SelectItem> {
    prop_oneof![
        prop::option::of(source_name())
            .prop_map(|source| SelectItem::Star { source, span: Span::default() }),
        expr().prop_map(|base| SelectItem::StructStar { base, span: Span::default() }),
        (expr(), prop::option::of(name()))
            .prop_map(|(expr, alias)| SelectItem::Expr { expr, alias }),
    ]
}

prop_compose! {
    fn query()(
        select in prop::collection::vec(select_item(), 1..4),
        from in relation(),
        window in prop::option::of(window()),
        filter in prop::option::of(expr()),
        group_by in prop::collection::vec(expr(), 0..3),
        partition_by in prop::collection::vec(expr(), 0..2),
        having in prop::option::of(expr()),
        order_by in prop::collection::vec((expr(), any::<bool>()), 0..2),
        emit in prop::option::of(prop::sample::select(vec![Emit::Changes, Emit::Final])),
        limit in prop::option::of(0u64..1000),
        offset in prop::option::of(0u64..1000),
    ) -> Query {
        let span = Span::default();
        Query {
            select, from, window, filter, group_by, partition_by, having, order_by, emit, limit,
            offset, span,
        }
    }
}

fn columns() -> impl Strategy<Value = Vec<ColumnDefinition>> {
    let constraint = prop_oneof![
        Just(Constraint::None),
        Just(Constraint::Key),
        Just(Constraint::PrimaryKey),
        Just(Constraint::Headers),
        text().prop_map(Constraint::Header),
    ];
    let column = (name(), type_name(), constraint).prop_map(|(name, ty, constraint)| {
        ColumnDefinition { name, ty, constraint, span: Span::default() }
    });
    prop::collection::vec(column, 0..3)
}

prop_compose! {
    fn create_source()(
        kind in prop::sample::select(vec![SourceKind::Stream, SourceKind::Table]),
        flags in any::<[bool; 3]>(),
        name in source_name(),
        columns in columns(),
        properties in properties(),
    ) -> CreateSource {
        let [or_replace, read_only, if_not_exists] = flags;
        CreateSource { kind, or_replace, read_only, if_not_exists, name, columns, properties }
    }
}

fn statement() -> impl Strategy<Value = Statement> {
    let names = || prop::collection::vec(name(), 0..3);
    let values = || prop::collection::vec(expr(), 0..3);
    prop_oneof![
        query().prop_map(Statement::Query),
        create_source().prop_map(Statement::CreateSource),
        (create_source(), query()).prop_map(|(create, query)| {
            let CreateSource { kind, or_replace, if_not_exists, name, properties, .. } = create;
            Statement::CreateAs(CreateAs {
                kind,
                or_replace,
                if_not_exists,
                name,
                properties,
                query,
            })
        }),
        (source_name(), properties(), query()).prop_map(|(target, properties, query)| {
            Statement::InsertSelect { target, properties, query }
        }),
        (source_name(), names(), values()).prop_map(|(target, columns, values)| {
            Statement::InsertValues { target, columns, values }
        }),
        (source_name(), names(), values()).prop_map(|(target, columns, values)| {
            Statement::AssertNullValues { target, columns, values }
        }),
        (any::<bool>(), source_name(), any::<bool>()).prop_map(
            |(if_exists, name, delete_topic)| {
                Statement::DropSource { kind: SourceKind::Table, if_exists, name, delete_topic }
            }
        ),
        (any::<bool>(), name(), type_name()).prop_map(|(if_not_exists, name, ty)| {
            Statement::CreateType { if_not_exists, name: name.to_uppercase(), ty }
        }),
        (source_name(), prop::collection::vec((name(), type_name()), 1..3)).prop_map(
            |(name, columns)| Statement::AlterSource { kind: SourceKind::Stream, name, columns }
        ),
        (name(), properties().prop_filter("WITH ()", |p| !p.0.is_empty())).prop_map(
            |(name, properties)| Statement::CreateConnector {
                kind: ConnectorKind::Sink,
                if_not_exists: false,
                name,
                properties
            }
        ),
        (text(), any::<bool>(), prop::option::of(0u64..9), prop::option::of(0u64..9)).prop_map(
            |(topic, from_beginning, interval, limit)| Statement::Print {
                topic,
                from_beginning,
                interval,
                limit
            }
        ),
        (source_name(), any::<bool>())
            .prop_map(|(name, extended)| Statement::Describe(Describe::Source { name, extended })),
        name().prop_map(|id| Statement::Terminate(QueryRef::Id(id))),
        name().prop_map(|id| Statement::Explain(Explain::Query(id))),
        (text(), text()).prop_map(|(property, value)| Statement::Set { property, value }),
    ]
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn expressions_written_back_are_the_same(expr in expr()) {
        let text = format_expr(&expr);
        let again = parse_expression(&text);
        prop_assert_eq!(again.as_ref().map_err(ToString::to_string), Ok(&expr), "{}", text);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn statements_written_back_are_the_same(statement in statement()) {
        let text = format_statement(&statement);
        let again = parse_test_script(&text).map_err(|error| error.to_string());
        let again: Result<Vec<_>, _> = again.map(|a| a.into_iter().map(|p| p.statement).collect());
        prop_assert_eq!(again, Ok(vec![statement]), "{}", text);
    }
}

/// Words and signs in any order: deeper into the grammar than any bytes get.
fn soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "SELECT", "*", "FROM", "a", "`b`", "WHERE", "(", ")", "[", "]", ",", ".", "->", "1", "1.5",
        "1e3", "'x'", "=", "<>", "+", "-", "NOT", "AND", "OR", "IN", "LIKE", "BETWEEN", "IS",
        "NULL", "CASE", "WHEN", "THEN", "END", "CAST", "AS", "INT", "ARRAY", "MAP", "STRUCT", "<",
        ">", ":=", "=>", ";", "CREATE", "STREAM", "TABLE", "WITH", "KEY", "EMIT", "CHANGES",
        "GROUP", "BY", "JOIN", "ON", "WITHIN", "DAYS", "WINDOW", "TUMBLING", "SIZE", "LIMIT",
        "INSERT", "INTO", "VALUES", "EXPLAIN", "DROP", "IF", "EXISTS", "${v}", "--", "/*", "*/",
        "'", "\"", "\n", "é", "DESCRIBE", "COUNT", "||",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn no_text_brings_the_parser_down(text in soup()) {
        fuzz_sql(text.as_bytes());
    }

    #[test]
    fn no_bytes_bring_the_parser_down(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        fuzz_sql(&bytes);
    }

    #[test]
    fn a_statement_with_a_piece_cut_out_is_no_trouble(
        statement in statement(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = format_statement(&statement);
        let at = cut.index(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.remove(at);
        }
        fuzz_sql(text.as_bytes());
    }
}

/// Nesting without end is refused, not followed: threads of tests have 2 MiB of stack.
#[test]
fn hostile_nesting_is_refused() {
    let forms = [
        ("(", ")"),
        ("F(", ")"),
        ("- ", ""),
        ("NOT ", ""),
        ("A[", "]"),
        ("(1 + ", ")"),
        ("1 + ", ""),
        ("CASE WHEN TRUE THEN ", " END"),
        ("CAST(", " AS INT)"),
        ("F(1, X => ", ")"),
        ("MAP(1 := ", ")"),
        ("1 OR ", ""),
        ("ARRAY[", "]"),
        ("1 IN (", ")"),
        ("STRUCT(A := ", ")"),
        ("", "->A"),
        ("", "[1]"),
        ("CAST(1 AS ARRAY<", ">)"),
        ("CAST(1 AS STRUCT<A ", ">)"),
        ("CAST(1 AS INT", " ARRAY)"),
        ("EXPLAIN ", ""),
    ];
    for (before, after) in forms {
        for depth in [HEIGHT_MAX - 2, HEIGHT_MAX + 2, 2 * HEIGHT_MAX - 2, 50_000] {
            let text = format!("{}1{}", before.repeat(depth), after.repeat(depth));
            let parsed = parse_expression(&text);
            assert!(depth < 50_000 || parsed.is_err(), "{before}");
            fuzz_sql(format!("SELECT {text} FROM X;").as_bytes());
            fuzz_sql(format!("{text};").as_bytes());
        }
    }
}

#[test]
fn what_is_accepted_at_the_limit_is_accepted_when_written_back() {
    let terms = vec!["A = 1"; HEIGHT_MAX - 3].join(" OR ");
    let expr = parse_expression(&terms).unwrap();
    assert_eq!(parse_expression(&format_expr(&expr)).unwrap(), expr);
    assert!(parse_expression(&vec!["A = 1"; HEIGHT_MAX + 3].join(" OR ")).is_err());
}

#[test]
fn a_statement_that_is_too_long_is_refused() {
    let text = format!("SELECT '{}' FROM X;", "x".repeat(sql::parser::STATEMENT_BYTES_MAX));
    assert!(parse_test_script(&text).is_err());
}
