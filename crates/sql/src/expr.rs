//! Expressions whose names are positions and whose types are known: what the engine evaluates.
//!
//! The analyzer makes them from [`crate::ast::Expr`]: it resolves columns to positions in the
//! input's schema and calls to a signature, and makes implicit conversions explicit as
//! [`ExprKind::Cast`].

use functions::Resolved;
use functions::scalar::{IntervalUnit, ScalarFunction};
use model::{SqlType, Value};

use crate::ast::{ArithmeticOp, ComparisonOp};

/// A typed expression over the columns of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// The type of what it gives.
    pub ty: SqlType,
}

/// The number of a lambda's parameter, unique within the whole expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParamId(pub u32);

/// A scalar function, compared by name.
#[derive(Clone, Copy)]
pub struct ScalarRef(pub &'static ScalarFunction);

impl PartialEq for ScalarRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl std::fmt::Debug for ScalarRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name)
    }
}

/// What an expression computes.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// The column at this position of the input's schema.
    Column(usize),
    /// A parameter of an enclosing lambda.
    Param(ParamId),
    /// A constant of the expression's type (NULL of that type included).
    Literal(Value),
    /// Both sides of one numeric type (the result's), or text `+` text.
    Arithmetic {
        /// `+`, `-`, `*`, `/` or `%`.
        op: ArithmeticOp,
        /// What stands before the operator.
        left: Box<Expr>,
        /// What stands behind it. DECIMALs keep their own precision and scale; the result's type
        /// says what comes out.
        right: Box<Expr>,
    },
    /// `-x`
    Negate(Box<Expr>),
    /// Both sides of one type, or two numeric types, or text and DATE, TIME or TIMESTAMP, or DATE
    /// and TIMESTAMP: the evaluator brings them together (text that is no time fails the row).
    Comparison {
        /// `=`, `<`, … or IS DISTINCT FROM.
        op: ComparisonOp,
        /// What stands before the operator.
        left: Box<Expr>,
        /// What stands behind it.
        right: Box<Expr>,
    },
    /// Left to right; a null that decides fails the row.
    And(Box<Expr>, Box<Expr>),
    /// Left to right; a null that decides fails the row.
    Or(Box<Expr>, Box<Expr>),
    /// A null fails the row.
    Not(Box<Expr>),
    /// `x IS NULL`
    IsNull(Box<Expr>),
    /// `x IS NOT NULL`
    IsNotNull(Box<Expr>),
    /// `x LIKE pattern`
    Like {
        /// What is matched.
        operand: Box<Expr>,
        /// A STRING with `%` and `_`.
        pattern: Box<Expr>,
        /// The escape character.
        escape: Option<char>,
        /// NOT LIKE.
        negated: bool,
    },
    /// `x BETWEEN low AND high`: pairs of types as in a comparison.
    Between {
        /// What is compared.
        operand: Box<Expr>,
        /// Lower bound.
        low: Box<Expr>,
        /// Upper bound.
        high: Box<Expr>,
        /// NOT BETWEEN.
        negated: bool,
    },
    /// `x IN (…)`, all of one type.
    In {
        /// What is looked for.
        operand: Box<Expr>,
        /// In which values.
        list: Vec<Expr>,
        /// NOT IN.
        negated: bool,
    },
    /// `CASE WHEN … THEN … ELSE … END`, evaluated lazily: an error in a branch not taken does not
    /// count.
    Case {
        /// Conditions and results.
        branches: Vec<(Expr, Expr)>,
        /// Otherwise; a NULL literal if there was none.
        otherwise: Box<Expr>,
    },
    /// `CAST(x AS type)`, also what is put around arguments of functions, elements of ARRAY and MAP
    /// and values of IN to bring them to one type. What cannot be converted is a quiet null, and so
    /// is a failure inside `x`.
    Cast(Box<Expr>),
    /// Conversion to the expression's type that nobody wrote, around operands of arithmetic: unlike
    /// for a cast, what cannot be converted and what fails inside fails the row.
    Coerce(Box<Expr>),
    /// `array[index]` or `map[key]`
    Subscript {
        /// An ARRAY or MAP.
        base: Box<Expr>,
        /// INTEGER (or BIGINT) for an array, the key's type for a map.
        index: Box<Expr>,
    },
    /// `struct->field`
    Field {
        /// A STRUCT.
        base: Box<Expr>,
        /// The position of the field in its type.
        index: usize,
    },
    /// `ARRAY[…]`, all of one type.
    MakeArray(Vec<Expr>),
    /// `MAP(…)`, keys of one type, values of one type.
    MakeMap(Vec<(Expr, Expr)>),
    /// `STRUCT(…)`, in the order of the type's fields.
    MakeStruct(Vec<Expr>),
    /// A call of a scalar function.
    Call {
        /// The function, out of the one list of them.
        function: ScalarRef,
        /// Its signature and the types of its arguments, already cast to these.
        resolved: Resolved,
        /// One for each argument, cast to what the signature asks for.
        args: Vec<Arg>,
    },
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// A value.
    Expr(Expr),
    /// A lambda.
    Lambda {
        /// Its parameters and their types.
        params: Vec<(ParamId, SqlType)>,
        /// What it computes.
        body: Box<Expr>,
    },
    /// DAYS, HOURS, …
    Unit(IntervalUnit),
}

