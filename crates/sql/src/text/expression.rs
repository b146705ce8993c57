//! Expressions written back.

use std::fmt::{self, Write};

use model::Value;

use crate::ast::{ArithmeticOp, ComparisonOp, Expr, ExprKind};

use super::{write_list, write_name, write_text, write_type};

pub(super) fn write(out: &mut String, expr: &Expr) -> fmt::Result {
    match &expr.kind {
        ExprKind::Literal(value) => write_value(out, value),
        ExprKind::Unit(unit) => out.write_str(unit.word()),
        ExprKind::Column { source, name } => {
            let Some(source) = source else { return write_name(out, name) };
            write_name(out, source)?;
            // `.2` would be read as a number.
            match name.starts_with(|c: char| c.is_ascii_digit()) {
                true => write!(out, ".`{}`", name.replace('`', "``")),
                false => {
                    out.push('.');
                    write_name(out, name)
                }
            }
        }
        ExprKind::Field { base, name } => {
            write_base(out, base)?;
            out.push_str("->");
            write_name(out, name)
        }
        ExprKind::Subscript { base, index } => {
            match &base.kind {
                // Unquoted it would make an array.
                ExprKind::Column { source: None, name } if name == "ARRAY" => {
                    out.push_str("`ARRAY`");
                }
                _ => write_base(out, base)?,
            }
            out.push('[');
            write(out, index)?;
            out.push(']');
            Ok(())
        }
        ExprKind::Arithmetic { op, left, right } => {
            write_between(out, left, arithmetic_sign(*op), right)
        }
        ExprKind::Comparison { op, left, right } => {
            write_between(out, left, comparison_sign(*op), right)
        }
        ExprKind::And(left, right) => write_between(out, left, "AND", right),
        ExprKind::Or(left, right) => write_between(out, left, "OR", right),
        ExprKind::Negate(operand) => write_sign(out, '-', operand),
        ExprKind::Plus(operand) => write_sign(out, '+', operand),
        ExprKind::Not(operand) => {
            out.push_str("(NOT ");
            write(out, operand)?;
            out.push(')');
            Ok(())
        }
        ExprKind::IsNull(operand) => write_behind(out, operand, " IS NULL"),
        ExprKind::IsNotNull(operand) => write_behind(out, operand, " IS NOT NULL"),
        ExprKind::Like { operand, pattern, escape, negated } => {
            write_negated(out, *negated, |out| {
                write(out, operand)?;
                out.push_str(" LIKE ");
                write(out, pattern)?;
                if let Some(escape) = escape {
                    out.push_str(" ESCAPE ");
                    write_text(out, &escape.to_string())?;
                }
                Ok(())
            })
        }
        ExprKind::Between { operand, low, high, negated } => write_negated(out, *negated, |out| {
            write(out, operand)?;
            out.push_str(" BETWEEN ");
            write(out, low)?;
            out.push_str(" AND ");
            write(out, high)
        }),
        ExprKind::In { operand, list, negated } => write_negated(out, *negated, |out| {
            write(out, operand)?;
            out.push_str(" IN (");
            write_list(out, list, write)?;
            out.push(')');
            Ok(())
        }),
        ExprKind::Case { operand, branches, otherwise } => {
            write_case(out, operand.as_deref(), branches, otherwise.as_deref())
        }
        ExprKind::Cast { operand, ty } => {
            out.push_str("CAST(");
            write(out, operand)?;
            out.push_str(" AS ");
            write_type(out, ty)?;
            out.push(')');
            Ok(())
        }
        ExprKind::Call { name, args } => write_call(out, name, args),
        ExprKind::Lambda { params, body } => {
            out.push('(');
            write_list(out, params, |out, param| write_name(out, param))?;
            out.push_str(") => ");
            write(out, body)
        }
        ExprKind::MakeArray(items) => {
            out.push_str("ARRAY[");
            write_list(out, items, write)?;
            out.push(']');
            Ok(())
        }
        ExprKind::MakeMap(entries) => {
            out.push_str("MAP(");
            write_list(out, entries, |out, (key, value)| {
                write(out, key)?;
                out.push_str(":=");
                write(out, value)
            })?;
            out.push(')');
            Ok(())
        }
        ExprKind::MakeStruct(fields) => {
            out.push_str("STRUCT(");
            write_list(out, fields, |out, (name, value)| {
                write_name(out, name)?;
                out.push_str(":=");
                write(out, value)
            })?;
            out.push(')');
            Ok(())
        }
    }
}

