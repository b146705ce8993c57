//! INSERT INTO … VALUES: a constant expression for each column of the row.

use model::decimal::Rounding;
use model::{Column, Namespace, SqlType, Value};

use super::error::{AnalyzeError, AnalyzeErrorKind, ExpressionError, InsertError};
use super::expression::{Binder, Bound, Scope, coerce, literal};
use super::query::Context;
use super::query::qualify::SYSTEM_COLUMNS;
use super::source::kind_word;
use super::{InsertValuesPlan, Planned, suggest, walk};
use crate::ast::{self, ExprKind, SourceKind};
use crate::expr::{self, Expr};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// Analyzes INSERT INTO target (columns) VALUES (values).
pub fn analyze_insert_values(
    target: &str,
    columns: &[String],
    values: &[ast::Expr],
    context: Context<'_>,
) -> Result<Planned> {
    let Some(source) = context.catalog.sources.get(target) else {
        let hint = suggest::hint(target, context.catalog.sources.keys().map(String::as_str));
        return Err(InsertError::UnknownTarget { name: target.into(), hint }.into());
    };
    if source.read_only {
        let (kind, name) = (kind_word(source.kind), target.to_owned());
        return Err(InsertError::ReadOnly { what: "values into", kind, name }.into());
    }
    if source.window.is_some() {
        return Err(InsertError::Windowed.into());
    }
    let all: Vec<Column> = source.schema.columns.clone();
    let named: Vec<String> = match columns {
        [] => {
            let stored = all.iter().filter(|column| column.namespace != Namespace::Headers);
            stored.map(|column| column.name.clone()).collect()
        }
        some => some.to_vec(),
    };
    if named.len() != values.len() {
        // The first that has no column, or the last before the one that is missing.
        let odd = values.get(named.len()).or(values.last());
        let count = InsertError::Count { columns: named.len(), values: values.len() };
        return Err(match odd {
            Some(value) => AnalyzeError::at(value.span, count),
            None => count.into(),
        });
    }
    let mut plan = InsertValuesPlan {
        target: source.name.clone(),
        rowtime: None,
        values: all.iter().map(|_| None).collect(),
    };
    for (name, value) in named.iter().zip(values) {
        if name == "ROWTIME" {
            let rowtime = typed(target, name, &SqlType::Bigint, value, context)?;
            if let expr::ExprKind::Literal(Value::Bigint(ms @ ..0)) = rowtime.kind {
                return Err(AnalyzeError::at(value.span, InsertError::Timestamp(ms)));
            }
            plan.rowtime = Some(rowtime);
            continue;
        }
        if SYSTEM_COLUMNS.contains(&name.as_str()) {
            return Err(InsertError::Pseudo(name.clone()).into());
        }
        let Some(at) = source.schema.index_of(name) else {
            let (target, column) = (target.to_owned(), name.clone());
            return Err(InsertError::UnknownColumn { target, column }.into());
        };
        let column = &all[at];
        if column.namespace == Namespace::Headers {
            return Err(InsertError::Header(name.clone()).into());
        }
        // Named twice, the last one counts.
        plan.values[at] = Some(typed(target, name, &column.ty, value, context)?);
    }
    if source.kind == SourceKind::Table {
        check_key(target, &all, &plan.values)?;
    }
    Ok(Planned::InsertValues(plan))
}

/// A table's row needs its whole key.
fn check_key(target: &str, columns: &[Column], values: &[Option<Expr>]) -> Result<()> {
    let keys =
        || columns.iter().zip(values).filter(|(column, _)| column.namespace == Namespace::Key);
    let named = |missing: Vec<&Column>| {
        let names: Vec<_> = missing.iter().map(|column| column.name.as_str()).collect();
        (target.to_owned(), names.join(", "))
    };
    let missing: Vec<_> = keys().filter(|(_, value)| value.is_none()).map(|(c, _)| c).collect();
    if !missing.is_empty() {
        let (target, columns) = named(missing);
        return Err(InsertError::NoKey { target, columns }.into());
    }
    let is_null = |value: &Option<Expr>| {
        value.as_ref().is_some_and(|v| matches!(v.kind, expr::ExprKind::Literal(Value::Null)))
    };
    let null: Vec<_> = keys().filter(|(_, value)| is_null(value)).map(|(c, _)| c).collect();
    if !null.is_empty() {
        let (target, columns) = named(null);
        return Err(InsertError::NullKey { target, columns }.into());
    }
    Ok(())
}

