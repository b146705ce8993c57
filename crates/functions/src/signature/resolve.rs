//! Overload resolution, by ksqlDB's rules.
//!
//! 1. A literal NULL fits every parameter. Type variables are bound by the first argument that has
//!    them and must be the same everywhere; what is bound to a variable is never cast.
//! 2. Signatures that fit without any cast are looked at first. Only if there is none, numbers may
//!    be widened (INT, BIGINT, DECIMAL, DOUBLE) and text may stand for DATE, TIME, TIMESTAMP and
//!    BYTES.
//! 3. Of several, the one without a repeated parameter wins, then the one with fewer type
//!    variables. Two that are equally good are an error: the call is ambiguous and wants a CAST.
//! 4. A single NULL in the place of a repeated parameter is ambiguous as well: it could be the
//!    list.

use std::cmp::Reverse;

use model::SqlType;

use super::{ArgType, Param, ParamType, ResolveError, Resolved, Returns, Signature};

/// Which of these signatures fits the arguments, and how. `name` is for the error message.
pub fn resolve(
    name: &str,
    signatures: &[Signature],
    args: &[ArgType],
) -> Result<Resolved, ResolveError> {
    let (at, bindings) = choose(name, signatures, args)?;
    let signature = &signatures[at];
    let mut types = Vec::with_capacity(args.len());
    for (param, arg) in params_for(signature, args.len()).zip(args) {
        types.push(target(&param.ty, arg, &bindings));
    }
    let returns = match &signature.returns {
        Returns::Type(ty) => {
            let untyped_null = has_generic(ty) && args.contains(&ArgType::Null);
            substitute(ty, &bindings).filter(|_| !untyped_null).ok_or_else(|| {
                ResolveError(format!(
                    "The type of {name}{} is not known: CAST the NULL to the type it stands for.",
                    shown(args)
                ))
            })?
        }
        Returns::Computed { compute, .. } => {
            let seen: Vec<_> = (args.iter().zip(&types))
                .map(|(arg, ty)| if *arg == ArgType::Null { arg.clone() } else { ty.clone() })
                .collect();
            compute(&seen).map_err(|reason| ResolveError(format!("{name}: {reason}")))?
        }
    };
    Ok(Resolved { signature: at, args: types, returns })
}

/// For each argument that is an [`ArgType::UntypedLambda`]: the types of its parameters, as bound
/// by the other arguments.
pub fn lambda_params(
    name: &str,
    signatures: &[Signature],
    args: &[ArgType],
) -> Result<Vec<Option<Vec<SqlType>>>, ResolveError> {
    let (at, bindings) = choose(name, signatures, args)?;
    let params = params_for(&signatures[at], args.len());
    let types = params.zip(args).map(|(param, arg)| match (&param.ty, arg) {
        (ParamType::Lambda(params, _), ArgType::UntypedLambda(_)) => {
            let types: Option<Vec<_>> = params.iter().map(|p| substitute(p, &bindings)).collect();
            types.map(Some).ok_or_else(|| {
                ResolveError(format!(
                    "The types of the parameters of a lambda of {name} are not known: CAST the \
                     NULL to the type it stands for."
                ))
            })
        }
        _ => Ok(None),
    });
    types.collect()
}

/// The types that type variables stand for.
type Bindings = Vec<(String, SqlType)>;

