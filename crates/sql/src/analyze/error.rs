//! Why a statement has no meaning: what is wrong, where it stands, and what to do about it.
//!
//! One enum for each operation; [`AnalyzeError`] adds the place. `Display` shows the line with a
//! caret, [`AnalyzeError::message`] is the sentence alone, for REST answers.

pub mod expression;
pub mod insert;
pub mod limit;
pub mod query;
pub mod source;

use std::fmt;
use std::sync::Arc;

pub use expression::ExpressionError;
pub use insert::InsertError;
pub use limit::LimitError;
pub use query::{JoinError, PullError, QueryError};
pub use source::{PropertyError, SourceError};

use crate::ast::Span;
use crate::error::Place;

/// A statement that was parsed but means nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyzeError {
    /// What is wrong.
    pub kind: Box<AnalyzeErrorKind>,
    /// Where, as a range of byte offsets in the script.
    pub span: Option<Span>,
    /// The statement's text and where it starts in the script; set by [`super::analyze`].
    pub source: Option<(Arc<str>, usize)>,
}

/// What is wrong, by operation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AnalyzeErrorKind {
    /// In an expression.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// In a SELECT.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// In a join.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// In CREATE, ALTER or DROP.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// In WITH, or in the settings of the session.
    #[error(transparent)]
    Property(#[from] PropertyError),
    /// In INSERT.
    #[error(transparent)]
    Insert(#[from] InsertError),
    /// It asks for too much.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// In a pull query.
    #[error(transparent)]
    Pull(#[from] PullError),
}

impl AnalyzeError {
    /// An error that stands nowhere in particular.
    pub fn new(kind: impl Into<AnalyzeErrorKind>) -> Self {
        Self { kind: Box::new(kind.into()), span: None, source: None }
    }

    /// An error at a place.
    pub fn at(span: Span, kind: impl Into<AnalyzeErrorKind>) -> Self {
        Self { kind: Box::new(kind.into()), span: Some(span), source: None }
    }

    /// The sentence, with line and column if they are known, without the text.
    pub fn message(&self) -> String {
        match self.place() {
            Some(Place { line, column, .. }) => {
                format!("Line: {line}, Col: {column}: {}", self.kind)
            }
            None => self.kind.to_string(),
        }
    }

    /// Does ksqlDB blame the request as a whole (error code 40000), not the statement (40001)?
    ///
    /// Clients see the difference only in the code; there is no rule but that of the recordings.
    pub fn blames_request(&self) -> bool {
        matches!(
            &*self.kind,
            AnalyzeErrorKind::Query(QueryError::SinkFormat(_))
                | AnalyzeErrorKind::Source(
                    SourceError::NoTopic(_) | SourceError::TopicPartitions { .. }
                )
                | AnalyzeErrorKind::Insert(
                    InsertError::UnknownTarget { .. }
                        | InsertError::NullKey { .. }
                        | InsertError::Header(_)
                        | InsertError::Windowed
                        | InsertError::ReadOnly { what: "values into", .. }
                )
        )
    }

    /// Where in the statement it is.
    pub fn place(&self) -> Option<Place> {
        let (text, offset) = self.source.as_ref()?;
        let Span { start, end } = self.span.filter(|span| span.end > span.start)?;
        let (start, end) = (start.checked_sub(*offset)?, end.checked_sub(*offset)?);
        (end <= text.len()).then(|| Place::of(text, Span { start, end }))
    }
}

impl<K: Into<AnalyzeErrorKind>> From<K> for AnalyzeError {
    fn from(kind: K) -> Self {
        AnalyzeError::new(kind)
    }
}

impl std::error::Error for AnalyzeError {}

impl fmt::Display for AnalyzeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        match self.place() {
            Some(place) => write!(f, "\n{place}"),
            None => Ok(()),
        }
    }
}
