//! One type for several expressions: elements of ARRAY[…], values of MAP(…), the list of IN.
//!
//! Numbers widen; text literals become numbers, booleans, dates or bytes if the others are; other
//! literals become text if the others are; constructors are converted element by element.

use model::{Field, SqlType, Value};

use super::super::error::{AnalyzeError, AnalyzeErrorKind, ExpressionError};
use super::super::types::{can_cast, common_number};
use super::Bound;
use super::literal;
use crate::ast::Span;
use crate::expr::{Expr, ExprKind};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// `CAST(expr AS ty)`, or the expression itself if it is of that type.
pub fn cast(expr: Expr, ty: &SqlType) -> Expr {
    if expr.ty == *ty {
        return expr;
    }
    if let ExprKind::Literal(value) = &expr.kind
        && (value.is_null() || (expr.ty.is_number() && ty.is_number()))
        && let Some(value) = literal::convert(value, ty)
    {
        return Expr::literal(value, ty.clone());
    }
    Expr { kind: ExprKind::Cast(Box::new(expr)), ty: ty.clone() }
}

/// The expression as `ty` where nobody wrote a CAST: a failure fails the row.
pub fn implicit(expr: Expr, ty: &SqlType) -> Expr {
    if expr.ty == *ty {
        return expr;
    }
    match cast(expr, ty) {
        Expr { kind: ExprKind::Cast(inner), ty } => Expr { kind: ExprKind::Coerce(inner), ty },
        literal => literal,
    }
}

/// [`cast`]; a NULL becomes one of that type.
pub fn cast_bound(bound: Bound, ty: &SqlType) -> Expr {
    match bound {
        Bound::Null => Expr::literal(Value::Null, ty.clone()),
        Bound::Expr(expr) => cast(expr, ty),
    }
}

/// The type that all of them can have; `None` if all are NULL.
pub fn common_type(items: &[(Bound, Span)]) -> Result<Option<SqlType>> {
    let mut common: Option<SqlType> = None;
    for (bound, span) in items {
        let Bound::Expr(expr) = bound else { continue };
        common = Some(match common {
            None => expr.ty.clone(),
            Some(ty) => merge(&ty, expr, *span)?,
        });
    }
    Ok(common)
}

/// All of them as `ty`.
pub fn convert_all(items: Vec<(Bound, Span)>, ty: &SqlType) -> Result<Vec<Expr>> {
    items
        .into_iter()
        .map(|(bound, span)| match bound {
            Bound::Null => Ok(Expr::literal(Value::Null, ty.clone())),
            Bound::Expr(expr) => convert(expr, ty, span),
        })
        .collect()
}

/// The common type of those before and one more.
fn merge(ty: &SqlType, expr: &Expr, span: Span) -> Result<SqlType> {
    use SqlType::{Array, Boolean, Bytes, Date, Map, String, Struct, Time, Timestamp};
    let none = || {
        let kind = ExpressionError::NoCommonType { expected: ty.clone(), found: expr.ty.clone() };
        Err(AnalyzeError::at(span, kind))
    };
    if let Some(number) = common_number(ty, &expr.ty) {
        return Ok(number);
    }
    match (ty, &expr.ty, &expr.kind) {
        (ty, found, _) if ty == found => Ok(ty.clone()),
        (number, String, ExprKind::Literal(Value::String(text))) if number.is_number() => {
            literal::number_in_text(text, number).ok_or_else(|| bad_literal(ty, text, span))
        }
        (Boolean, String, ExprKind::Literal(_)) => Ok(Boolean),
        (String, Boolean, ExprKind::Literal(_)) => Ok(String),
        (String, number, ExprKind::Literal(_)) if number.is_number() => Ok(String),
        (String, Date | Time | Timestamp | Bytes, _) => Ok(expr.ty.clone()),
        (Date | Time | Timestamp | Bytes, String, _) => Ok(ty.clone()),
        (Array(element), _, ExprKind::MakeArray(items)) => {
            let mut merged = (**element).clone();
            for item in items.iter().filter(|item| !is_null(item)) {
                merged = merge_nested(ty, &merged, item, span, expr)?;
            }
            Ok(SqlType::array(merged))
        }
        (Map(key, value), _, ExprKind::MakeMap(entries)) => {
            let (mut keys, mut values) = ((**key).clone(), (**value).clone());
            for (key, value) in entries {
                keys = merge_nested(ty, &keys, key, span, expr)?;
                if !is_null(value) {
                    values = merge_nested(ty, &values, value, span, expr)?;
                }
            }
            Ok(SqlType::map(keys, values))
        }
        (Struct(fields), Struct(found), ExprKind::MakeStruct(values)) => {
            let mut merged = fields.clone();
            for (field, value) in found.iter().zip(values) {
                match merged.iter_mut().find(|f| f.name == field.name) {
                    Some(known) => known.ty = merge_nested(ty, &known.ty, value, span, expr)?,
                    None => merged.push(field.clone()),
                }
            }
            Ok(Struct(merged))
        }
        (Array(_) | Map(_, _) | Struct(_), _, _) => match merge_types(ty, &expr.ty) {
            Some(merged) => Ok(merged),
            None => none(),
        },
        _ => none(),
    }
}