fn choose(
    name: &str,
    signatures: &[Signature],
    args: &[ArgType],
) -> Result<(usize, Bindings), ResolveError> {
    for casts in [false, true] {
        let mut fits: Vec<_> = (signatures.iter().enumerate())
            .filter_map(|(at, s)| Some((at, fit(s, args, casts)?, badness(s))))
            .collect();
        fits.sort_by_key(|(_, _, badness)| *badness);
        let tied = fits.len() > 1 && fits[0].2 == fits[1].2 && !args.is_empty();
        let Some((at, bindings, _)) = fits.into_iter().next() else { continue };
        if tied || null_for_repeated(&signatures[at], args) {
            return Err(ResolveError(format!(
                "Function '{name}' cannot be resolved due to ambiguous method parameters {}.\n\
                 Use CAST() to say which of these is meant:\n{}",
                shown(args),
                alternatives(name, signatures)
            )));
        }
        return Ok((at, bindings));
    }
    Err(ResolveError(format!(
        "Function '{name}' does not accept parameters {}.\nValid alternatives are:\n{}",
        shown(args),
        alternatives(name, signatures)
    )))
}

fn shown(args: &[ArgType]) -> String {
    let types: Vec<_> = args.iter().map(ArgType::to_string).collect();
    format!("({})", types.join(", "))
}

fn alternatives(name: &str, signatures: &[Signature]) -> String {
    let lines: Vec<_> = signatures.iter().map(|s| s.describe(name)).collect();
    lines.join("\n")
}

/// Worse signatures sort later.
fn badness(signature: &Signature) -> (bool, Reverse<usize>, usize) {
    let generics = signature.params.iter().filter(|p| has_generic(&p.ty)).count();
    let fixed = signature.params.len() - usize::from(signature.variadic.is_some());
    let fixed = if signature.variadic.is_some() { fixed } else { 0 };
    (signature.variadic.is_some(), Reverse(fixed), generics)
}

fn null_for_repeated(signature: &Signature, args: &[ArgType]) -> bool {
    match signature.variadic {
        Some(at) => args.len() == signature.params.len() && args[at] == ArgType::Null,
        None => false,
    }
}

/// The parameter for each of `count` arguments.
fn params_for(signature: &Signature, count: usize) -> impl Iterator<Item = &Param> {
    let (at, params) = (signature.variadic, &signature.params);
    let repeats = (count + 1).saturating_sub(params.len());
    (params.iter().enumerate()).flat_map(move |(i, param)| {
        std::iter::repeat_n(param, if at == Some(i) { repeats } else { 1 })
    })
}

fn fit(signature: &Signature, args: &[ArgType], casts: bool) -> Option<Bindings> {
    let enough = match signature.variadic {
        Some(_) => args.len() + 1 >= signature.params.len(),
        None => args.len() == signature.params.len(),
    };
    if !enough {
        return None;
    }
    let mut bindings = Bindings::new();
    let fits = params_for(signature, args.len())
        .zip(args)
        .all(|(param, arg)| accepts(&param.ty, arg, casts, &mut bindings));
    fits.then_some(bindings)
}

fn accepts(param: &ParamType, arg: &ArgType, casts: bool, bindings: &mut Bindings) -> bool {
    match (param, arg) {
        (_, ArgType::Null) => true,
        (ParamType::IntervalUnit, arg) => *arg == ArgType::IntervalUnit,
        (ParamType::Lambda(params, _), ArgType::UntypedLambda(count)) => params.len() == *count,
        (ParamType::Lambda(params, body), ArgType::Lambda(types, returns)) => {
            params.len() == types.len()
                && params.iter().zip(types).all(|(p, ty)| accepts_type(p, ty, false, bindings))
                && accepts_type(body, returns, false, bindings)
        }
        (param, ArgType::Sql(ty)) => accepts_type(param, ty, casts, bindings),
        _ => false,
    }
}

