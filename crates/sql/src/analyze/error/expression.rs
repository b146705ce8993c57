//! Expressions that have no type.

use model::SqlType;

/// An expression that has no type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// No source has the column.
    #[error("{clause} column '{name}' cannot be resolved.{hint}")]
    UnknownColumn {
        /// SELECT, WHERE, …
        clause: &'static str,
        /// As written.
        name: String,
        /// What to do, with a leading blank; may be empty.
        hint: String,
    },
    /// Several sources have the column.
    #[error(
        "Column '{name}' is ambiguous. Could be {}. Name the source, as in {}.",
        .candidates.join(" or "), .candidates[0]
    )]
    AmbiguousColumn {
        /// As written.
        name: String,
        /// Qualified.
        candidates: Vec<String>,
    },
    /// `x.y` where no source is called x.
    #[error("'{0}' is not a valid stream/table name or alias.")]
    UnknownAlias(String),
    /// No function of that name.
    #[error("Can't find any functions with the name '{name}'.{hint}")]
    UnknownFunction {
        /// Upper case.
        name: String,
        /// Did you mean …, with a leading blank; may be empty.
        hint: String,
    },
    /// No signature fits.
    #[error("{0}")]
    Arguments(String),
    /// A literal NULL where a typed value is needed.
    #[error(
        "Can't infer a type of null. Please explicitly cast it to a required type, e.g. \
         CAST(null AS VARCHAR)."
    )]
    UntypedNull,
    /// `1 + NULL`
    #[error("Arithmetic on NULL is not supported. Cast it to a type, e.g. CAST(null AS INT).")]
    ArithmeticNull,
    /// `TRUE + 1`
    #[error("Unsupported arithmetic types: {left} {op} {right}.")]
    ArithmeticTypes {
        /// `+`, …
        op: &'static str,
        /// Left operand.
        left: SqlType,
        /// Right operand.
        right: SqlType,
    },
    /// `-'x'`
    #[error("Only numbers can be negated, not {0}.")]
    NotNumber(SqlType),
    /// `x = NULL`
    #[error("Comparison with NULL not supported: use 'IS NULL' or 'IS NOT NULL' instead.")]
    CompareNull,
    /// `1 = 'x'`
    #[error("Cannot compare {left} to {right} with {op}. Cast one side to the other's type.")]
    CompareTypes {
        /// `=`, …
        op: &'static str,
        /// Left operand.
        left: SqlType,
        /// Right operand.
        right: SqlType,
    },
    /// A condition that is not BOOLEAN.
    #[error("Type error in {what}: should evaluate to boolean but is {found} instead.")]
    NotBoolean {
        /// WHERE expression, operand of AND, …
        what: &'static str,
        /// Its type, or NULL.
        found: String,
    },
    /// `1 LIKE 'x'`
    #[error("LIKE compares text, not {0}.")]
    LikeTypes(SqlType),
    /// `struct->nope`
    #[error(
        "Could not find field '{field}' in {ty}. Names of fields are case-sensitive: quote \
         those that are not upper case."
    )]
    UnknownField {
        /// The field.
        field: String,
        /// The struct.
        ty: SqlType,
    },
    /// `1->x`
    #[error("Only a STRUCT has fields; this is {0}.")]
    NotStruct(SqlType),
    /// `1[2]`
    #[error("Only an ARRAY or a MAP can be subscripted; this is {0}.")]
    NotSubscriptable(SqlType),
    /// `array['x']`
    #[error("{base} cannot be subscripted with {index}.")]
    SubscriptType {
        /// What is subscripted.
        base: SqlType,
        /// With what.
        index: String,
    },
    /// Branches of several types.
    #[error(
        "Invalid Case expression: all branches must have one type, but this one is {found}, not \
         {expected}."
    )]
    CaseTypes {
        /// Of the first branch.
        expected: SqlType,
        /// Of this one.
        found: SqlType,
    },
    /// `CASE WHEN a THEN NULL END`
    #[error("Invalid Case expression: all branches have NULL type.")]
    CaseAllNull,
    /// `ARRAY[]`
    #[error("Array constructor cannot be empty. Please supply at least one element.")]
    EmptyArray,
    /// `MAP()`
    #[error("Map constructor cannot be empty. Please supply at least one key value pair.")]
    EmptyMap,
    /// `ARRAY[NULL]`
    #[error("Cannot construct {0}. Cast a NULL to the desired type.")]
    AllNull(&'static str),
    /// `ARRAY[1, TRUE]`
    #[error(
        "operator does not exist: {expected} = {found}. You might need to add explicit type casts."
    )]
    NoCommonType {
        /// Of those before.
        expected: SqlType,
        /// Of this one.
        found: SqlType,
    },
    /// `ARRAY[1, 'x']`
    #[error("invalid input syntax for type {ty}: \"{text}\".")]
    BadLiteral {
        /// What it should be.
        ty: SqlType,
        /// What it is.
        text: String,
    },
    /// `MAP('a' := 1, 'a' := 2)`
    #[error("Multiple entries with same key: {0}.")]
    DuplicateKey(String),
    /// `STRUCT(a := 1, a := 2)`
    #[error("Field '{0}' is given twice.")]
    DuplicateField(String),
    /// No such cast.
    #[error("Cast of {from} to {to} is not supported.")]
    Cast {
        /// From this type.
        from: SqlType,
        /// To this one.
        to: SqlType,
    },
    /// A type that does not exist.
    #[error("Cannot resolve unknown type: {0}.")]
    UnknownType(String),
    /// DECIMAL(3, 5)
    #[error(
        "DECIMAL precision must be at least 1 and at least the scale: DECIMAL({precision}, \
         {scale})."
    )]
    DecimalRange {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// A lambda where none is taken.
    #[error("A lambda can only be an argument of a function that takes one.")]
    Lambda,
    /// Too few or many parameters.
    #[error("The lambda should have {expected} arguments but has {found}.")]
    LambdaArity {
        /// Wanted.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// `x => …` where x is a column.
    #[error("Lambda arguments can't be named like a column of the source or twice the same: {0}.")]
    LambdaName(String),
    /// DAYS where no unit is taken.
    #[error("A time unit can only be an argument of a function that takes one.")]
    Unit,
    /// An aggregate function where none may stand.
    #[error("{place} does not support aggregate functions: {name} is an aggregate function.")]
    Aggregate {
        /// WHERE, GROUP BY, …
        place: &'static str,
        /// Which.
        name: String,
    },
    /// `SUM(COUNT(*))`
    #[error("Aggregate functions can not be nested: {0}.")]
    NestedAggregate(String),
    /// A table function where none may stand.
    #[error(
        "Table function {0} can only be used in the SELECT list, and not inside another table \
         function."
    )]
    TableFunction(String),
    /// `TOPK(x, y)`
    #[error("Parameter {position} passed to function {name} must be a literal constant.")]
    NotLiteral {
        /// From 1.
        position: usize,
        /// The function.
        name: String,
    },
    /// ROWTIME compared with text that is no time.
    #[error(
        "Failed to parse timestamp '{0}'. Write it as '2020-05-26T23:59:58.000', with an \
         optional zone '+0200' or 'Z'; what is left out is filled up."
    )]
    BadTimestamp(String),
}
