//! Functions of URLs, taken apart as Java's `URI` does it.

use model::Value;

use super::Eval::Rows;
use super::units::text;
use super::{Call, Overload, ScalarFunction, of};
use crate::Doc;

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "URL", example }, overloads }
}

fn string(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::String)
}

pub(super) const URL_DECODE_PARAM: ScalarFunction = function(
    "URL_DECODE_PARAM",
    "The text that was encoded for the query of a URL.",
    ("URL_DECODE_PARAM('a+b%26c')", "a b&c"),
    &[of("URL_DECODE_PARAM(input VARCHAR) -> VARCHAR", Rows(decode_param))],
);

fn decode_param(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(input) = text(&args[0]) else { return Ok(Value::Null) };
    form_decode(input).map(Value::String)
}

fn form_decode(input: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(input.len());
    let mut rest = input.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let pair = rest.get(..2).ok_or("a % at the end is not followed by two digits")?;
                let digits = std::str::from_utf8(pair).ok();
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.push(byte.ok_or("a % is not followed by two hexadecimal digits")?);
                rest = &rest[2..];
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) const URL_ENCODE_PARAM: ScalarFunction = function(
    "URL_ENCODE_PARAM",
    "The text encoded for the query of a URL.",
    ("URL_ENCODE_PARAM('a b&c')", "a+b%26c"),
    &[of("URL_ENCODE_PARAM(input VARCHAR) -> VARCHAR", Rows(encode_param))],
);

fn encode_param(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let Some(input) = text(&args[0]) else { return Ok(Value::Null) };
    let mut out = String::with_capacity(input.len());
    for byte in input.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(Value::String(out))
}

/// The parts of a URI, still encoded.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uri<'a> {
    scheme: Option<&'a str>,
    /// Of an authority of the form `user@host:port` only.
    host: Option<&'a str>,
    port: Option<i32>,
    path: Option<&'a str>,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Uri<'a> {
    /// Takes a URI apart; an error says what is wrong.
    fn parse(input: &'a str) -> Result<Self, String> {
        let wrong = |what: &str| format!("'{input}' is not a URL: {what}");
        check_characters(input).map_err(|c| wrong(&format!("illegal character {c:?}")))?;
        let (rest, fragment) = split_at(input, '#');
        if fragment.is_some_and(|f| f.contains('#')) {
            return Err(wrong("two fragments"));
        }
        let scheme_end = rest.find([':', '/', '?']).filter(|at| rest[*at..].starts_with(':'));
        let mut uri = Uri { fragment, ..Uri::default() };
        let mut rest = rest;
        if let Some(end) = scheme_end {
            let scheme = &rest[..end];
            let mut letters = scheme.chars();
            let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic());
            if !first || !letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
                return Err(wrong("illegal scheme"));
            }
            uri.scheme = Some(scheme);
            rest = &rest[end + 1..];
            if rest.is_empty() {
                return Err(wrong("nothing follows the scheme"));
            }
            if !rest.starts_with('/') {
                return Ok(uri); // Opaque, like mailto:a@b.
            }
        }
        let (hierarchy, query) = split_at(rest, '?');
        uri.query = query;
        uri.path = Some(hierarchy);
        if let Some(after) = hierarchy.strip_prefix("//") {
            let end = after.find('/').unwrap_or(after.len());
            uri.path = Some(&after[end..]);
            match &after[..end] {
                "" if after.is_empty() && query.is_none() => {
                    return Err(wrong("no authority"));
                }
                "" => {}
                authority => (uri.host, uri.port) = server(authority),
            }
        }
        Ok(uri)
    }
}

fn split_at(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// The characters that may stand in a URI: ASCII by its rules, all others but spaces and controls.
fn check_characters(input: &str) -> Result<(), char> {
    let mut rest = input;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let legal = match c {
            '%' => {
                let digits = rest.as_bytes().get(..2);
                digits.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
            }
            c if c.is_ascii() => c.is_ascii_alphanumeric() || "-_.!~*'();/?:@&=+$,[]#".contains(c),
            c => !c.is_whitespace() && !c.is_control(),
        };
        if !legal {
            return Err(c);
        }
    }
    Ok(())
}

/// Host and port, if the authority names a server.
fn server(authority: &str) -> (Option<&str>, Option<i32>) {
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    let (host, port) = match address.find(']') {
        Some(end) if address.starts_with('[') => (&address[..=end], &address[end + 1..]),
        _ => address.find(':').map_or((address, ""), |at| address.split_at(at)),
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some("") => None,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse() {
            Ok(port) => Some(port),
            Err(_) => return (None, None),
        },
        _ => return (None, None),
    };
    if host.starts_with('[') || is_host_name(host) { (Some(host), port) } else { (None, None) }
}

