//! Rules about types alone: names to types, which casts exist, how wide a DECIMAL result is.

use std::collections::{BTreeMap, HashSet};

use model::{Field, SqlType};

use super::error::{AnalyzeError, ExpressionError};
use super::limits;
use crate::ast::{ArithmeticOp, Span, TypeName};

/// The type that a name stands for. One that is too large or too deep is an error; it is never
/// built.
pub fn resolve_type(
    ty: &TypeName,
    types: &BTreeMap<String, SqlType>,
    span: Span,
) -> Result<SqlType, AnalyzeError> {
    let mut left = limits::TYPE_SIZE_MAX;
    Resolve { types, span }.part(ty, &mut left, 1)
}

struct Resolve<'a> {
    types: &'a BTreeMap<String, SqlType>,
    span: Span,
}

impl Resolve<'_> {
    /// A part at a depth, counted from 1; takes its size from what is `left`.
    fn part(&self, ty: &TypeName, left: &mut usize, depth: usize) -> Result<SqlType, AnalyzeError> {
        let span = self.span;
        let (parts, levels) = match ty {
            TypeName::Named(name, _) => {
                self.types.get(&name.to_uppercase()).map_or((1, 1), |ty| (ty.size(), ty.depth()))
            }
            _ => (1, 1),
        };
        limits::check_depth(depth + levels - 1, span)?;
        limits::spend(left, parts, span)?;
        Ok(match ty {
            TypeName::Sql(SqlType::Decimal { precision, scale }) => {
                if *precision < 1 || precision < scale {
                    let kind =
                        ExpressionError::DecimalRange { precision: *precision, scale: *scale };
                    return Err(AnalyzeError::at(span, kind));
                }
                SqlType::decimal(*precision, *scale)
            }
            TypeName::Sql(simple) => simple.clone(),
            TypeName::Array(element) => SqlType::array(self.part(element, left, depth + 1)?),
            TypeName::Map(key, value) => {
                let key = self.part(key, left, depth + 1)?;
                SqlType::map(key, self.part(value, left, depth + 1)?)
            }
            TypeName::Struct(fields) => {
                let mut resolved = Vec::new();
                let mut names = HashSet::new();
                for (name, ty) in fields {
                    if !names.insert(name) {
                        let kind = ExpressionError::DuplicateField(name.clone());
                        return Err(AnalyzeError::at(span, kind));
                    }
                    resolved.push(Field::new(name, self.part(ty, left, depth + 1)?));
                    limits::spend(left, name.len() / 64, span)?;
                }
                SqlType::Struct(resolved)
            }
            TypeName::Named(name, at) => match self.types.get(&name.to_uppercase()) {
                Some(ty) => ty.clone(),
                None => {
                    let kind = ExpressionError::UnknownType(name.clone());
                    return Err(AnalyzeError::at(*at, kind));
                }
            },
        })
    }
}

/// Does `CAST(from AS to)` exist?
pub fn can_cast(from: &SqlType, to: &SqlType) -> bool {
    use SqlType::{Array, Boolean, Bytes, Date, Decimal, Map, String, Struct, Time, Timestamp};
    match (from, to) {
        _ if from == to => true,
        (_, String) => true,
        (String, Boolean | Bytes | Decimal { .. } | Date | Time | Timestamp) => true,
        (String, _) if to.is_number() => true,
        _ if from.is_number() && to.is_number() => true,
        (Date, Timestamp) | (Timestamp, Date | Time) => true,
        (Array(from), Array(to)) => can_cast(from, to),
        (Map(from_key, from), Map(to_key, to)) => can_cast(from_key, to_key) && can_cast(from, to),
        (Struct(from), Struct(to)) => from.iter().all(|field| {
            to.iter().find(|f| f.name == field.name).is_none_or(|f| can_cast(&field.ty, &f.ty))
        }),
        _ => false,
    }
}

/// The DECIMAL that holds every value of a whole or decimal number type.
pub fn decimal_of(ty: &SqlType) -> Option<SqlType> {
    match ty {
        SqlType::Integer => Some(SqlType::decimal(10, 0)),
        SqlType::Bigint => Some(SqlType::decimal(19, 0)),
        SqlType::Decimal { .. } => Some(ty.clone()),
        _ => None,
    }
}

fn digits(ty: &SqlType) -> Option<(i32, i32)> {
    match decimal_of(ty)? {
        SqlType::Decimal { precision, scale } => Some((i32::from(precision), i32::from(scale))),
        _ => None,
    }
}

fn decimal(precision: i32, scale: i32) -> SqlType {
    let clamp = |n: i32| n.clamp(0, i32::from(u8::MAX)) as u8;
    SqlType::decimal(clamp(precision), clamp(scale))
}

/// The type of arithmetic on DECIMALs (whole numbers count as DECIMALs of scale 0).
///
/// | | precision | scale |
/// |---|---|---|
/// | `+ -` | max(p1 - s1, p2 - s2) + max(s1, s2) + 1 | max(s1, s2) |
/// | `*` | p1 + p2 + 1 | s1 + s2 |
/// | `/` | p1 - s1 + s2 + scale | max(6, s1 + p2 + 1) |
/// | `%` | min(p1 - s1, p2 - s2) + max(s1, s2) | max(s1, s2) |
pub fn decimal_result(op: ArithmeticOp, left: &SqlType, right: &SqlType) -> Option<SqlType> {
    let ((p1, s1), (p2, s2)) = (digits(left)?, digits(right)?);
    let scale = s1.max(s2);
    Some(match op {
        ArithmeticOp::Add | ArithmeticOp::Subtract => {
            decimal((p1 - s1).max(p2 - s2) + scale + 1, scale)
        }
        ArithmeticOp::Multiply => decimal(p1 + p2 + 1, s1 + s2),
        ArithmeticOp::Divide => {
            let scale = (s1 + p2 + 1).max(6);
            decimal(p1 - s1 + s2 + scale, scale)
        }
        ArithmeticOp::Modulus => decimal((p1 - s1).min(p2 - s2) + scale, scale),
    })
}

/// The narrowest type that both number types widen to.
pub fn common_number(left: &SqlType, right: &SqlType) -> Option<SqlType> {
    use SqlType::{Bigint, Double, Integer};
    match (left, right) {
        _ if !left.is_number() || !right.is_number() => None,
        (Double, _) | (_, Double) => Some(Double),
        (Integer, Integer) => Some(Integer),
        (Integer | Bigint, Integer | Bigint) => Some(Bigint),
        _ => {
            let ((p1, s1), (p2, s2)) = (digits(left)?, digits(right)?);
            let scale = s1.max(s2);
            Some(decimal((p1 - s1).max(p2 - s2) + scale, scale))
        }
    }
}

/// Is there a MAP in it?
pub fn contains_map(ty: &SqlType) -> bool {
    match ty {
        SqlType::Map(_, _) => true,
        SqlType::Array(element) => contains_map(element),
        SqlType::Struct(fields) => fields.iter().any(|field| contains_map(&field.ty)),
        _ => false,
    }
}