fn accepts_type(param: &ParamType, ty: &SqlType, casts: bool, bindings: &mut Bindings) -> bool {
    match (param, ty) {
        (ParamType::Generic(name), ty) => match bindings.iter().find(|(n, _)| n == name) {
            Some((_, bound)) => bound == ty,
            None => {
                bindings.push((name.clone(), ty.clone()));
                true
            }
        },
        (ParamType::Any, _) => true,
        (ParamType::AnyStruct, ty) => matches!(ty, SqlType::Struct(_)),
        (ParamType::Array(param), SqlType::Array(ty)) => accepts_type(param, ty, casts, bindings),
        (ParamType::Map(pk, pv), SqlType::Map(k, v)) => {
            accepts_type(pk, k, casts, bindings) && accepts_type(pv, v, casts, bindings)
        }
        (ParamType::Decimal, SqlType::Decimal { .. }) => true,
        (ParamType::Decimal, ty) => casts && matches!(ty, SqlType::Integer | SqlType::Bigint),
        (ParamType::Sql(wanted), ty) => wanted == ty || (casts && casts_to(ty, wanted)),
        _ => false,
    }
}

/// May a value of `from` stand for one of `to` without a CAST?
fn casts_to(from: &SqlType, to: &SqlType) -> bool {
    use SqlType as S;
    match from {
        S::Integer => matches!(to, S::Bigint | S::Double),
        S::Bigint | S::Decimal { .. } => matches!(to, S::Double),
        S::String => matches!(to, S::Date | S::Time | S::Timestamp | S::Bytes),
        _ => false,
    }
}

fn has_generic(ty: &ParamType) -> bool {
    match ty {
        ParamType::Generic(_) => true,
        ParamType::Array(element) => has_generic(element),
        ParamType::Map(key, value) => has_generic(key) || has_generic(value),
        ParamType::Lambda(params, body) => params.iter().any(has_generic) || has_generic(body),
        _ => false,
    }
}

/// What an argument has to be for this parameter.
fn target(param: &ParamType, arg: &ArgType, bindings: &Bindings) -> ArgType {
    match (param, arg) {
        (ParamType::IntervalUnit, arg) => arg.clone(),
        (ParamType::Decimal, ArgType::Sql(SqlType::Integer)) => {
            ArgType::Sql(SqlType::decimal(10, 0))
        }
        (ParamType::Decimal, ArgType::Sql(SqlType::Bigint)) => {
            ArgType::Sql(SqlType::decimal(19, 0))
        }
        (ParamType::Sql(wanted), ArgType::Sql(_)) => ArgType::Sql(wanted.clone()),
        (param, ArgType::Null) => {
            let ty = substitute(param, bindings).unwrap_or_else(|| stand_in(param, bindings));
            ArgType::Sql(ty)
        }
        (ParamType::Array(_) | ParamType::Map(..), arg) => {
            substitute(param, bindings).map_or_else(|| arg.clone(), ArgType::Sql)
        }
        (_, arg) => arg.clone(),
    }
}

/// A type for a NULL whose type nobody will ask for.
fn stand_in(param: &ParamType, bindings: &Bindings) -> SqlType {
    let inner = |p: &ParamType| substitute(p, bindings).unwrap_or_else(|| stand_in(p, bindings));
    match param {
        ParamType::Array(element) => SqlType::array(inner(element)),
        ParamType::Map(key, value) => SqlType::map(inner(key), inner(value)),
        ParamType::AnyStruct => SqlType::Struct(Vec::new()),
        ParamType::Decimal => SqlType::decimal(1, 0),
        _ => SqlType::String,
    }
}

