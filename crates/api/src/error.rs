//! Refusals as clients see them: the protocol's error objects, and which status goes with them.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use stream::{RequestError, RequestErrorKind};

use crate::entities;

/// An error of the protocol. Its status is its code divided by 100.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    code: i64,
    message: String,
    /// The statement, where one statement is at fault: makes it a `statement_error`.
    statement: Option<String>,
    entities: Vec<Value>,
    /// Most errors found before a statement is parsed carry no content type.
    typed: bool,
}

impl ApiError {
    /// An error without a content type: found in the request itself.
    pub fn untyped(code: i64, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, statement: None, entities: Vec::new(), typed: false }
    }

    /// An error with a content type.
    pub fn typed(code: i64, message: impl Into<String>) -> Self {
        Self { typed: true, ..Self::untyped(code, message) }
    }

    /// The same without a content type: for the routes whose errors have none.
    pub fn without_type(mut self) -> Self {
        self.typed = false;
        self
    }

    /// The same with another code, and about the request rather than a statement of it.
    pub fn about_request(mut self, code: i64) -> Self {
        self.code = code;
        self.statement = None;
        self
    }

    /// Its code.
    pub fn code(&self) -> i64 {
        self.code
    }

    /// Its words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The error object.
    pub fn to_json(&self) -> Value {
        match &self.statement {
            None => json!({
                "@type": "generic_error",
                "error_code": self.code,
                "message": self.message,
            }),
            Some(statement) => json!({
                "@type": "statement_error",
                "error_code": self.code,
                "message": self.message,
                "statementText": statement,
                "entities": self.entities,
            }),
        }
    }

    /// The answer that carries it.
    pub fn into_response(self) -> Response<Body> {
        let status = u16::try_from(self.code / 100).ok().and_then(|s| StatusCode::from_u16(s).ok());
        let mut response = Response::new(Body::from(self.to_json().to_string()));
        *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.typed {
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
        }
        response
    }
}

/// The refusal of something the journal was asked for in a request of this code; a disk that fails
/// is not the client's fault.
pub(crate) fn journal_refused(code: i64, error: impl Into<JournalError>) -> ApiError {
    let error = error.into();
    ApiError::typed(if error.is_storage { 50_000 } else { code }, error.message)
}

/// What the journal said.
pub(crate) struct JournalError {
    message: String,
    is_storage: bool,
}

/// Tells errors of the disk from others.
macro_rules! journal_error {
    ($error:ty, $storage:pat) => {
        impl From<$error> for JournalError {
            fn from(error: $error) -> Self {
                Self { message: error.to_string(), is_storage: matches!(error, $storage) }
            }
        }
    };
}

journal_error!(journal::CreateTopicError, journal::CreateTopicError::Storage(_));
journal_error!(
    journal::UserTopicError,
    journal::UserTopicError::Topic(journal::CreateTopicError::Storage(_))
);
journal_error!(journal::AppendError, journal::AppendError::Storage(_));
journal_error!(
    journal::ReadError,
    journal::ReadError::Storage(_) | journal::ReadError::Damaged { .. }
);

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        let code = match error.kind {
            RequestErrorKind::BadRequest | RequestErrorKind::NoTopic => 40_000,
            RequestErrorKind::BadStatement | RequestErrorKind::NotAQuery => 40_001,
            RequestErrorKind::QueryEndpoint => 40_002,
            RequestErrorKind::TooManyQueries => 40_003,
            RequestErrorKind::TooManyRequests => 42_900,
            RequestErrorKind::NotFound => 40_400,
            RequestErrorKind::AssertionFailed => 41_700,
            RequestErrorKind::ClientLeft => 49_900,
            RequestErrorKind::Internal | RequestErrorKind::Storage => 50_000,
            RequestErrorKind::NotReady | RequestErrorKind::ShuttingDown => 50_303,
        };
        Self {
            code,
            message: error.message,
            statement: error.statement,
            entities: error.answers.iter().map(entities::entity).collect(),
            typed: true,
        }
    }
}
