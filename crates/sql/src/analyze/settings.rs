//! Properties of the server and the session that change what a statement means.

use std::collections::BTreeMap;

/// Properties as texts, the session's over the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// By name; a name may carry the prefix `ksql.streams.`.
    pub properties: BTreeMap<String, String>,
}

impl Settings {
    /// The value of a property, with or without the prefix `ksql.streams.`.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self
            .properties
            .get(name)
            .or_else(|| self.properties.get(&format!("ksql.streams.{name}")));
        found.map(String::as_str)
    }

    /// A property that is `true` or `false`.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(value) => value.eq_ignore_ascii_case("true"),
            None => default,
        }
    }
}