impl Expr {
    /// The column at a position.
    pub fn column(index: usize, ty: SqlType) -> Self {
        Self { kind: ExprKind::Column(index), ty }
    }

    /// The positions of all columns it reads, in order of appearance.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns = Vec::new();
        self.visit(&mut |part| {
            if let ExprKind::Column(index) = part.kind {
                columns.push(index);
            }
        });
        columns
    }

    /// Calls `f` with the expression and all its parts, outermost first.
    pub fn visit(&self, f: &mut impl FnMut(&Expr)) {
        f(self);
        match &self.kind {
            ExprKind::Column(_) | ExprKind::Param(_) | ExprKind::Literal(_) => {}
            ExprKind::Arithmetic { left, right, .. }
            | ExprKind::Comparison { left, right, .. }
            | ExprKind::And(left, right)
            | ExprKind::Or(left, right)
            | ExprKind::Like { operand: left, pattern: right, .. }
            | ExprKind::Subscript { base: left, index: right } => {
                left.visit(f);
                right.visit(f);
            }
            ExprKind::Negate(operand)
            | ExprKind::Not(operand)
            | ExprKind::IsNull(operand)
            | ExprKind::IsNotNull(operand)
            | ExprKind::Cast(operand)
            | ExprKind::Coerce(operand)
            | ExprKind::Field { base: operand, .. } => operand.visit(f),
            ExprKind::Between { operand, low, high, .. } => {
                [operand, low, high].into_iter().for_each(|part| part.visit(f));
            }
            ExprKind::In { operand, list, .. } => {
                operand.visit(f);
                list.iter().for_each(|part| part.visit(f));
            }
            ExprKind::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    condition.visit(f);
                    result.visit(f);
                }
                otherwise.visit(f);
            }
            ExprKind::MakeArray(parts) | ExprKind::MakeStruct(parts) => {
                parts.iter().for_each(|part| part.visit(f));
            }
            ExprKind::MakeMap(entries) => {
                for (key, value) in entries {
                    key.visit(f);
                    value.visit(f);
                }
            }
            ExprKind::Call { args, .. } => {
                for arg in args {
                    match arg {
                        Arg::Expr(expr) => expr.visit(f),
                        Arg::Lambda { body, .. } => body.visit(f),
                        Arg::Unit(_) => {}
                    }
                }
            }
        }
    }

    /// A constant.
    pub fn literal(value: Value, ty: SqlType) -> Self {
        Self { kind: ExprKind::Literal(value), ty }
    }
}
