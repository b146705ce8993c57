//! Who the server is and how it is.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Api, json as answer, with_type};
use crate::accept::Media;

/// The version of ksqlDB whose protocol is spoken, then ours. Clients read the first three numbers.
pub(super) const VERSION: &str = concat!("8.5.0-kerb-", env!("CARGO_PKG_VERSION"));

pub(super) async fn redirect() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/info"));
    response
}

pub(super) async fn info(State(api): State<Api>, request: Request) -> Response {
    let info = json!({ "KsqlServerInfo": {
        "version": VERSION,
        "kafkaClusterId": "kerb-embedded",
        "ksqlServiceId": api.service_id,
        "serverStatus": "RUNNING",
    }});
    answer(request.headers(), &info)
}

/// Unhealthy, with status 503, while the journal cannot be written to.
pub(super) async fn healthcheck(State(api): State<Api>, request: Request) -> Response {
    let is_healthy = api.engine.journal().health().is_ok();
    let kafka = json!({ "isHealthy": is_healthy });
    let healthy = json!({ "isHealthy": true });
    let health = json!({
        "isHealthy": is_healthy,
        "details": { "metastore": healthy, "kafka": kafka, "commandRunner": healthy },
        "serverState": "READY",
    });
    let mut response = answer(request.headers(), &health);
    if !is_healthy {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

pub(super) async fn empty(request: Request) -> Response {
    answer(request.headers(), &json!({}))
}

fn id(api: &Api) -> Value {
    json!({
        "scope": {
            "path": [],
            "clusters": { "kafka-cluster": "kerb-embedded", "ksql-cluster": api.service_id },
        },
        "id": "",
    })
}

pub(super) async fn metadata(State(api): State<Api>, request: Request) -> Response {
    answer(request.headers(), &json!({ "version": VERSION, "clusterId": id(&api) }))
}

pub(super) async fn cluster_id(State(api): State<Api>, request: Request) -> Response {
    answer(request.headers(), &id(&api))
}

/// Heartbeats between servers are off: there is one.
pub(super) async fn no_heartbeats() -> Response {
    let mut response = with_type(Body::empty(), Media::Json.name());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}
