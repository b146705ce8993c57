//! Java's syntax of regular expressions, translated to that of the `regex` crates.
//!
//! `\d`, `\w` and `\s` are ASCII in Java, as are the POSIX classes (`\p{Alpha}`); `\Q…\E` quotes;
//! `.` is no line break of any kind.

/// The pattern with the same meaning.
pub(super) fn translate(java: &str) -> String {
    let mut out = String::with_capacity(java.len() + 8);
    let mut rest = java;
    let mut class_depth = 0;
    let dot_all = java.contains("(?s") || java.contains("(?is");
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = escape(rest, class_depth > 0, &mut out),
            '[' => {
                class_depth += 1;
                out.push('[');
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                // A bracket or hyphen at the beginning stands for itself.
                if let Some(after) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = after;
                }
            }
            ']' if class_depth > 0 => {
                class_depth -= 1;
                out.push(']');
            }
            '.' if class_depth == 0 && !dot_all => {
                out.push_str(r"[^\n\r\u{85}\u{2028}\u{2029}]");
            }
            '~' if class_depth > 0 => out.push_str("\\~"),
            '-' if class_depth > 0 && rest.starts_with('-') => out.push_str("\\-"),
            c => out.push(c),
        }
    }
    out
}

/// Translates what follows a backslash and returns what comes after it.
fn escape<'a>(rest: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let after = &rest[c.len_utf8()..];
    let class = |inside: &str, outside: &str| {
        if in_class { inside.to_string() } else { outside.to_string() }
    };
    let translated = match c {
        'd' => class("0-9", "[0-9]"),
        'D' => "[^0-9]".to_string(),
        'w' => class("a-zA-Z0-9_", "[a-zA-Z0-9_]"),
        'W' => "[^a-zA-Z0-9_]".to_string(),
        's' => class(r" \t\n\x0B\f\r", r"[ \t\n\x0B\f\r]"),
        'S' => r"[^ \t\n\x0B\f\r]".to_string(),
        'h' => {
            class(r" \t\xA0", r"[ \t\xA0\u{1680}\u{180e}\u{2000}-\u{200a}\u{202f}\u{205f}\u{3000}]")
        }
        'R' => r"(?:\r\n|[\n\x0B\f\r\x85\u{2028}\u{2029}])".to_string(),
        'Z' => r"(?=\n?\z)".to_string(),
        'e' => r"\x1B".to_string(),
        'Q' => {
            let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            return after;
        }
        'E' => String::new(),
        'u' if after.len() >= 4 && after.is_char_boundary(4) => {
            out.push_str(&format!("\\u{{{}}}", &after[..4]));
            return &after[4..];
        }
        'p' | 'P' if after.starts_with('{') => {
            let end = after.find('}').map_or(after.len(), |end| end + 1);
            out.push_str(&property(&after[..end], c == 'P', in_class));
            return &after[end..];
        }
        c => format!("\\{c}"),
    };
    out.push_str(&translated);
    after
}

/// `{Alpha}` and its kin are ASCII; `{IsLatin}` and `{InGreek}` lose their prefix.
fn property(braced: &str, negated: bool, in_class: bool) -> String {
    let name = braced.trim_matches(['{', '}']);
    let ascii = match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-~",
        "Graph" => "!-~",
        "Print" => " -~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => r" \t\n\x0B\f\r",
        other => {
            let name = other.strip_prefix("Is").or(other.strip_prefix("java")).unwrap_or(other);
            let name = match name {
                "LowerCase" => "Lowercase",
                "UpperCase" => "Uppercase",
                "LetterOrDigit" => "Alphabetic",
                name => name,
            };
            return format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
        }
    };
    match (negated, in_class) {
        (true, _) => format!("[^{ascii}]"),
        (false, true) => ascii.to_string(),
        (false, false) => format!("[{ascii}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_classes_are_ascii() {
        assert_eq!(translate(r"\d+[\w-]"), "[0-9]+[a-zA-Z0-9_-]");
        assert_eq!(translate(r"\p{Alpha}\p{Lu}[\p{Digit}x]"), r"[a-zA-Z]\p{Lu}[0-9x]");
        assert_eq!(translate(r"(?s)\Qa.b\E."), r"(?s)a\.b.");
        assert_eq!(translate("a."), r"a[^\n\r\u{85}\u{2028}\u{2029}]");
        assert_eq!(translate(r"(?<=a)b\\"), r"(?<=a)b\\");
        assert_eq!(translate("[]a]"), r"[\]a]");
        assert_eq!(translate("["), "[");
    }
}
