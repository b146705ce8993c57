//! A request's body: bounded, and read as leniently as the real server reads it (unknown fields are
//! ignored, a repeated field's last value wins, text behind the object and a byte order mark do not
//! matter, numbers are as good as texts).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::{Map, Value};
use stream::{Engine, Request};

use crate::error::ApiError;

/// The largest body of a request that is read as a whole.
pub const BODY_BYTES_MAX: usize = 16 << 20;

/// How often it is looked whether a command has been carried out.
const COMMAND_LOOK: Duration = Duration::from_millis(50);
/// How many times.
const COMMAND_LOOKS: u32 = 100;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The JSON object in a body.
pub async fn object(body: Body) -> Result<Map<String, Value>, ApiError> {
    object_of(&whole(body).await?)
}

/// All of a body: bounded in size and in the time it may take. Every handler that reads a body to
/// its end does it here.
pub async fn whole(body: Body) -> Result<Bytes, ApiError> {
    let body = Limited::new(body, BODY_BYTES_MAX).collect();
    let Ok(body) = tokio::time::timeout(BODY_TIMEOUT, body).await else {
        return Err(ApiError::untyped(40_800, "the request did not arrive in time"));
    };
    match body {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the request is larger than {} MiB", BODY_BYTES_MAX >> 20);
            Err(ApiError::untyped(41_300, message))
        }
        Err(_) => Err(ApiError::untyped(40_000, "the request broke off")),
    }
}

/// The JSON object in these bytes.
pub fn object_of(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::untyped(40_000, "Invalid JSON in request: there is no body"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match Value::deserialize(&mut reader) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(ApiError::untyped(40_000, "Invalid JSON in request: not an object")),
        Err(error) => Err(ApiError::untyped(40_000, format!("Invalid JSON in request: {error}"))),
    }
}

/// A text field; numbers and truths are taken as their texts, null as absent.
pub fn text(object: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => scalar(value).map(Some).ok_or_else(|| wrong_kind(name, "a text")),
    }
}

/// A field that maps names to texts; absent and null are empty, a null value is refused.
pub fn texts(
    object: &Map<String, Value>,
    name: &str,
) -> Result<BTreeMap<String, String>, ApiError> {
    let map = match object.get(name) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(wrong_kind(name, "an object")),
    };
    map.iter()
        .map(|(key, value)| match (value, scalar(value)) {
            (_, Some(text)) => Ok((key.clone(), text)),
            (Value::Null, _) => {
                let message = format!("Invalid JSON in request: '{key}' in '{name}' is null");
                Err(ApiError::untyped(40_000, message))
            }
            _ => Err(wrong_kind(key, "a text")),
        })
        .collect()
}

/// The statements in `text_field` with the session that comes with them.
pub fn request(
    object: &Map<String, Value>,
    text_field: &str,
    properties_field: &str,
    with_variables: bool,
) -> Result<Option<Request>, ApiError> {
    let properties = texts(object, properties_field)?;
    let variables =
        if with_variables { texts(object, "sessionVariables")? } else { BTreeMap::new() };
    let text = text(object, text_field)?;
    Ok(text.map(|text| Request { text, properties, variables, ..Request::default() }))
}

/// Waits until the command that the request follows (`commandSequenceNumber`) is carried out, a few
/// seconds at the most.
pub async fn wait_for_command(
    engine: &Engine,
    object: &Map<String, Value>,
) -> Result<(), ApiError> {
    let Some(wanted) = object.get("commandSequenceNumber").and_then(Value::as_i64) else {
        return Ok(());
    };
    let mut looks = tokio::time::interval(COMMAND_LOOK);
    for _ in 0..COMMAND_LOOKS {
        if engine.command_sequence() >= wanted {
            return Ok(());
        }
        looks.tick().await;
    }
    let message = format!(
        "Timed out while waiting for a previous command to execute. \
         command sequence number: {wanted}"
    );
    Err(ApiError::typed(50_301, message))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn wrong_kind(name: &str, wanted: &str) -> ApiError {
    ApiError::untyped(40_000, format!("Invalid JSON in request: '{name}' must be {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: &'static str) -> Result<Map<String, Value>, ApiError> {
        object(Body::from(body)).await
    }

    #[tokio::test]
    async fn bodies_are_read_leniently() {
        let object =
            read("\u{feff}{\"ksql\":1,\"ksql\":42,\"x\":{}} trailing").await.expect("read");
        assert_eq!(text(&object, "ksql").expect("a text").as_deref(), Some("42"));
        assert_eq!(text(&object, "sql").expect("nothing"), None);
    }

    #[tokio::test]
    async fn what_is_no_object_is_refused() {
        for body in ["[]", "SELECT 1;", "", "null"] {
            let error = read(body).await.expect_err(body);
            assert_eq!(error.to_json()["error_code"], 40_000, "{body}");
        }
    }
}
