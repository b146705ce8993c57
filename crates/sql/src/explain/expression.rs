//! Typed expressions as text, columns by the names of the input's schema.

use model::{Schema, Value};

use crate::ast::{self, ArithmeticOp, ComparisonOp};
use crate::expr::{Arg, Expr, ExprKind};

/// An expression over an input of this schema.
pub fn explain_expr(expr: &Expr, schema: &Schema) -> String {
    let show = |part: &Expr| explain_expr(part, schema);
    let all = |parts: &[Expr]| super::list(parts.iter().map(show));
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match &expr.kind {
        ExprKind::Column(index) => match schema.columns.get(*index) {
            Some(column) => column.name.clone(),
            None => format!("#{index}"),
        },
        ExprKind::Param(id) => format!("${}", id.0),
        ExprKind::Literal(Value::Null) => "NULL".into(),
        ExprKind::Literal(value) => literal(value),
        ExprKind::Arithmetic { op, left, right } => {
            format!("({} {} {})", show(left), arithmetic(*op), show(right))
        }
        ExprKind::Negate(operand) => format!("-{}", show(operand)),
        ExprKind::Comparison { op, left, right } => {
            format!("({} {} {})", show(left), comparison(*op), show(right))
        }
        ExprKind::And(left, right) => format!("({} AND {})", show(left), show(right)),
        ExprKind::Or(left, right) => format!("({} OR {})", show(left), show(right)),
        ExprKind::Not(operand) => format!("(NOT {})", show(operand)),
        ExprKind::IsNull(operand) => format!("({} IS NULL)", show(operand)),
        ExprKind::IsNotNull(operand) => format!("({} IS NOT NULL)", show(operand)),
        ExprKind::Like { operand, pattern, escape, negated } => {
            let escape = escape.map(|c| format!(" ESCAPE '{c}'")).unwrap_or_default();
            format!("({} {}LIKE {}{escape})", show(operand), not(negated), show(pattern))
        }
        ExprKind::Between { operand, low, high, negated } => {
            let (low, high) = (show(low), show(high));
            format!("({} {}BETWEEN {low} AND {high})", show(operand), not(negated))
        }
        ExprKind::In { operand, list, negated } => {
            format!("({} {}IN ({}))", show(operand), not(negated), all(list))
        }
        ExprKind::Case { branches, otherwise } => {
            let branch =
                |(when, then): &(Expr, Expr)| format!("WHEN {} THEN {} ", show(when), show(then));
            let branches: String = branches.iter().map(branch).collect();
            format!("CASE {branches}ELSE {} END", show(otherwise))
        }
        ExprKind::Cast(operand) => format!("CAST({} AS {})", show(operand), expr.ty),
        ExprKind::Coerce(operand) => format!("{}:{}", show(operand), expr.ty),
        ExprKind::Subscript { base, index } => format!("{}[{}]", show(base), show(index)),
        ExprKind::Field { base, index } => {
            let name = match &base.ty {
                model::SqlType::Struct(fields) => fields.get(*index).map(|f| f.name.clone()),
                _ => None,
            };
            format!("{}->{}", show(base), name.unwrap_or_else(|| index.to_string()))
        }
        ExprKind::MakeArray(items) => format!("ARRAY[{}]", all(items)),
        ExprKind::MakeMap(entries) => {
            let entry = |(key, value): &(Expr, Expr)| format!("{} := {}", show(key), show(value));
            format!("MAP({})", super::list(entries.iter().map(entry)))
        }
        ExprKind::MakeStruct(values) => {
            let model::SqlType::Struct(fields) = &expr.ty else { return "STRUCT(?)".into() };
            let field = |(field, value): (&model::Field, &Expr)| {
                format!("{} := {}", field.name, show(value))
            };
            format!("STRUCT({})", super::list(fields.iter().zip(values).map(field)))
        }
        ExprKind::Call { function, args, .. } => call(function.0.name, args, schema),
    }
}

/// A call of a function.
pub(super) fn call(name: &str, args: &[Arg], schema: &Schema) -> String {
    let arg = |arg: &Arg| match arg {
        Arg::Expr(expr) => explain_expr(expr, schema),
        Arg::Lambda { params, body } => {
            let params = super::list(params.iter().map(|(id, _)| format!("${}", id.0)));
            format!("({params}) => {}", explain_expr(body, schema))
        }
        Arg::Unit(unit) => format!("{unit:?}").to_uppercase(),
    };
    format!("{name}({})", super::list(args.iter().map(arg)))
}

/// A constant, as it is written in SQL.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Date(days) => format!("DATE {days}"),
        Value::Time(ms) => format!("TIME {ms}"),
        Value::Timestamp(ms) => format!("TIMESTAMP {ms}"),
        value => {
            let kind = ast::ExprKind::Literal(value.clone());
            crate::text::format_expr(&ast::Expr { kind, span: ast::Span::default() })
        }
    }
}

fn arithmetic(op: ArithmeticOp) -> &'static str {
    match op {
        ArithmeticOp::Add => "+",
        ArithmeticOp::Subtract => "-",
        ArithmeticOp::Multiply => "*",
        ArithmeticOp::Divide => "/",
        ArithmeticOp::Modulus => "%",
    }
}

fn comparison(op: ComparisonOp) -> &'static str {
    match op {
        ComparisonOp::Equal => "=",
        ComparisonOp::NotEqual => "<>",
        ComparisonOp::LessThan => "<",
        ComparisonOp::LessThanOrEqual => "<=",
        ComparisonOp::GreaterThan => ">",
        ComparisonOp::GreaterThanOrEqual => ">=",
        ComparisonOp::IsDistinctFrom => "IS DISTINCT FROM",
        ComparisonOp::IsNotDistinctFrom => "IS NOT DISTINCT FROM",
    }
}
