//! What the registry must know of the schemas' languages: is this a schema, and how does the
//! registry itself write it.

use crate::registry::{ResolvedSchema, SchemaType};
use crate::{avro, json_sr, protobuf};

/// The schema as the registry keeps it, so that one schema written in two ways is one schema.
pub fn canonical(schema: &ResolvedSchema) -> Result<String, String> {
    let text = schema.text.schema.as_str();
    match schema.text.schema_type {
        SchemaType::Avro => avro::schema::canonical(text, &schema.references),
        SchemaType::Json => json_sr::schema::canonical(text),
        SchemaType::Protobuf => {
            protobuf::compile(text, &schema.references)?;
            Ok(text.to_string())
        }
    }
}

/// A `.proto` text without its comments and the white space around its words.
pub(crate) fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            c if c.is_whitespace() => c.len_utf8(),
            c if c.is_alphanumeric() || c == '_' || c == '.' => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
                let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                if out.ends_with(is_word) {
                    out.push(' ');
                }
                out.push_str(&rest[..end]);
                end
            }
            '"' | '\'' => {
                // A text, to its closing quote.
                let mut escaped = false;
                let end = rest[1..].find(|d| {
                    let closes = d == c && !escaped;
                    escaped = d == '\\' && !escaped;
                    closes
                });
                let end = end.map_or(rest.len(), |end| end + 2);
                out.push_str(&rest[..end]);
                end
            }
            c => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_white_space_do_not_count() {
        let a = "syntax = \"proto3\"; // c\nmessage M {\n  string a = 1; /* d */\n}\n";
        let b = "syntax=\"proto3\";message M{string a=1;}";
        assert_eq!(words(a), words(b));
        assert_ne!(words("int32 a"), words("int32a"));
    }
}
