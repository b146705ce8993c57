//! Which path is whose: one list. Paths with double or trailing slashes are as good as the plain
//! ones.

mod close_query;
mod info;
mod inserts;
mod ksql;
mod query;
mod status;
mod topics;
mod ws_query;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, Method, StatusCode, Uri};
use stream::Engine;

use crate::accept::{Accepted, Media, negotiate};

/// What handlers need.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub engine: Engine,
    /// Names this server to clients: `default_`.
    pub service_id: String,
}

/// The routes of the REST API.
pub fn router(api: Api) -> Router {
    let routes = Router::new()
        .route("/", get(info::redirect))
        .route("/info", get(info::info))
        .route("/healthcheck", get(info::healthcheck))
        .route("/chc/ready", get(info::empty))
        .route("/chc/live", get(info::empty))
        .route("/v1/metadata", get(info::metadata))
        .route("/v1/metadata/id", get(info::cluster_id))
        .route("/ws/query", get(ws_query::query))
        .route("/clusterStatus", get(info::no_heartbeats))
        .route("/heartbeat", post(info::no_heartbeats))
        .route("/lag", post(info::no_heartbeats))
        .route("/status", get(status::all))
        .route("/status/{kind}/{entity}/{action}", get(status::one))
        .route("/is_valid_property/{property}", get(status::is_valid_property))
        .route("/ksql", post(ksql::statements))
        .route("/ksql/terminate", post(ksql::terminate))
        .route("/query", post(query::query))
        .route("/query-stream", post(query::query_stream))
        .route("/close-query", post(close_query::close))
        .route("/inserts-stream", post(inserts::inserts))
        .route("/kerb/v1/topics", get(topics::list))
        .route("/kerb/v1/topics/{topic}/records", post(topics::produce))
        .route("/kerb/v1/topics/{topic}/partitions/{partition}/records", get(topics::read))
        .route("/kerb/v1/topics/{topic}/partitions/{partition}/offset", get(topics::offset_at))
        .route("/kerb/v1/groups/{group}/offsets", get(topics::committed).post(topics::commit))
        .fallback(async || not_found())
        .method_not_allowed_fallback(async || not_found())
        .with_state(api);
    // Paths are tidied ahead of the routes, so the routes are what follows in another router.
    Router::new().fallback_service(routes).layer(from_fn(tidy_path))
}

/// Removes double and trailing slashes, and refuses methods the server does not know.
async fn tidy_path(mut request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::POST | Method::PUT | Method::DELETE) {
        return not_found();
    }
    let path = request.uri().path();
    if path.contains("//") || (path.len() > 1 && path.ends_with('/')) {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let query = request.uri().query().map(|q| format!("?{q}")).unwrap_or_default();
        if let Ok(uri) = format!("/{}{query}", parts.join("/")).parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    next.run(request).await
}

/// The answer to a path, method or `Accept` that the server does not have.
fn not_found() -> Response {
    let mut response = Response::new(Body::from("Not Found"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// A JSON answer, for those who accept one.
fn json(headers: &HeaderMap, value: &serde_json::Value) -> Response {
    if negotiate(headers, &[Media::KsqlJson, Media::Json]) == Accepted::Nothing {
        return not_found();
    }
    with_type(Body::from(value.to_string()), Media::Json.name())
}

fn with_type(body: Body, media: &'static str) -> Response {
    let mut response = Response::new(body);
    let media = http::HeaderValue::from_static(media);
    response.headers_mut().insert(http::header::CONTENT_TYPE, media);
    response
}

/// Runs something that may wait for the disk away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, crate::error::ApiError> {
    let internal =
        |_| crate::error::ApiError::typed(50_000, "The server made a mistake; see its log");
    tokio::task::spawn_blocking(work).await.map_err(internal)
}
