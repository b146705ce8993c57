//! How far commands have come, and whether a property may be set.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{Api, json as answer};
use crate::error::ApiError;

pub(super) async fn all(State(api): State<Api>, request: Request) -> Response {
    let statuses = api.engine.command_statuses();
    let statuses: Map<String, Value> =
        statuses.into_iter().map(|s| (s.command_id, s.state.name().into())).collect();
    answer(request.headers(), &json!({ "commandStatuses": statuses }))
}

pub(super) async fn one(
    State(api): State<Api>,
    Path((kind, entity, action)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    const KINDS: [&str; 7] =
        ["topic", "stream", "table", "function", "terminate", "type", "cluster"];
    const ACTIONS: [&str; 5] = ["create", "drop", "execute", "alter", "terminate"];
    let known = |word: &str, list: &[&str]| list.iter().any(|w| w.eq_ignore_ascii_case(word));
    if !known(&kind, &KINDS) || !known(&action, &ACTIONS) {
        let message = format!("'{kind}' or '{action}' is not a kind of command");
        return ApiError::untyped(50_000, message).into_response();
    }
    match api.engine.command_status(&format!("{kind}/{entity}/{action}")) {
        Some(status) => {
            let status = json!({
                "status": status.state.name(),
                "message": status.message,
                "queryId": status.query_id,
            });
            answer(request.headers(), &status)
        }
        None => ApiError::typed(40_400, "Command not found").into_response(),
    }
}

pub(super) async fn is_valid_property(
    State(api): State<Api>,
    Path(property): Path<String>,
    request: Request,
) -> Response {
    match api.engine.check_property(&property) {
        Ok(()) => answer(request.headers(), &Value::Bool(true)),
        Err(error) => ApiError::from(error).into_response(),
    }
}