/// A literal. Values that no literal can hold are written as casts of their text.
pub(super) fn write_value(out: &mut String, value: &Value) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Boolean(truth) => write!(out, "{truth}"),
        Value::Integer(number) => write!(out, "{number}"),
        Value::Bigint(number) => write!(out, "{number}"),
        Value::Decimal(number) => {
            let text = number.to_string();
            // Without a point it would be read as a whole number.
            let point = if text.contains('.') { "" } else { "." };
            write!(out, "{text}{point}")
        }
        // With an exponent always: without one it would be read as DECIMAL.
        Value::Double(number) => write!(out, "{number:E}"),
        Value::String(text) => write_text(out, text),
        other => {
            debug_assert!(false, "no literal of {other:?}");
            out.write_str("null")
        }
    }
}

/// `(left sign right)`
fn write_between(out: &mut String, left: &Expr, sign: &str, right: &Expr) -> fmt::Result {
    out.push('(');
    write(out, left)?;
    write!(out, " {sign} ")?;
    write(out, right)?;
    out.push(')');
    Ok(())
}

/// `(operand words)`
fn write_behind(out: &mut String, operand: &Expr, words: &str) -> fmt::Result {
    out.push('(');
    write(out, operand)?;
    out.push_str(words);
    out.push(')');
    Ok(())
}

/// `(inner)`, or `(NOT (inner))`
fn write_negated(
    out: &mut String,
    negated: bool,
    inner: impl FnOnce(&mut String) -> fmt::Result,
) -> fmt::Result {
    out.push_str(if negated { "(NOT (" } else { "(" });
    inner(out)?;
    out.push_str(if negated { "))" } else { ")" });
    Ok(())
}

/// `-operand`; what would run into the sign gets a blank, what would be a negative number
/// parentheses.
fn write_sign(out: &mut String, sign: char, operand: &Expr) -> fmt::Result {
    out.push(sign);
    let text = super::format_expr(operand);
    let column = matches!(operand.kind, ExprKind::Column { .. });
    if sign == '-' && !column && text.starts_with(|c: char| c.is_ascii_digit()) {
        return write!(out, "({text})");
    }
    if text.starts_with(['-', '+']) {
        out.push(' ');
    }
    out.write_str(&text)
}

/// What `[…]` or `->` is put behind: a sign in front would bind less.
pub(super) fn write_base(out: &mut String, base: &Expr) -> fmt::Result {
    let sign = matches!(base.kind, ExprKind::Negate(_) | ExprKind::Plus(_));
    if !sign {
        return write(out, base);
    }
    out.push('(');
    write(out, base)?;
    out.push(')');
    Ok(())
}

fn write_case(
    out: &mut String,
    operand: Option<&Expr>,
    branches: &[(Expr, Expr)],
    otherwise: Option<&Expr>,
) -> fmt::Result {
    out.push_str("(CASE");
    if let Some(operand) = operand {
        out.push(' ');
        write(out, operand)?;
    }
    for (when, then) in branches {
        out.push_str(" WHEN ");
        write(out, when)?;
        out.push_str(" THEN ");
        write(out, then)?;
    }
    if let Some(otherwise) = otherwise {
        out.push_str(" ELSE ");
        write(out, otherwise)?;
    }
    out.push_str(" END)");
    Ok(())
}

fn write_call(out: &mut String, name: &str, args: &[Expr]) -> fmt::Result {
    // These would be read as constructors.
    match name {
        "MAP" | "STRUCT" | "CAST" | "CASE" => write!(out, "`{name}`")?,
        name => write_name(out, name)?,
    }
    out.push('(');
    if name == "COUNT" && args.is_empty() {
        out.push('*');
    }
    write_list(out, args, write)?;
    out.push(')');
    Ok(())
}

fn arithmetic_sign(op: ArithmeticOp) -> &'static str {
    match op {
        ArithmeticOp::Add => "+",
        ArithmeticOp::Subtract => "-",
        ArithmeticOp::Multiply => "*",
        ArithmeticOp::Divide => "/",
        ArithmeticOp::Modulus => "%",
    }
}

fn comparison_sign(op: ComparisonOp) -> &'static str {
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
