//! Calls of scalar functions, and the lambdas among their arguments.

use functions::{ArgType, Resolved, aggregate, scalar, table};
use model::SqlType;

use super::super::error::{AnalyzeError, ExpressionError};
use super::super::suggest;
use super::{Binder, Bound, coerce};
use crate::ast::{self, IntervalUnit, Span};
use crate::expr::{Arg, Expr, ExprKind, ParamId, ScalarRef};

type Result<T> = std::result::Result<T, AnalyzeError>;

/// An argument before a signature is chosen.
pub(crate) enum Argument<'a> {
    /// A value.
    Value(Bound),
    /// A lambda, not typed yet.
    Lambda(&'a [String], &'a ast::Expr),
    /// A typed lambda.
    Typed(Vec<(ParamId, SqlType)>, Expr),
    /// DAYS, …
    Unit(IntervalUnit),
}

impl Argument<'_> {
    /// What a function may know of it.
    pub(crate) fn ty(&self) -> ArgType {
        match self {
            Argument::Value(Bound::Null) => ArgType::Null,
            Argument::Value(Bound::Expr(expr)) => ArgType::Sql(expr.ty.clone()),
            Argument::Lambda(params, _) => ArgType::UntypedLambda(params.len()),
            Argument::Typed(params, body) => {
                let params = params.iter().map(|(_, ty)| ty.clone()).collect();
                ArgType::Lambda(params, body.ty.clone())
            }
            Argument::Unit(_) => ArgType::IntervalUnit,
        }
    }
}

/// The functions' name for a unit.
pub(crate) fn interval_unit(unit: IntervalUnit) -> scalar::IntervalUnit {
    match unit {
        IntervalUnit::Days => scalar::IntervalUnit::Days,
        IntervalUnit::Hours => scalar::IntervalUnit::Hours,
        IntervalUnit::Minutes => scalar::IntervalUnit::Minutes,
        IntervalUnit::Seconds => scalar::IntervalUnit::Seconds,
        IntervalUnit::Milliseconds => scalar::IntervalUnit::Milliseconds,
    }
}

/// Arguments cast to what a signature takes.
pub(crate) fn cast_arguments(arguments: Vec<Argument<'_>>, resolved: &Resolved) -> Vec<Arg> {
    arguments
        .into_iter()
        .zip(&resolved.args)
        .map(|(argument, wanted)| match (argument, wanted) {
            (Argument::Unit(unit), _) => Arg::Unit(interval_unit(unit)),
            (Argument::Typed(params, body), ArgType::Lambda(_, returns)) => {
                Arg::Lambda { params, body: Box::new(coerce::cast(body, returns)) }
            }
            (Argument::Typed(params, body), _) => Arg::Lambda { params, body: Box::new(body) },
            (Argument::Value(value), ArgType::Sql(ty)) => Arg::Expr(coerce::cast_bound(value, ty)),
            (Argument::Value(Bound::Expr(value)), _) => Arg::Expr(value),
            (Argument::Value(Bound::Null) | Argument::Lambda(..), _) => {
                Arg::Expr(Binder::null_of(&SqlType::String))
            }
        })
        .collect()
}

impl Binder<'_> {
    pub(super) fn bind_call(&mut self, name: &str, args: &[ast::Expr], span: Span) -> Result<Expr> {
        let Some(function) = scalar::scalar(name) else {
            return Err(AnalyzeError::at(span, self.not_scalar(name)));
        };
        let mut arguments = self.bind_arguments(args)?;
        let failed = |error: functions::ResolveError| {
            AnalyzeError::at(span, ExpressionError::Arguments(error.to_string()))
        };
        let types = |arguments: &[Argument<'_>]| -> Vec<ArgType> {
            arguments.iter().map(Argument::ty).collect()
        };
        if arguments.iter().any(|argument| matches!(argument, Argument::Lambda(..))) {
            let params = function.lambda_params(&types(&arguments)).map_err(failed)?;
            for (argument, params) in arguments.iter_mut().zip(params) {
                if let (Argument::Lambda(names, body), Some(params)) = (&*argument, params) {
                    *argument = self.bind_lambda(names, body, params)?;
                }
            }
        }
        let resolved = function.resolve(&types(&arguments)).map_err(failed)?;
        let ty = resolved.returns.clone();
        let args = cast_arguments(arguments, &resolved);
        Ok(Expr { kind: ExprKind::Call { function: ScalarRef(function), resolved, args }, ty })
    }

    pub(crate) fn bind_arguments<'e>(
        &mut self,
        args: &'e [ast::Expr],
    ) -> Result<Vec<Argument<'e>>> {
        args.iter()
            .map(|arg| {
                Ok(match &arg.kind {
                    ast::ExprKind::Lambda { params, body } => Argument::Lambda(params, body),
                    ast::ExprKind::Unit(unit) => Argument::Unit(*unit),
                    _ => Argument::Value(self.bind_any(arg)?),
                })
            })
            .collect()
    }

    fn bind_lambda(
        &mut self,
        names: &[String],
        body: &ast::Expr,
        types: Vec<SqlType>,
    ) -> Result<Argument<'static>> {
        let error = |kind| Err(AnalyzeError::at(body.span, kind));
        if names.len() != types.len() {
            let (expected, found) = (types.len(), names.len());
            return error(ExpressionError::LambdaArity { expected, found });
        }
        for (i, name) in names.iter().enumerate() {
            let column = self.scope.columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
            let outer = self.params.iter().any(|(outer, ..)| outer == name);
            if column || outer || names[..i].contains(name) {
                return error(ExpressionError::LambdaName(name.clone()));
            }
        }
        let outer = self.params.len();
        let mut params = Vec::new();
        for (name, ty) in names.iter().zip(types) {
            let id = ParamId(self.next_param);
            self.next_param += 1;
            self.params.push((name.clone(), id, ty.clone()));
            params.push((id, ty));
        }
        let typed = self.bind(body);
        self.params.truncate(outer);
        Ok(Argument::Typed(params, typed?))
    }

    /// Why a name that is no scalar function cannot be called here.
    fn not_scalar(&self, name: &str) -> ExpressionError {
        if aggregate::aggregate(name).is_some() {
            return ExpressionError::Aggregate { place: self.clause, name: name.into() };
        }
        if table::table(name).is_some() {
            return ExpressionError::TableFunction(name.into());
        }
        unknown_function(name)
    }
}

/// The name is no function's; with one that it may be a slip of.
pub fn unknown_function(name: &str) -> ExpressionError {
    let scalars = scalar::SCALARS.iter().map(|f| f.name);
    let aggregates = aggregate::AGGREGATES.iter().map(|f| f.name);
    let names = scalars.chain(aggregates).chain(table::TABLES.iter().map(|f| f.name));
    let hint = match suggest::nearest(name, names) {
        Some(near) => format!(" Did you mean '{near}'?"),
        None => String::new(),
    };
    ExpressionError::UnknownFunction { name: name.into(), hint }
}
