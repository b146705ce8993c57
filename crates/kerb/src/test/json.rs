//! JSON as test files have it: with comments, and with numbers kept to the digit.

use serde_json::Value;

/// Reads a text that may have `//` and `/* */` comments.
pub(crate) fn parse(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&without_comments(text)))
}

/// The text without its comments; what stands in quotes stays.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_quoted = false;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '\\' if is_quoted => {
                let length = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            '"' => {
                is_quoted = !is_quoted;
                None
            }
            '/' if !is_quoted && rest.starts_with("//") => Some(rest.find('\n')),
            '/' if !is_quoted && rest.starts_with("/*") => Some(rest.find("*/").map(|at| at + 2)),
            _ => None,
        };
        match skipped {
            Some(end) => rest = &rest[end.unwrap_or(rest.len())..],
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

/// The text of a string, the digits of a number, `true` or `false`; otherwise the JSON itself.
pub(crate) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_left_out_and_numbers_keep_their_digits() {
        let text = "{ // a \"word\"\n \"a//b\": 1.50, /* x */ \"c\\\"/*\": 1.0E10 }";
        let value = parse(text).expect("JSON");
        assert_eq!(value["a//b"].to_string(), "1.50");
        assert_eq!(value["c\"/*"].to_string().to_uppercase().replace('+', ""), "1.0E10");
    }
}
