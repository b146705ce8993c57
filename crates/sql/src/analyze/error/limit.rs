//! Statements that ask for more than is given.

/// A statement that asks for more than is given: see [`crate::analyze::limits`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LimitError {
    /// Too many columns.
    #[error("There are {found} columns; a stream, a table or a result may have {max} at most.")]
    Columns {
        /// How many.
        found: usize,
        /// How many may be.
        max: usize,
    },
    /// A type, or the types of all columns together, are too large.
    #[error(
        "The types are too large: with all custom types spelt out they may have {0} fields and \
         elements at most."
    )]
    TypeSize(usize),
    /// A type is nested too deep.
    #[error("The type is nested too deep: with all custom types spelt out {0} levels at most.")]
    TypeDepth(usize),
    /// All custom types together are too large.
    #[error(
        "There is no room for another custom type: all of them together may have {0} fields and \
         elements at most. Drop some with DROP TYPE."
    )]
    Types(usize),
    /// Too many windows overlap.
    #[error(
        "Each record would be in more than {0} windows: the size of a HOPPING window may be at \
         most {0} times its advance."
    )]
    Windows(i64),
    /// Large types in many places.
    #[error(
        "The expressions of this clause are too large: their types have more than {0} fields and \
         elements together."
    )]
    ExpressionTypes(usize),
}
