//! Expressions as written in, typed expressions over one input out.
//!
//! A [`Scope`] says which columns an expression may name, and where they stand in the input's
//! schema. The [`Binder`] walks the expression, resolves names, picks signatures of functions,
//! checks types and makes implicit conversions explicit.

pub mod call;
pub mod coerce;
pub mod compare;
pub mod construct;
pub mod literal;
pub mod scope;

use std::collections::BTreeMap;

use model::{SqlType, Value};

use super::error::{AnalyzeError, ExpressionError};
use super::types::{can_cast, resolve_type};
use crate::ast::{self, ArithmeticOp, Span};
use crate::expr::{Expr, ExprKind, ParamId};
pub use scope::{Scope, ScopeColumn};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// An expression with a type, or a literal NULL, which has none yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// `NULL`
    Null,
    /// Anything else.
    Expr(Expr),
}

impl Bound {
    /// The expression; an untyped NULL is an error.
    pub fn typed(self, span: Span) -> Result<Expr> {
        match self {
            Bound::Null => Err(AnalyzeError::at(span, ExpressionError::UntypedNull)),
            Bound::Expr(expr) => Ok(expr),
        }
    }

    /// The type, unless it is NULL.
    pub fn ty(&self) -> Option<&SqlType> {
        match self {
            Bound::Null => None,
            Bound::Expr(expr) => Some(&expr.ty),
        }
    }

    /// The type for a message.
    fn described(&self) -> String {
        self.ty().map_or_else(|| "NULL".into(), SqlType::to_string)
    }
}

/// Turns expressions of one clause into typed ones.
pub struct Binder<'a> {
    scope: &'a Scope,
    types: &'a BTreeMap<String, SqlType>,
    /// SELECT, WHERE, …: for messages.
    clause: &'static str,
    /// Are ROWTIME and window bounds compared with text as times?
    times_as_text: bool,
    /// Parameters of the lambdas around, innermost last.
    params: Vec<(String, ParamId, SqlType)>,
    next_param: u32,
}

impl<'a> Binder<'a> {
    /// A binder for expressions of `clause` over the columns of `scope`.
    pub fn new(
        scope: &'a Scope,
        types: &'a BTreeMap<String, SqlType>,
        clause: &'static str,
    ) -> Self {
        let times_as_text = clause == "WHERE";
        Self { scope, types, clause, times_as_text, params: Vec::new(), next_param: 0 }
    }

    /// A typed expression; an untyped NULL is an error.
    pub fn bind(&mut self, expr: &ast::Expr) -> Result<Expr> {
        self.bind_any(expr)?.typed(expr.span)
    }

    /// A BOOLEAN expression.
    pub fn bind_condition(&mut self, expr: &ast::Expr, what: &'static str) -> Result<Expr> {
        let bound = self.bind_any(expr)?;
        if bound.ty() != Some(&SqlType::Boolean) {
            let found = bound.described();
            return Err(AnalyzeError::at(expr.span, ExpressionError::NotBoolean { what, found }));
        }
        bound.typed(expr.span)
    }

