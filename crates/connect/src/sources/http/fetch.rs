//! One request for a document: conditional, with secrets, bounded in time and size.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use model::{Clock, TimestampMs};
use reqwest::header::{
    CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    LAST_MODIFIED, RETRY_AFTER,
};
use reqwest::{Client, StatusCode, Url, redirect};

use super::position::Seen;
use crate::config::{ConfigError, Settings};
use crate::error::CreateError;
use crate::secret::{HIDDEN, Secret};
use crate::source::PollError;

/// How many redirects are followed.
const REDIRECTS_MAX: usize = 5;

/// What asks.
#[derive(Debug)]
pub(crate) struct Fetcher {
    client: Client,
    url: Address,
    headers: HeaderMap,
    user: Option<(Secret, Option<Secret>)>,
    conditional: bool,
    document_bytes_max: usize,
    clock: Arc<dyn Clock>,
}

/// Where the document is. It may have a key in it, so that it is not shown.
struct Address(Url);

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// What was answered, if it was an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http_status: u16,
    /// None: the document is what it was.
    pub(crate) body: Option<Bytes>,
    pub(crate) etag: Option<String>,
    pub(crate) last_modified: Option<String>,
    pub(crate) content_type: Option<String>,
}

impl Answer {
    /// When the server says the document last changed.
    pub(crate) fn modified_at(&self) -> Option<TimestampMs> {
        http_date(self.last_modified.as_deref()?)
    }
}

/// Checks address and headers.
pub(crate) fn check(settings: &Settings) -> Result<(), ConfigError> {
    url(settings)?;
    headers(settings)?;
    if settings.optional("auth.password").is_some() && settings.optional("auth.user").is_none() {
        return Err(ConfigError::new("auth.password", "needs an 'auth.user'"));
    }
    Ok(())
}

fn url(settings: &Settings) -> Result<Url, ConfigError> {
    // The address may have a secret in it, so that no error may show it.
    let problem = |what: &str| ConfigError::new("url", what);
    let url = Url::parse(settings.text("url"))
        .map_err(|error| problem(&format!("is not an address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(problem("must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem("must not have a user in it: use 'auth.user' and 'auth.password'"));
    }
    Ok(url)
}

fn headers(settings: &Settings) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in settings.prefixed("header.") {
        let key = || format!("header.{name}");
        let parsed = HeaderName::try_from(name.as_str())
            .map_err(|_| ConfigError::new(key(), "is not the name of a header"))?;
        let mut value = HeaderValue::try_from(value.reveal())
            .map_err(|_| ConfigError::new(key(), "has a value that no header can have"))?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}

impl Fetcher {
    pub(crate) fn new(
        connector: &str,
        clock: Arc<dyn Clock>,
        settings: &Settings,
    ) -> Result<Self, CreateError> {
        let headers = headers(settings)?;
        let user =
            settings.secret("auth.user").map(|user| (user, settings.secret("auth.password")));
        let has_secrets = !headers.is_empty() || user.is_some();
        let client = Client::builder()
            .user_agent(concat!("kerb/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.duration("timeout.connect"))
            .timeout(settings.duration("timeout.total"))
            .redirect(redirects(has_secrets))
            // It would tell another host the whole address, and with it a key in it.
            .referer(false)
            .build()
            .map_err(|error| CreateError::Client {
                name: connector.to_owned(),
                reason: error.without_url().to_string(),
            })?;
        Ok(Self {
            client,
            url: Address(url(settings)?),
            headers,
            user,
            conditional: settings.flag("conditional"),
            document_bytes_max: settings.number("document.max") as usize,
            clock,
        })
    }

    /// Asks for the document, unless it is still what was `seen`.
    pub(crate) async fn fetch(&self, seen: &Seen) -> Result<Answer, PollError> {
        let mut request = self.client.get(self.url.0.clone()).headers(self.headers.clone());
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user.reveal(), password.as_ref().map(Secret::reveal));
        }
        if self.conditional {
            if let Some(etag) = &seen.etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(last_modified) = &seen.last_modified {
                request = request.header(IF_MODIFIED_SINCE, last_modified);
            }
        }
        let mut response = request.send().await.map_err(not_connected)?;
        let status = response.status();
        let text =
            |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let mut answer = Answer {
            http_status: status.as_u16(),
            body: None,
            etag: text(ETAG),
            last_modified: text(LAST_MODIFIED),
            content_type: text(CONTENT_TYPE),
        };
        if status == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        if !status.is_success() {
            // A date is by the server's own idea of now.
            let now = text(DATE).as_deref().and_then(http_date);
            let now = now.unwrap_or_else(|| self.clock.now());
            return Err(refused(status, text(RETRY_AFTER).as_deref(), now));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(not_connected)? {
            if body.len() + chunk.len() > self.document_bytes_max {
                return Err(PollError::Rejected {
                    what: format!(
                        "the document is larger than {} bytes ('document.max')",
                        self.document_bytes_max
                    ),
                    http_status: Some(answer.http_status),
                });
            }
            body.extend_from_slice(&chunk);
        }
        answer.body = Some(body.freeze());
        Ok(answer)
    }
}

/// Follows a few redirects; with secrets only to the same scheme, host and port: who listens on
/// another port of a host may be somebody else.
fn redirects(has_secrets: bool) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| {
        let from = attempt.previous().last();
        let is_same = from.is_none_or(|from| from.origin() == attempt.url().origin());
        if attempt.previous().len() > REDIRECTS_MAX {
            attempt.error("too many redirects")
        } else if has_secrets && !is_same {
            attempt.error(
                "redirected to another scheme, host or port, which may not see this connector's \
                 secrets; if it is to be trusted, write its address into 'url'",
            )
        } else {
            attempt.follow()
        }
    })
}