fn merge_nested(
    whole: &SqlType,
    ty: &SqlType,
    item: &Expr,
    span: Span,
    expr: &Expr,
) -> Result<SqlType> {
    merge(ty, item, span).map_err(|error| match &*error.kind {
        AnalyzeErrorKind::Expression(ExpressionError::NoCommonType { .. }) => {
            let (expected, found) = (whole.clone(), expr.ty.clone());
            AnalyzeError::at(span, ExpressionError::NoCommonType { expected, found })
        }
        _ => error,
    })
}

/// The common type of two types, without looking at expressions.
fn merge_types(left: &SqlType, right: &SqlType) -> Option<SqlType> {
    match (left, right) {
        _ if left == right => Some(left.clone()),
        (SqlType::Array(left), SqlType::Array(right)) => {
            merge_types(left, right).map(SqlType::array)
        }
        (SqlType::Map(left_key, left), SqlType::Map(right_key, right)) => {
            Some(SqlType::map(merge_types(left_key, right_key)?, merge_types(left, right)?))
        }
        (SqlType::Struct(left), SqlType::Struct(right)) => {
            let mut merged: Vec<Field> = left.clone();
            for field in right {
                match merged.iter_mut().find(|f| f.name == field.name) {
                    Some(known) => known.ty = merge_types(&known.ty, &field.ty)?,
                    None => merged.push(field.clone()),
                }
            }
            Some(SqlType::Struct(merged))
        }
        _ => common_number(left, right),
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Literal(Value::Null))
}

fn bad_literal(ty: &SqlType, text: &str, span: Span) -> AnalyzeError {
    AnalyzeError::at(span, ExpressionError::BadLiteral { ty: ty.clone(), text: text.into() })
}

/// The expression as `ty`: literals while planning, constructors element by element, else by CAST.
pub fn convert(expr: Expr, ty: &SqlType, span: Span) -> Result<Expr> {
    if expr.ty == *ty {
        return Ok(expr);
    }
    let Expr { kind, ty: from } = expr;
    let kind = match (kind, ty) {
        (ExprKind::Literal(value), _) => {
            if let Some(value) = literal::convert(&value, ty) {
                return Ok(Expr::literal(value, ty.clone()));
            }
            let text = value.as_str();
            let fits = match (text, ty) {
                (Some(text), SqlType::Bytes) => literal::is_base64(text),
                (Some(_), _) => false,
                (None, _) => true,
            };
            if !fits {
                return Err(bad_literal(ty, text.unwrap_or_default(), span));
            }
            ExprKind::Literal(value)
        }
        (ExprKind::MakeArray(items), SqlType::Array(element)) => {
            let items = items.into_iter().map(|item| convert(item, element, span));
            let kind = ExprKind::MakeArray(items.collect::<Result<_>>()?);
            return Ok(Expr { kind, ty: ty.clone() });
        }
        (ExprKind::MakeMap(entries), SqlType::Map(key, value)) => {
            let mut converted = Vec::new();
            for (k, v) in entries {
                converted.push((convert(k, key, span)?, convert(v, value, span)?));
            }
            return Ok(Expr { kind: ExprKind::MakeMap(converted), ty: ty.clone() });
        }
        (ExprKind::MakeStruct(values), SqlType::Struct(fields)) => {
            let SqlType::Struct(names) = &from else { unreachable!("a STRUCT is made") };
            let mut given: Vec<_> =
                names.iter().map(|f| f.name.clone()).zip(values.into_iter().map(Some)).collect();
            let mut converted = Vec::new();
            for field in fields {
                let value = given.iter_mut().find(|(name, _)| *name == field.name);
                converted.push(match value.and_then(|(_, value)| value.take()) {
                    Some(value) => convert(value, &field.ty, span)?,
                    None => Expr::literal(Value::Null, field.ty.clone()),
                });
            }
            return Ok(Expr { kind: ExprKind::MakeStruct(converted), ty: ty.clone() });
        }
        (kind, _) => kind,
    };
    if !can_cast(&from, ty) {
        let kind = ExpressionError::NoCommonType { expected: ty.clone(), found: from };
        return Err(AnalyzeError::at(span, kind));
    }
    Ok(cast(Expr { kind, ty: from }, ty))
}