/// A value as the column's type.
fn typed(
    target: &str,
    column: &str,
    ty: &SqlType,
    value: &ast::Expr,
    context: Context<'_>,
) -> Result<Expr> {
    let mut reference = None;
    let mut params: Vec<String> = Vec::new();
    walk::visit(value, &mut |part| {
        match &part.kind {
            ExprKind::Lambda { params: own, .. } => params.extend(own.iter().cloned()),
            ExprKind::Column { source, name } if source.is_some() || !params.contains(name) => {
                reference = Some((part.span, name.clone()));
            }
            _ => {}
        }
        reference.is_none()
    });
    if let Some((span, name)) = reference {
        return Err(AnalyzeError::at(span, InsertError::ColumnReference(name)));
    }
    let scope = Scope::default();
    let bound = Binder::new(&scope, &context.catalog.types, "VALUES").bind_any(value);
    let bound = bound.map_err(|error| match &*error.kind {
        // Only scalar functions are known here.
        AnalyzeErrorKind::Expression(ExpressionError::Aggregate { name, .. }) => {
            let (name, hint) = (name.clone(), String::new());
            AnalyzeError::at(value.span, ExpressionError::UnknownFunction { name, hint })
        }
        _ => error,
    })?;
    let expr = match bound {
        Bound::Null => return Ok(Expr::literal(Value::Null, ty.clone())),
        Bound::Expr(expr) => expr,
    };
    let found = expr.ty.clone();
    fit(expr, ty).ok_or_else(|| {
        let kind = InsertError::Type {
            target: target.into(),
            column: column.into(),
            expected: ty.clone(),
            found: found.to_string(),
        };
        AnalyzeError::at(value.span, kind)
    })
}

/// The expression as `ty`, by the narrow rules of INSERT: whole numbers widen, a DECIMAL must fit
/// exactly, text becomes a time or bytes, but never a number.
fn fit(expr: Expr, ty: &SqlType) -> Option<Expr> {
    use SqlType::{Array, Bigint, Bytes, Date, Decimal, Double, Integer, Map, String, Struct};
    use SqlType::{Time, Timestamp};
    if expr.ty == *ty {
        return Some(expr);
    }
    if matches!(expr.kind, expr::ExprKind::Literal(Value::Null)) {
        return Some(Expr::literal(Value::Null, ty.clone()));
    }
    let Expr { kind, ty: from } = expr;
    match (&from, ty, kind) {
        (String, Date | Time | Timestamp, expr::ExprKind::Literal(value)) => {
            Some(Expr::literal(literal::convert(&value, ty)?, ty.clone()))
        }
        (String, Bytes, expr::ExprKind::Literal(Value::String(text))) => {
            let fits = literal::is_base64(&text);
            let text = Expr::literal(Value::String(text), String);
            fits.then(|| coerce::implicit(text, ty))
        }
        (String, Date | Time | Timestamp | Bytes, kind) => {
            Some(coerce::implicit(Expr { kind, ty: from }, ty))
        }
        (Decimal { .. }, Decimal { precision, scale }, expr::ExprKind::Literal(value)) => {
            let Value::Decimal(number) = value else { return None };
            let number = number.with_scale(*scale, Rounding::Unnecessary)?;
            let fits = number.fits(*precision);
            fits.then(|| Expr::literal(Value::Decimal(number), ty.clone()))
        }
        (Integer, Bigint | Double | Decimal { .. }, kind)
        | (Bigint, Double | Decimal { .. }, kind)
        | (Decimal { .. }, Double | Decimal { .. }, kind) => {
            let number = Expr { kind, ty: from };
            if let expr::ExprKind::Literal(value) = &number.kind {
                return Some(Expr::literal(literal::convert(value, ty)?, ty.clone()));
            }
            Some(coerce::implicit(number, ty))
        }
        (Array(_), Array(element), expr::ExprKind::MakeArray(items)) => {
            let items = items.into_iter().map(|item| fit(item, element));
            let kind = expr::ExprKind::MakeArray(items.collect::<Option<_>>()?);
            Some(Expr { kind, ty: ty.clone() })
        }
        (Map(_, _), Map(key, value), expr::ExprKind::MakeMap(entries)) => {
            let entries = entries.into_iter().map(|(k, v)| Some((fit(k, key)?, fit(v, value)?)));
            let kind = expr::ExprKind::MakeMap(entries.collect::<Option<_>>()?);
            Some(Expr { kind, ty: ty.clone() })
        }
        (Struct(given), Struct(fields), expr::ExprKind::MakeStruct(values)) => {
            let mut given: Vec<_> = given.iter().zip(values.into_iter().map(Some)).collect();
            let mut fitted = Vec::new();
            for field in fields {
                let same = given.iter_mut().find(|(f, _)| f.name == field.name);
                fitted.push(match same.and_then(|(_, value)| value.take()) {
                    Some(value) => fit(value, &field.ty)?,
                    None => Expr::literal(Value::Null, field.ty.clone()),
                });
            }
            Some(Expr { kind: expr::ExprKind::MakeStruct(fitted), ty: ty.clone() })
        }
        (from, ty, kind) if super::types::can_cast(from, ty) && nested(from) && nested(ty) => {
            Some(coerce::implicit(Expr { kind, ty: from.clone() }, ty))
        }
        _ => None,
    }
}

fn nested(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Array(_) | SqlType::Map(_, _) | SqlType::Struct(_))
}