    /// Any expression, NULL too.
    pub fn bind_any(&mut self, expr: &ast::Expr) -> Result<Bound> {
        if let Some(found) = self.scope.substitute(expr) {
            return Ok(Bound::Expr(found));
        }
        let bound = |kind, ty| Ok(Bound::Expr(Expr { kind, ty }));
        match &expr.kind {
            ast::ExprKind::Literal(Value::Null) => Ok(Bound::Null),
            ast::ExprKind::Literal(value) => {
                bound(ExprKind::Literal(value.clone()), literal::type_of(value))
            }
            ast::ExprKind::Unit(_) => Err(AnalyzeError::at(expr.span, ExpressionError::Unit)),
            ast::ExprKind::Lambda { .. } => {
                Err(AnalyzeError::at(expr.span, ExpressionError::Lambda))
            }
            ast::ExprKind::Column { source, name } => {
                self.bind_column(source.as_deref(), name, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::Field { base, name } => {
                let base_expr = self.bind(base)?;
                bind_field(base_expr, name, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::Subscript { base, index } => self.bind_subscript(base, index),
            ast::ExprKind::Arithmetic { op, left, right } => {
                let (left, right) = (self.bind_any(left)?, self.bind_any(right)?);
                bind_arithmetic(*op, left, right, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::Negate(operand) => self.bind_negate(operand),
            ast::ExprKind::Plus(operand) => self.bind_plus(operand),
            ast::ExprKind::Comparison { op, left, right } => {
                self.bind_comparison(*op, left, right, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::And(left, right) => {
                let left = self.bind_condition(left, "operand of AND")?;
                let right = self.bind_condition(right, "operand of AND")?;
                bound(ExprKind::And(Box::new(left), Box::new(right)), SqlType::Boolean)
            }
            ast::ExprKind::Or(left, right) => {
                let left = self.bind_condition(left, "operand of OR")?;
                let right = self.bind_condition(right, "operand of OR")?;
                bound(ExprKind::Or(Box::new(left), Box::new(right)), SqlType::Boolean)
            }
            ast::ExprKind::Not(operand) => {
                let operand = self.bind_condition(operand, "operand of NOT")?;
                bound(ExprKind::Not(Box::new(operand)), SqlType::Boolean)
            }
            ast::ExprKind::IsNull(operand) => {
                let operand = self.bind_nullable(operand, SqlType::String)?;
                bound(ExprKind::IsNull(Box::new(operand)), SqlType::Boolean)
            }
            ast::ExprKind::IsNotNull(operand) => {
                let operand = self.bind_nullable(operand, SqlType::String)?;
                bound(ExprKind::IsNotNull(Box::new(operand)), SqlType::Boolean)
            }
            ast::ExprKind::Like { operand, pattern, escape, negated } => {
                let operand = Box::new(self.bind_text(operand)?);
                let pattern = Box::new(self.bind_text(pattern)?);
                let kind = ExprKind::Like { operand, pattern, escape: *escape, negated: *negated };
                bound(kind, SqlType::Boolean)
            }
            ast::ExprKind::Between { operand, low, high, negated } => {
                self.bind_between(operand, low, high, *negated, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::In { operand, list, negated } => {
                self.bind_in(operand, list, *negated, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::Case { operand, branches, otherwise } => {
                self.bind_case(operand.as_deref(), branches, otherwise.as_deref(), expr.span)
            }
            ast::ExprKind::Cast { operand, ty } => self.bind_cast(operand, ty, expr.span),
            ast::ExprKind::Call { name, args } => {
                self.bind_call(name, args, expr.span).map(Bound::Expr)
            }
            ast::ExprKind::MakeArray(items) => self.bind_array(items, expr.span).map(Bound::Expr),
            ast::ExprKind::MakeMap(entries) => self.bind_map(entries, expr.span).map(Bound::Expr),
            ast::ExprKind::MakeStruct(fields) => {
                self.bind_struct(fields, expr.span).map(Bound::Expr)
            }
        }
    }

    /// An expression; a NULL gets the type that is wanted.
    fn bind_nullable(&mut self, expr: &ast::Expr, null_ty: SqlType) -> Result<Expr> {
        Ok(match self.bind_any(expr)? {
            Bound::Null => Expr::literal(Value::Null, null_ty),
            Bound::Expr(expr) => expr,
        })
    }

    fn bind_text(&mut self, expr: &ast::Expr) -> Result<Expr> {
        let text = self.bind_nullable(expr, SqlType::String)?;
        if text.ty != SqlType::String {
            return Err(AnalyzeError::at(expr.span, ExpressionError::LikeTypes(text.ty)));
        }
        Ok(text)
    }

    fn bind_column(&mut self, source: Option<&str>, name: &str, span: Span) -> Result<Expr> {
        if source.is_none()
            && let Some((_, id, ty)) = self.params.iter().rev().find(|(param, ..)| param == name)
        {
            self.scope.count(ty, 1, span)?;
            return Ok(Expr { kind: ExprKind::Param(*id), ty: ty.clone() });
        }
        let column = self.scope.resolve(source, name, self.clause, span)?;
        self.scope.count(&column.ty, 1, span)?;
        Ok(Expr::column(column.index, column.ty.clone()))
    }

    fn bind_negate(&mut self, operand: &ast::Expr) -> Result<Bound> {
        let value = self.bind(operand)?;
        if !value.ty.is_number() {
            return Err(AnalyzeError::at(operand.span, ExpressionError::NotNumber(value.ty)));
        }
        let ty = value.ty.clone();
        Ok(Bound::Expr(Expr { kind: ExprKind::Negate(Box::new(value)), ty }))
    }

    /// `+x` is x, but for -0.0, which becomes 0.0, and null, which fails the row.
    fn bind_plus(&mut self, operand: &ast::Expr) -> Result<Bound> {
        let value = self.bind(operand)?;
        if !value.ty.is_number() {
            return Err(AnalyzeError::at(operand.span, ExpressionError::NotNumber(value.ty)));
        }
        if value.ty != SqlType::Double {
            let ty = value.ty.clone();
            let minus =
                |expr: Expr| Expr { ty: ty.clone(), kind: ExprKind::Negate(Box::new(expr)) };
            return Ok(Bound::Expr(minus(minus(value))));
        }
        let zero = Bound::Expr(Expr::literal(Value::Double(0.0), SqlType::Double));
        bind_arithmetic(ArithmeticOp::Add, Bound::Expr(value), zero, operand.span).map(Bound::Expr)
    }

    fn bind_subscript(&mut self, base: &ast::Expr, index: &ast::Expr) -> Result<Bound> {
        let container = self.bind(base)?;
        let at = self.bind_any(index)?;
        let wrong = |container: Expr, at: &Bound| {
            let kind = ExpressionError::SubscriptType { base: container.ty, index: at.described() };
            Err(AnalyzeError::at(index.span, kind))
        };
        let (ty, index_ty) = match &container.ty {
            SqlType::Array(element) => {
                if !matches!(at.ty(), Some(SqlType::Integer | SqlType::Bigint)) {
                    return wrong(container, &at);
                }
                ((**element).clone(), at.ty().cloned().unwrap_or(SqlType::Integer))
            }
            SqlType::Map(key, value) => {
                let fits = at.ty().is_none_or(|found| {
                    can_cast(found, key) && (found.is_number() || found == &**key)
                });
                if !fits {
                    return wrong(container, &at);
                }
                ((**value).clone(), (**key).clone())
            }
            other => {
                let kind = ExpressionError::NotSubscriptable(other.clone());
                return Err(AnalyzeError::at(base.span, kind));
            }
        };
        let at = match at {
            Bound::Null => Self::null_of(&index_ty),
            Bound::Expr(at) => coerce::implicit(at, &index_ty),
        };
        let kind = ExprKind::Subscript { base: Box::new(container), index: Box::new(at) };
        Ok(Bound::Expr(Expr { kind, ty }))
    }

    fn bind_cast(&mut self, operand: &ast::Expr, ty: &ast::TypeName, span: Span) -> Result<Bound> {
        let ty = resolve_type(ty, self.types, span)?;
        self.scope.count(&ty, 1, span)?;
        let value = match self.bind_any(operand)? {
            Bound::Null => return Ok(Bound::Expr(Expr::literal(Value::Null, ty))),
            Bound::Expr(value) => value,
        };
        if !can_cast(&value.ty, &ty) {
            let kind = ExpressionError::Cast { from: value.ty, to: ty };
            return Err(AnalyzeError::at(span, kind));
        }
        Ok(Bound::Expr(coerce::cast(value, &ty)))
    }

    fn bind_case(
        &mut self,
        operand: Option<&ast::Expr>,
        branches: &[(ast::Expr, ast::Expr)],
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> Result<Bound> {
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for (when, then) in branches {
            conditions.push(match operand {
                // The short form compares the operand with each WHEN.
                Some(operand) => {
                    self.bind_comparison(ast::ComparisonOp::Equal, operand, when, when.span)?
                }
                None => self.bind_condition(when, "WHEN")?,
            });
            results.push((self.bind_any(then)?, then.span));
        }
        results.push(match otherwise {
            Some(otherwise) => (self.bind_any(otherwise)?, otherwise.span),
            None => (Bound::Null, span),
        });
        let Some(ty) = results.iter().find_map(|(result, _)| result.ty()).cloned() else {
            return Err(AnalyzeError::at(span, ExpressionError::CaseAllNull));
        };
        self.scope.count(&ty, results.len(), span)?;
        let mut typed = Vec::new();
        for (result, at) in results {
            if let Some(found) = result.ty().filter(|found| **found != ty) {
                let kind =
                    ExpressionError::CaseTypes { expected: ty.clone(), found: found.clone() };
                return Err(AnalyzeError::at(at, kind));
            }
            typed.push(coerce::cast_bound(result, &ty));
        }
        let otherwise = Box::new(typed.pop().unwrap_or(Expr::literal(Value::Null, ty.clone())));
        let branches = conditions.into_iter().zip(typed).collect();
        Ok(Bound::Expr(Expr { kind: ExprKind::Case { branches, otherwise }, ty }))
    }
}

/// `base->name`
pub fn bind_field(base: Expr, name: &str, span: Span) -> Result<Expr> {
    let SqlType::Struct(fields) = &base.ty else {
        return Err(AnalyzeError::at(span, ExpressionError::NotStruct(base.ty)));
    };
    let Some(index) = fields.iter().position(|field| field.name == name) else {
        let kind = ExpressionError::UnknownField { field: name.into(), ty: base.ty };
        return Err(AnalyzeError::at(span, kind));
    };
    let ty = fields[index].ty.clone();
    Ok(Expr { kind: ExprKind::Field { base: Box::new(base), index }, ty })
}

/// `left op right`: numbers widen to the wider type, text is joined by `+`.
fn bind_arithmetic(op: ArithmeticOp, left: Bound, right: Bound, span: Span) -> Result<Expr> {
    let (Bound::Expr(left), Bound::Expr(right)) = (left, right) else {
        return Err(AnalyzeError::at(span, ExpressionError::ArithmeticNull));
    };
    let Some((operand, ty)) = arithmetic_types(op, &left.ty, &right.ty) else {
        let op = match op {
            ArithmeticOp::Add => "+",
            ArithmeticOp::Subtract => "-",
            ArithmeticOp::Multiply => "*",
            ArithmeticOp::Divide => "/",
            ArithmeticOp::Modulus => "%",
        };
        let kind = ExpressionError::ArithmeticTypes { op, left: left.ty, right: right.ty };
        return Err(AnalyzeError::at(span, kind));
    };
    let (left, right) = match operand {
        Some(operand) => (coerce::implicit(left, &operand), coerce::implicit(right, &operand)),
        // DECIMALs keep their own precision; whole numbers become DECIMALs that hold them all.
        None => (as_decimal(left), as_decimal(right)),
    };
    let kind = ExprKind::Arithmetic { op, left: Box::new(left), right: Box::new(right) };
    Ok(Expr { kind, ty })
}

fn as_decimal(expr: Expr) -> Expr {
    let ty = super::types::decimal_of(&expr.ty).unwrap_or(expr.ty.clone());
    coerce::implicit(expr, &ty)
}

/// What both operands are cast to (`None`: each to a DECIMAL of its own), and the result's type.
fn arithmetic_types(
    op: ArithmeticOp,
    left: &SqlType,
    right: &SqlType,
) -> Option<(Option<SqlType>, SqlType)> {
    use SqlType::{Bigint, Double, Integer, String};
    let both = |ty: SqlType| Some((Some(ty.clone()), ty));
    match (left, right) {
        (String, String) if op == ArithmeticOp::Add => return both(String),
        _ if !left.is_number() || !right.is_number() => return None,
        (Double, _) | (_, Double) => return both(Double),
        (Integer, Integer) => return both(Integer),
        (Integer | Bigint, Integer | Bigint) => return both(Bigint),
        _ => {}
    }
    let ty = super::types::decimal_result(op, left, right)?;
    Some((None, ty))
}
