//! Which of the media types a route offers a client accepts.

use http::HeaderMap;
use http::header::ACCEPT;

/// The protocol's media types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/vnd.ksql.v1+json`
    KsqlJson,
    /// `application/json`
    Json,
    /// `application/vnd.ksqlapi.delimited.v1`
    Delimited,
    /// `application/vnd.ksql.v1+protobuf`
    Protobuf,
}

impl Media {
    /// As it stands in headers.
    pub fn name(self) -> &'static str {
        match self {
            Media::KsqlJson => "application/vnd.ksql.v1+json",
            Media::Json => "application/json",
            Media::Delimited => "application/vnd.ksqlapi.delimited.v1",
            Media::Protobuf => "application/vnd.ksql.v1+protobuf",
        }
    }
}

/// What a client's `Accept` headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// There is none, or an empty one.
    Anything,
    /// The first of the offered types that is accepted, wildcards included.
    One(Media),
    /// None of the offered types.
    Nothing,
}

/// Matches `offered` (in the server's order) against the `Accept` headers: the client's preference
/// by `q`, then its order; a wildcard takes the first offered type that it covers.
pub fn negotiate(headers: &HeaderMap, offered: &[Media]) -> Accepted {
    let values = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut ranges: Vec<(f32, String)> = values
        .flat_map(|v| v.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().filter(|n| !n.is_empty())?.to_ascii_lowercase();
            let quality = parts.find_map(|p| p.strip_prefix("q=")?.parse().ok());
            Some((quality.unwrap_or(1.0), name))
        })
        .collect();
    if ranges.is_empty() {
        return Accepted::Anything;
    }
    ranges.retain(|(quality, _)| *quality > 0.0);
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, range) in &ranges {
        if let Some(media) = offered.iter().find(|m| covers(range, m.name())) {
            return Accepted::One(*media);
        }
    }
    Accepted::Nothing
}

fn covers(range: &str, name: &str) -> bool {
    match range.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => name.split('/').next() == Some(kind),
        _ => range == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [Media; 2] = [Media::KsqlJson, Media::Json];

    fn check(accept: &[&'static str], expect: Accepted) {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(ACCEPT, http::HeaderValue::from_static(value));
        }
        assert_eq!(negotiate(&headers, &OFFERED), expect, "{accept:?}");
    }

    #[test]
    fn clients_get_what_they_accept() {
        check(&[], Accepted::Anything);
        check(&[""], Accepted::Anything);
        check(&["*/*"], Accepted::One(Media::KsqlJson));
        check(&["application/*"], Accepted::One(Media::KsqlJson));
        check(&["application/json; charset=utf-8"], Accepted::One(Media::Json));
        check(&["application/json;q=0.5, text/plain"], Accepted::One(Media::Json));
        check(&["text/html, */*;q=0.1"], Accepted::One(Media::KsqlJson));
        check(&["text/plain"], Accepted::Nothing);
        check(&["garbage"], Accepted::Nothing);
    }
}
