//! Walking over expressions as written: visiting and rewriting all their parts.

use crate::ast::{Expr, ExprKind};

/// Calls `f` with the expression and, unless it says `false`, with all its parts, outermost first.
pub fn visit(expr: &Expr, f: &mut impl FnMut(&Expr) -> bool) {
    if f(expr) {
        for part in parts(expr) {
            visit(part, f);
        }
    }
}

/// How many parts it has, itself included.
pub fn count(expr: &Expr) -> usize {
    let mut parts = 0;
    visit(expr, &mut |_| {
        parts += 1;
        true
    });
    parts
}

/// Is there a part for which `f` holds?
pub fn any(expr: &Expr, f: impl Fn(&Expr) -> bool) -> bool {
    let mut found = false;
    visit(expr, &mut |part| {
        found |= f(part);
        !found
    });
    found
}

/// The direct parts of an expression.
pub fn parts(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Unit(_) | ExprKind::Column { .. } => Vec::new(),
        ExprKind::Field { base, .. } => vec![base],
        ExprKind::Subscript { base, index } => vec![base, index],
        ExprKind::Arithmetic { left, right, .. } | ExprKind::Comparison { left, right, .. } => {
            vec![left, right]
        }
        ExprKind::And(left, right) | ExprKind::Or(left, right) => vec![left, right],
        ExprKind::Negate(operand)
        | ExprKind::Plus(operand)
        | ExprKind::Not(operand)
        | ExprKind::IsNull(operand)
        | ExprKind::IsNotNull(operand) => vec![operand],
        ExprKind::Like { operand, pattern, .. } => vec![operand, pattern],
        ExprKind::Between { operand, low, high, .. } => vec![operand, low, high],
        ExprKind::In { operand, list, .. } => {
            std::iter::once(&**operand).chain(list.iter()).collect()
        }
        ExprKind::Case { operand, branches, otherwise } => {
            let branches = branches.iter().flat_map(|(when, then)| [when, then]);
            operand.as_deref().into_iter().chain(branches).chain(otherwise.as_deref()).collect()
        }
        ExprKind::Cast { operand, .. } => vec![operand],
        ExprKind::Call { args, .. } => args.iter().collect(),
        ExprKind::Lambda { body, .. } => vec![body],
        ExprKind::MakeArray(items) => items.iter().collect(),
        ExprKind::MakeMap(entries) => entries.iter().flat_map(|(k, v)| [k, v]).collect(),
        ExprKind::MakeStruct(fields) => fields.iter().map(|(_, value)| value).collect(),
    }
}

/// The direct parts of an expression, to be changed.
pub fn parts_mut(expr: &mut Expr) -> Vec<&mut Expr> {
    match &mut expr.kind {
        ExprKind::Literal(_) | ExprKind::Unit(_) | ExprKind::Column { .. } => Vec::new(),
        ExprKind::Field { base, .. } => vec![base],
        ExprKind::Subscript { base, index } => vec![base, index],
        ExprKind::Arithmetic { left, right, .. } | ExprKind::Comparison { left, right, .. } => {
            vec![left, right]
        }
        ExprKind::And(left, right) | ExprKind::Or(left, right) => vec![left, right],
        ExprKind::Negate(operand)
        | ExprKind::Plus(operand)
        | ExprKind::Not(operand)
        | ExprKind::IsNull(operand)
        | ExprKind::IsNotNull(operand) => vec![operand],
        ExprKind::Like { operand, pattern, .. } => vec![operand, pattern],
        ExprKind::Between { operand, low, high, .. } => vec![operand, low, high],
        ExprKind::In { operand, list, .. } => {
            std::iter::once(&mut **operand).chain(list.iter_mut()).collect()
        }
        ExprKind::Case { operand, branches, otherwise } => {
            let branches = branches.iter_mut().flat_map(|(when, then)| [when, then]);
            let operand = operand.as_deref_mut().into_iter();
            operand.chain(branches).chain(otherwise.as_deref_mut()).collect()
        }
        ExprKind::Cast { operand, .. } => vec![operand],
        ExprKind::Call { args, .. } => args.iter_mut().collect(),
        ExprKind::Lambda { body, .. } => vec![body],
        ExprKind::MakeArray(items) => items.iter_mut().collect(),
        ExprKind::MakeMap(entries) => entries.iter_mut().flat_map(|(k, v)| [k, v]).collect(),
        ExprKind::MakeStruct(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
    }
}