/// A request that was not answered (to the end).
fn not_connected(error: reqwest::Error) -> PollError {
    if error.is_redirect() {
        return PollError::Rejected { what: innermost(&error.without_url()), http_status: None };
    }
    let what = if error.is_timeout() {
        "no answer in time ('timeout.connect', 'timeout.total')".to_owned()
    } else {
        innermost(&error.without_url())
    };
    PollError::NotConnected { what }
}

/// The cause of all causes: "connection refused" rather than "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn refused(status: StatusCode, retry_after: Option<&str>, now: TimestampMs) -> PollError {
    let http_status = Some(status.as_u16());
    let what = match status.canonical_reason() {
        Some(reason) => format!("HTTP {} {reason}", status.as_u16()),
        None => format!("HTTP {}", status.as_u16()),
    };
    let passes = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    if passes {
        let after = retry_after.and_then(|text| parse_retry_after(text, now));
        PollError::Retry { after, what, http_status }
    } else {
        PollError::Rejected { what, http_status }
    }
}

/// Seconds, or a date.
fn parse_retry_after(text: &str, now: TimestampMs) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let wait_ms = http_date(text)?.0.saturating_sub(now.0);
    Some(Duration::from_millis(wait_ms.max(0) as u64))
}

fn http_date(text: &str) -> Option<TimestampMs> {
    let parsed = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(TimestampMs(parsed.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_may_be_in_seconds_or_until_a_date() {
        let now = http_date("Wed, 21 Oct 2015 07:28:00 GMT").expect("a date");
        let check = |text: &str, seconds: Option<u64>| {
            let expect = seconds.map(Duration::from_secs);
            assert_eq!(parse_retry_after(text, now), expect, "{text}");
            for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE] {
                assert_eq!(refused(status, Some(text), now).retry_after(), expect, "{text}");
            }
        };
        check("120", Some(120));
        check(" Wed, 21 Oct 2015 07:30:00 GMT", Some(120));
        check("Wed, 21 Oct 2015 07:00:00 GMT", Some(0));
        check("-1", None);
        check("soon", None);
    }
}
