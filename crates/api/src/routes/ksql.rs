//! `/ksql`: statements in, an entity for each that has something to say out.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;

use super::{Api, blocking, json, not_found};
use crate::accept::{Accepted, Media, negotiate};
use crate::body;
use crate::entities::entity;
use crate::error::ApiError;

pub(super) async fn statements(State(api): State<Api>, request: Request) -> Response {
    if negotiate(request.headers(), &[Media::KsqlJson, Media::Json]) == Accepted::Nothing {
        return not_found();
    }
    let (head, body) = request.into_parts();
    match execute(api, body).await {
        Ok(entities) => json(&head.headers, &entities),
        Err(error) => error.into_response(),
    }
}

async fn execute(api: Api, body: axum::body::Body) -> Result<Value, ApiError> {
    let object = body::object(body).await?;
    let request = body::request(&object, "ksql", "streamsProperties", true)?;
    let Some(request) = request else { return Ok(Value::Array(Vec::new())) };
    body::wait_for_command(&api.engine, &object).await?;
    let _here = request.client.guard();
    let answers = blocking(move || api.engine.execute(&request)).await??;
    Ok(Value::Array(answers.iter().map(entity).collect()))
}

/// Refuses to end the server, as `/ksql/terminate` would on a real one.
pub(super) async fn terminate() -> Response {
    let message = "This server cannot be terminated over the network; stop its process instead";
    ApiError::typed(40_000, message).into_response()
}
