//! Comparisons, BETWEEN and IN: which types meet, and as what they are compared.

use model::{SqlType, Value};

use super::super::error::{AnalyzeError, ExpressionError};
use super::{Binder, Bound, coerce, literal};
use crate::ast::{self, ComparisonOp, Span};
use crate::expr::{Expr, ExprKind};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// Columns that hold a time as BIGINT and may be compared with text in WHERE.
const TIME_COLUMNS: [&str; 3] = ["ROWTIME", "WINDOWSTART", "WINDOWEND"];

impl Binder<'_> {
    /// `left op right`
    pub(super) fn bind_comparison(
        &mut self,
        op: ComparisonOp,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Result<Expr> {
        let left_bound = self.bind_time_text(left, right)?;
        let right_bound = self.bind_time_text(right, left)?;
        compare(op, left_bound, right_bound, span)
    }

    /// `operand [NOT] BETWEEN low AND high`
    pub(super) fn bind_between(
        &mut self,
        operand: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
        span: Span,
    ) -> Result<Expr> {
        let value = self.bind(operand)?;
        let low = self.bind_time_text(low, operand)?.typed(low.span)?;
        let high = self.bind_time_text(high, operand)?.typed(high.span)?;
        let op = ComparisonOp::LessThanOrEqual;
        for bound in [&low, &high] {
            // Numbers as text are compared with a DECIMAL here, but nowhere else.
            let number_as_text = matches!(value.ty, SqlType::Decimal { .. })
                && matches!(bound.kind, ExprKind::Literal(Value::String(_)));
            if !number_as_text && !comparable(op, &value.ty, &bound.ty) {
                let (left, right) = (value.ty, bound.ty.clone());
                let kind = ExpressionError::CompareTypes { op: "BETWEEN", left, right };
                return Err(AnalyzeError::at(span, kind));
            }
        }
        let as_number = |bound: Expr| match bound.ty {
            SqlType::String if value.ty.is_number() => {
                coerce::convert(bound, &SqlType::Double, span)
            }
            _ => Ok(bound),
        };
        let (low, high) = (as_number(low)?, as_number(high)?);
        let kind = ExprKind::Between {
            operand: Box::new(value),
            low: Box::new(low),
            high: Box::new(high),
            negated,
        };
        Ok(Expr { kind, ty: SqlType::Boolean })
    }

    /// `operand [NOT] IN (list)`
    pub(super) fn bind_in(
        &mut self,
        operand: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        span: Span,
    ) -> Result<Expr> {
        let mut items = vec![(self.bind_any(operand)?, operand.span)];
        for item in list {
            let bound = self.bind_time_text(item, operand)?;
            // A null in the list is never equal to anything.
            if bound != Bound::Null {
                items.push((bound, item.span));
            }
        }
        if items.len() == 1 {
            return Err(AnalyzeError::at(span, ExpressionError::CompareNull));
        }
        let ty = coerce::common_type(&items)?.unwrap_or(SqlType::String);
        let mut converted = coerce::convert_all(items, &ty)?.into_iter();
        let Some(operand) = converted.next() else { unreachable!("the operand is first") };
        let kind = ExprKind::In { operand: Box::new(operand), list: converted.collect(), negated };
        Ok(Expr { kind, ty: SqlType::Boolean })
    }

    /// An expression; text beside ROWTIME, WINDOWSTART or WINDOWEND in WHERE is read as a time.
    fn bind_time_text(&mut self, expr: &ast::Expr, other: &ast::Expr) -> Result<Bound> {
        if let ast::ExprKind::Column { name, .. } = &other.kind
            && let ast::ExprKind::Literal(Value::String(text)) = &expr.kind
            && self.times_as_text
            && TIME_COLUMNS.contains(&name.as_str())
        {
            let Some(ms) = literal::timestamp(text) else {
                let kind = ExpressionError::BadTimestamp(text.clone());
                return Err(AnalyzeError::at(expr.span, kind));
            };
            return Ok(Bound::Expr(Expr::literal(Value::Bigint(ms), SqlType::Bigint)));
        }
        self.bind_any(expr)
    }
}

/// `left op right`; the evaluator brings numbers, and times and text, together.
pub fn compare(op: ComparisonOp, left: Bound, right: Bound, span: Span) -> Result<Expr> {
    let (Bound::Expr(left), Bound::Expr(right)) = (left, right) else {
        return Err(AnalyzeError::at(span, ExpressionError::CompareNull));
    };
    if !comparable(op, &left.ty, &right.ty) {
        let op = symbol(op);
        let kind = ExpressionError::CompareTypes { op, left: left.ty, right: right.ty };
        return Err(AnalyzeError::at(span, kind));
    }
    if is_nested(&left.ty) && left.ty != right.ty {
        return Ok(compare_unlike(op, left, right));
    }
    let kind = ExprKind::Comparison { op, left: Box::new(left), right: Box::new(right) };
    Ok(Expr { kind, ty: SqlType::Boolean })
}

fn is_nested(ty: &SqlType) -> bool {
    matches!(ty, SqlType::Array(_) | SqlType::Map(_, _) | SqlType::Struct(_))
}

/// Arrays, maps or structs of other types are never equal; only nulls remain to be looked at.
fn compare_unlike(op: ComparisonOp, left: Expr, right: Expr) -> Expr {
    let boolean = |kind| Expr { kind, ty: SqlType::Boolean };
    let not_null = |expr| Box::new(boolean(ExprKind::IsNotNull(Box::new(expr))));
    let is_null = |expr| Box::new(boolean(ExprKind::IsNull(Box::new(expr))));
    match op {
        ComparisonOp::NotEqual => boolean(ExprKind::And(not_null(left), not_null(right))),
        ComparisonOp::IsDistinctFrom => boolean(ExprKind::Or(not_null(left), not_null(right))),
        ComparisonOp::IsNotDistinctFrom => boolean(ExprKind::And(is_null(left), is_null(right))),
        _ => Expr::literal(Value::Boolean(false), SqlType::Boolean),
    }
}

/// Can two types be compared?
fn comparable(op: ComparisonOp, left: &SqlType, right: &SqlType) -> bool {
    use SqlType::{Array, Boolean, Bytes, Date, Map, String, Struct, Time, Timestamp};
    let equality = matches!(
        op,
        ComparisonOp::Equal
            | ComparisonOp::NotEqual
            | ComparisonOp::IsDistinctFrom
            | ComparisonOp::IsNotDistinctFrom
    );
    match (left, right) {
        (String, String) | (Bytes, Bytes) => true,
        (Boolean, Boolean) => equality,
        (Date | Time | Timestamp, String) | (String, Date | Time | Timestamp) => true,
        (Date, Timestamp) | (Timestamp, Date) => true,
        (Date, Date) | (Time, Time) | (Timestamp, Timestamp) => true,
        (Array(_), Array(_)) | (Map(_, _), Map(_, _)) | (Struct(_), Struct(_)) => equality,
        _ => left.is_number() && right.is_number(),
    }
}

fn symbol(op: ComparisonOp) -> &'static str {
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
