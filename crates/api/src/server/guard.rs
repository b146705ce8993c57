//! Keeps web pages out: a server on loopback has no password, but the browser of whoever sits at
//! the machine reaches it, and a page may send it requests without being asked anything first.
//!
//! A request that a browser makes for a page names the page's `Origin`: it must be this server's
//! own. A page can also have its own name resolve to 127.0.0.1 (DNS rebinding): its requests then
//! carry that name as `Host`, so a server on loopback answers only to the names of loopback.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use http::uri::{Authority, Uri};

use crate::error::ApiError;

/// Where a server listens, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only this machine.
    Loopback,
    /// Others, too, by whatever name.
    Network,
}

impl Reach {
    pub(super) fn of(address: IpAddr) -> Self {
        if address.is_loopback() { Reach::Loopback } else { Reach::Network }
    }
}

/// Lets a request through, or refuses it with 403.
pub(super) async fn check(State(reach): State<Reach>, request: Request, next: Next) -> Response {
    match refusal(reach, request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(reason) => ApiError::typed(40_300, reason).into_response().into_response(),
    }
}

/// Why a request is not answered; `None`: it is.
fn refusal(reach: Reach, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    // In HTTP/2 the name is part of the target.
    let host = uri.authority().cloned();
    let host = host.or_else(|| text(HOST).and_then(|host| host.parse::<Authority>().ok()));
    if reach == Reach::Loopback
        && let Some(host) = &host
        && !is_loopback(host.host())
    {
        return Some(format!(
            "this server listens on loopback and does not answer to the name '{}'; a proxy in front of \
             it must send 'Host: localhost'",
            host.host()
        ));
    }
    let origin = text(ORIGIN)?;
    let own = origin.parse::<Uri>().ok().and_then(|origin| origin.authority().cloned());
    if own.is_some() && own == host {
        return None;
    }
    Some(format!("requests of web pages from '{origin}' are not answered, only this server's own"))
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_answered(reach: Reach, target: &str, host: Option<&str>, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in [(HOST, host), (ORIGIN, origin)] {
            value.map(|value| headers.insert(name, value.parse().expect("a header")));
        }
        refusal(reach, &target.parse().expect("a target"), &headers).is_none()
    }

    #[test]
    fn loopback_answers_to_its_own_names_only() {
        for host in ["127.0.0.1:8088", "localhost:8088", "[::1]:8088", "LOCALHOST", "127.9.9.9"] {
            assert!(is_answered(Reach::Loopback, "/ksql", Some(host), None), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:8088", "10.0.0.1", "[::2]:1"] {
            assert!(!is_answered(Reach::Loopback, "/ksql", Some(host), None), "{host}");
            assert!(is_answered(Reach::Network, "/ksql", Some(host), None), "{host}");
        }
        assert!(is_answered(Reach::Loopback, "/ksql", None, None), "HTTP/1.0");
        assert!(!is_answered(Reach::Loopback, "http://evil.example/ksql", None, None), "HTTP/2");
    }

    #[test]
    fn pages_of_others_are_refused_wherever_it_listens() {
        let host = Some("localhost:8088");
        assert!(is_answered(Reach::Loopback, "/ksql", host, Some("http://localhost:8088")));
        for origin in ["https://evil.example", "null", "http://localhost:9999", "x y"] {
            assert!(!is_answered(Reach::Loopback, "/ksql", host, Some(origin)), "{origin}");
            assert!(!is_answered(Reach::Network, "/ksql", Some("kerb.city"), Some(origin)));
        }
    }
}