fn is_host_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.split('.').all(|part| part.parse::<u8>().is_ok());
    if address && host.split('.').count() == 4 {
        return true;
    }
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.split('.').all(label) && last.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A part with `%` escapes decoded.
fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn part(args: &[Value], pick: impl FnOnce(&Uri<'_>) -> Value) -> Result<Value, String> {
    let Some(input) = text(&args[0]) else { return Ok(Value::Null) };
    Uri::parse(input).map(|uri| pick(&uri))
}

pub(super) const URL_EXTRACT_FRAGMENT: ScalarFunction = function(
    "URL_EXTRACT_FRAGMENT",
    "What follows the # of a URL.",
    ("URL_EXTRACT_FRAGMENT('http://a.b/c?d=e#f')", "f"),
    &[of("URL_EXTRACT_FRAGMENT(input VARCHAR) -> VARCHAR", Rows(fragment))],
);

fn fragment(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    part(args, |uri| string(uri.fragment.map(decoded)))
}

pub(super) const URL_EXTRACT_HOST: ScalarFunction = function(
    "URL_EXTRACT_HOST",
    "The host of a URL.",
    ("URL_EXTRACT_HOST('http://a.b:80/c')", "a.b"),
    &[of("URL_EXTRACT_HOST(input VARCHAR) -> VARCHAR", Rows(host))],
);

fn host(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    part(args, |uri| string(uri.host.map(str::to_string)))
}

pub(super) const URL_EXTRACT_PARAMETER: ScalarFunction = function(
    "URL_EXTRACT_PARAMETER",
    "The value of a parameter in the query of a URL; the first one, if it is there more often.",
    ("URL_EXTRACT_PARAMETER('http://a.b/c?d=e&f=g', 'f')", "g"),
    &[of("URL_EXTRACT_PARAMETER(input VARCHAR, paramToFind VARCHAR) -> VARCHAR", Rows(parameter))],
);

fn parameter(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(input), wanted) = (text(&args[0]), text(&args[1])) else { return Ok(Value::Null) };
    let query = Uri::parse(input)?.query.map(decoded);
    let found = query.as_deref().unwrap_or_default().split('&').find_map(|pair| {
        let (name, value) = split_at(pair, '=');
        (Some(name) == wanted).then(|| value.map(str::to_string))
    });
    Ok(string(found.flatten()))
}

pub(super) const URL_EXTRACT_PATH: ScalarFunction = function(
    "URL_EXTRACT_PATH",
    "The path of a URL.",
    ("URL_EXTRACT_PATH('http://a.b/c/d?e')", "/c/d"),
    &[of("URL_EXTRACT_PATH(input VARCHAR) -> VARCHAR", Rows(path))],
);

fn path(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    part(args, |uri| string(uri.path.map(decoded)))
}

pub(super) const URL_EXTRACT_PORT: ScalarFunction = function(
    "URL_EXTRACT_PORT",
    "The port of a URL; NULL if it names none.",
    ("URL_EXTRACT_PORT('http://a.b:8080/c')", "8080"),
    &[of("URL_EXTRACT_PORT(input VARCHAR) -> INT", Rows(port))],
);

fn port(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    part(args, |uri| uri.port.map_or(Value::Null, Value::Integer))
}

pub(super) const URL_EXTRACT_PROTOCOL: ScalarFunction = function(
    "URL_EXTRACT_PROTOCOL",
    "The protocol of a URL.",
    ("URL_EXTRACT_PROTOCOL('http://a.b/c')", "http"),
    &[of("URL_EXTRACT_PROTOCOL(input VARCHAR) -> VARCHAR", Rows(protocol))],
);

fn protocol(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    part(args, |uri| string(uri.scheme.map(str::to_string)))
}

pub(super) const URL_EXTRACT_QUERY: ScalarFunction = function(
    "URL_EXTRACT_QUERY",
    "The query of a URL: what follows the ?.",
    ("URL_EXTRACT_QUERY('http://a.b/c?d=e#f')", "d=e"),
    &[of("URL_EXTRACT_QUERY(input VARCHAR) -> VARCHAR", Rows(query))],
);

fn query(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    part(args, |uri| string(uri.query.map(decoded)))
}
