//! Paths into JSON: `/results`, `/a/b`. Arrays on the way are passed through, so that one path
//! serves documents with one element and with many.

use std::fmt;

use serde_json::Value as Json;

/// Names on the way from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<String>);

impl Path {
    /// Reads `/a/b`; `~1` in a name is a `/`, `~0` a `~`. The first `/` may be left out.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let inner = text.strip_prefix('/').unwrap_or(text);
        if inner.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<_> =
            inner.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
        if names.iter().any(String::is_empty) {
            return Err(format!("{text:?} is not a path such as /results or /data/items"));
        }
        Ok(Self(names))
    }

    /// All elements at this path, in order. Nulls are none.
    pub(crate) fn pick<'a>(&self, document: &'a Json) -> Vec<&'a Json> {
        let mut found = Vec::new();
        pick(&self.0, document, &mut found);
        found
    }

    /// The scalar at this path as text.
    pub(crate) fn text(&self, element: &Json) -> Option<String> {
        match self.pick(element).first()? {
            Json::String(text) => Some(text.clone()),
            Json::Number(_) | Json::Bool(_) => self.pick(element).first().map(|v| v.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }
}

fn pick<'a>(names: &[String], at: &'a Json, found: &mut Vec<&'a Json>) {
    match (at, names) {
        (Json::Array(elements), _) => elements.iter().for_each(|e| pick(names, e, found)),
        (Json::Null, []) => {}
        (element, []) => found.push(element),
        (Json::Object(members), [name, rest @ ..]) => {
            if let Some(member) = members.get(name) {
                pick(rest, member, found);
            }
        }
        (_, [_, ..]) => {}
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("/");
        }
        self.0.iter().try_for_each(|name| write!(f, "/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(path: &str, document: &Json, expect: &[&str]) {
        let path = Path::parse(path).expect("it is a path");
        let found: Vec<_> = path.pick(document).iter().map(|e| e.to_string()).collect();
        assert_eq!(found, expect, "{path}");
    }

    #[test]
    fn paths_pass_through_arrays() {
        let many = json!({"r": [{"x": [1, 2]}, {"x": 3}, {"y": 4}, null], "d2:a/b": {"c~": 5}});
        check("/r", &many, &[r#"{"x":[1,2]}"#, r#"{"x":3}"#, r#"{"y":4}"#]);
        check("/r/x", &many, &["1", "2", "3"]);
        check("r/y", &many, &["4"]);
        check("/d2:a~1b/c~0", &many, &["5"]);
        check("/nowhere", &many, &[]);
        check("/r/x/deeper", &many, &[]);
        check("/", &json!([1, 2]), &["1", "2"]);
        check("/", &json!([]), &[]);
    }

    #[test]
    fn a_path_with_a_gap_is_refused() {
        assert!(Path::parse("/a//b").is_err());
        assert!(Path::parse("/a/").is_err());
    }

    #[test]
    fn keys_are_scalars_as_text() {
        let text = |path: &str, element| Path::parse(path).expect("a path").text(&element);
        assert_eq!(text("/id", json!({"id": 7})).as_deref(), Some("7"));
        assert_eq!(text("/id", json!({"id": "P7"})).as_deref(), Some("P7"));
        assert_eq!(text("/id", json!({"id": {"a": 1}})), None);
        assert_eq!(text("/id", json!({})), None);
    }
}
