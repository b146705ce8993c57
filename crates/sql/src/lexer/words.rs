//! The words of the language, and which of them may be a name without quotes.
//!
//! The list decides what `SELECT AT FROM X` means, so it is ksqlDB's, to the word: a statement that
//! is refused there is refused here, and text is written back with quotes exactly where it needs
//! them.

/// Words with a meaning of their own that must be quoted to be a name, in order.
pub const RESERVED: &[&str] = &[
    "ADVANCE",
    "ALL",
    "AND",
    "AS",
    "AT",
    "BEGINNING",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CATALOG",
    "CONNECTOR",
    "CONNECTORS",
    "CREATE",
    "DAYS",
    "DECIMAL",
    "DELETE",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXISTS",
    "EXPORT",
    "EXTENDED",
    "FALSE",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "HOPPING",
    "HOURS",
    "IN",
    "INNER",
    "INSERT",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LIST",
    "LOAD",
    "MATERIALIZED",
    "MILLISECOND",
    "MILLISECONDS",
    "MINUTES",
    "MONTHS",
    "NAMESPACE",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "OUTER",
    "PAUSE",
    "PRINT",
    "PROPERTIES",
    "QUERIES",
    "QUERY",
    "RENAME",
    "RESUME",
    "RETENTION",
    "RIGHT",
    "RUN",
    "SAMPLE",
    "SCRIPT",
    "SECONDS",
    "SELECT",
    "SIZE",
    "STREAM",
    "STREAMS",
    "TABLE",
    "TERMINATE",
    "THEN",
    "TO",
    "TOPIC",
    "TOPICS",
    "TRUE",
    "TUMBLING",
    "UNSET",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
    "YEARS",
];

/// The words a statement begins with, the ones people write most first.
pub const STATEMENTS: &[&str] = &[
    "SELECT",
    "CREATE",
    "INSERT",
    "DROP",
    "SHOW",
    "LIST",
    "DESCRIBE",
    "PRINT",
    "EXPLAIN",
    "SET",
    "UNSET",
    "DEFINE",
    "UNDEFINE",
    "TERMINATE",
    "PAUSE",
    "RESUME",
    "ALTER",
    "ASSERT",
    "RUN",
];

/// Must this word, in any case, be quoted to be a name?
pub fn is_reserved(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    RESERVED.binary_search(&upper.as_str()).is_ok()
}

/// Does this name, in exactly this case, mean itself without quotes?
pub fn is_plain_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let Some(first) = bytes.first() else { return false };
    let word = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'@');
    if *first == b'@' || !bytes.iter().all(word) {
        return false;
    }
    // `12` and `1E5` are numbers.
    let number = first.is_ascii_digit()
        && bytes.iter().filter(|b| !b.is_ascii_digit()).count() <= 1
        && bytes.iter().all(|b| b.is_ascii_digit() || *b == b'E')
        && bytes.last().is_some_and(u8::is_ascii_digit);
    !number && !is_reserved(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_words_are_in_order() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn names_that_need_no_quotes() {
        for name in ["A", "_A1", "2ND", "ID", "KEY", "STRING", "1E", "1E5E", "SOURCE"] {
            assert!(is_plain_name(name), "{name}");
        }
        for name in ["", "a", "A B", "AT", "SECONDS", "12", "1E5", "A-B", "Ä", "@A"] {
            assert!(!is_plain_name(name), "{name}");
        }
    }
}