/// The type with its variables replaced; `None` if one is not bound or it is no value's type.
fn substitute(ty: &ParamType, bindings: &Bindings) -> Option<SqlType> {
    match ty {
        ParamType::Sql(ty) => Some(ty.clone()),
        ParamType::Generic(name) => {
            bindings.iter().find(|(n, _)| n == name).map(|(_, bound)| bound.clone())
        }
        ParamType::Array(element) => Some(SqlType::array(substitute(element, bindings)?)),
        ParamType::Map(key, value) => {
            Some(SqlType::map(substitute(key, bindings)?, substitute(value, bindings)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], args: &[ArgType], expect: Result<(usize, &str), &str>) {
        let signatures: Vec<_> = texts
            .iter()
            .map(|text| Signature::parse(text).unwrap_or_else(|e| panic!("{e}")))
            .collect();
        match (resolve("F", &signatures, args), expect) {
            (Ok(got), Ok((signature, returns))) => {
                assert_eq!((got.signature, got.returns.to_string().as_str()), (signature, returns));
            }
            (Err(got), Err(part)) => assert!(got.0.contains(part), "{got}"),
            (got, expect) => panic!("{got:?}, expected {expect:?}"),
        }
    }

    fn int() -> ArgType {
        ArgType::Sql(SqlType::Integer)
    }

    fn text() -> ArgType {
        ArgType::Sql(SqlType::String)
    }

    const NUMBERS: &[&str] = &["F(x INT) -> INT", "F(x BIGINT) -> BIGINT", "F(x DOUBLE) -> DOUBLE"];

    #[test]
    fn an_exact_match_comes_before_a_cast() {
        check(NUMBERS, &[int()], Ok((0, "INTEGER")));
        check(NUMBERS, &[ArgType::Sql(SqlType::decimal(4, 2))], Ok((2, "DOUBLE")));
        check(NUMBERS, &[text()], Err("does not accept parameters (STRING)"));
        check(&NUMBERS[1..], &[int()], Err("ambiguous"));
        check(NUMBERS, &[ArgType::Null], Err("ambiguous"));
        check(&["F(d DATE) -> INT"], &[text()], Ok((0, "INTEGER")));
        check(&["F(d DATE) -> INT"], &[ArgType::Sql(SqlType::Timestamp)], Err("not accept"));
    }

    #[test]
    fn type_variables_are_bound_once_and_never_cast() {
        let text2 = &["F(a T, b T) -> T"];
        check(text2, &[int(), int()], Ok((0, "INTEGER")));
        check(text2, &[int(), ArgType::Sql(SqlType::Bigint)], Err("does not accept"));
        check(text2, &[int(), ArgType::Null], Err("CAST the NULL"));
        check(&["F(a ARRAY<T>) -> INT"], &[ArgType::Null], Ok((0, "INTEGER")));
    }

    #[test]
    fn a_parameter_may_be_repeated() {
        let elt = &["F(n INT, args VARCHAR...) -> VARCHAR"];
        check(elt, &[int()], Ok((0, "STRING")));
        check(elt, &[int(), text(), ArgType::Null], Ok((0, "STRING")));
        check(elt, &[int(), ArgType::Null], Err("ambiguous"));
        check(elt, &[], Err("does not accept parameters ()"));
        let middle = &["F(a INT, b VARCHAR..., c BIGINT) -> INT"];
        let long = ArgType::Sql(SqlType::Bigint);
        check(middle, &[int(), long.clone()], Ok((0, "INTEGER")));
        check(middle, &[int(), text(), text(), long], Ok((0, "INTEGER")));
        check(&["F(a VARCHAR...) -> VARCHAR", "F(a BYTES...) -> BYTES"], &[], Ok((0, "STRING")));
    }

    #[test]
    fn lambdas_take_their_types_from_the_other_arguments() {
        let signatures =
            [Signature::parse("F(a ARRAY<T>, s S, f LAMBDA (S,T)=>S) -> S").expect("a signature")];
        let ints = ArgType::Sql(SqlType::array(SqlType::Integer));
        let args = [ints.clone(), text(), ArgType::UntypedLambda(2)];
        let params = lambda_params("F", &signatures, &args).expect("types");
        assert_eq!(params[2], Some(vec![SqlType::String, SqlType::Integer]));
        let typed = |returns| ArgType::Lambda(vec![SqlType::String, SqlType::Integer], returns);
        let args = [ints.clone(), text(), typed(SqlType::String)];
        assert_eq!(resolve("F", &signatures, &args).map(|r| r.returns), Ok(SqlType::String));
        let args = [ints, text(), typed(SqlType::Integer)];
        assert!(resolve("F", &signatures, &args).is_err());
    }
}
