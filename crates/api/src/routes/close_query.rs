//! `/close-query`: ends a push query of another connection.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;

use super::Api;
use crate::body;
use crate::error::ApiError;

pub(super) async fn close(State(api): State<Api>, request: Request) -> Response {
    match id(request.into_body()).await {
        Ok(id) if api.engine.close_query(&id) => Response::new(Body::empty()),
        Ok(id) => {
            ApiError::untyped(40_000, format!("There is no query with the id {id}")).into_response()
        }
        Err(error) => error.into_response(),
    }
}

async fn id(body: Body) -> Result<String, ApiError> {
    let object = body::object(body).await?;
    let id = body::text(&object, "queryId")?;
    id.ok_or_else(|| ApiError::untyped(40_000, "Invalid JSON in request: no 'queryId'"))
}
