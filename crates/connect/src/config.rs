//! Configuration of connectors: the definition of a key, from which parsing, defaults, error texts
//! and the reference page all come.
//!
//! Flows in: names and texts, as they stand in WITH or in `city.toml`. Flows out: [`Settings`],
//! typed and with secrets filled in from the environment, or a [`ConfigError`] that names the key.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;

use crate::secret::{self, HIDDEN, Secret};

/// A connector's configuration as written: names and texts, in order.
pub type Properties = IndexMap<String, String>;

/// Looks up an environment variable; only the binary knows the real environment.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A key of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name; `header.*` stands for every name that starts with `header.`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// What it is without a value.
    pub fallback: Fallback,
    /// A sentence or two for people.
    pub help: &'static str,
}

/// What values a key takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that is never shown.
    Secret,
    /// A topic that records are appended to: never one of the server's own.
    Topic,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number and a unit: `500ms`, `30s`, `3m`, `2h`.
    Duration,
    /// A number and perhaps a unit: `65536`, `512kB`, `16MB`.
    Size,
    /// A whole number within these bounds.
    Integer(u64, u64),
    /// `true` or `false`.
    Flag,
    /// Names, separated by commas.
    List,
}

/// What a key is without a value.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// It must be given.
    Required,
    /// It may be left out, and then is nothing.
    Absent,
    /// It is as if this were written.
    Value(&'static str),
}

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{key}': {problem}")]
pub struct ConfigError {
    /// Which key.
    pub key: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

impl ConfigError {
    /// An error about `key`.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into() }
    }
}

/// A typed value.
#[derive(Clone, Debug)]
enum Setting {
    Text(String),
    Secret(Secret),
    Duration(Duration),
    Number(u64),
    Flag(bool),
    List(Vec<String>),
}

/// A checked configuration. Asking for a key the class does not define, or by the wrong type, is a
/// mistake in the class and gives the type's empty value.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
}

impl Settings {
    /// Checks `properties` against `keys`.
    pub fn read(
        keys: &[Key],
        properties: &Properties,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut values = BTreeMap::new();
        for (name, text) in properties {
            let key = find(keys, name).ok_or_else(|| unknown(keys, name))?;
            let text = secret::expand(text, environment).map_err(|variable| {
                ConfigError::new(name, format!("the environment variable {variable} is not set"))
            })?;
            let setting = parse(key.kind, &text).map_err(|problem| {
                let shown =
                    if matches!(key.kind, Kind::Secret) { HIDDEN } else { &properties[name] };
                ConfigError::new(name, format!("{shown:?} is not {problem}"))
            })?;
            values.insert(name.clone(), setting);
        }
        for key in keys.iter().filter(|k| !properties.contains_key(k.name)) {
            match key.fallback {
                Fallback::Required => {
                    return Err(ConfigError::new(key.name, format!("is needed: {}", key.help)));
                }
                Fallback::Absent => {}
                Fallback::Value(text) => {
                    let setting = parse(key.kind, text)
                        .map_err(|problem| ConfigError::new(key.name, problem))?;
                    values.insert(key.name.to_owned(), setting);
                }
            }
        }
        Ok(Self { values })
    }

    /// Text, empty if absent.
    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(Setting::Text(text)) => text,
            Some(Setting::Secret(secret)) => secret.reveal(),
            _ => "",
        }
    }

    /// Text that may be absent.
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.values.contains_key(name).then(|| self.text(name))
    }

    /// A secret that may be absent.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.optional(name).map(Secret::new)
    }

    /// A length of time.
    pub fn duration(&self, name: &str) -> Duration {
        match self.values.get(name) {
            Some(Setting::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    /// A number, or a size in bytes.
    pub fn number(&self, name: &str) -> u64 {
        match self.values.get(name) {
            Some(Setting::Number(number)) => *number,
            _ => 0,
        }
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.values.get(name), Some(Setting::Flag(true)))
    }

    /// Names.
    pub fn list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(Setting::List(list)) => list,
            _ => &[],
        }
    }

    /// All names that start with `prefix` (`header.`), without it, and their values.
    pub fn prefixed(&self, prefix: &str) -> Vec<(String, Secret)> {
        let with = self.values.range(prefix.to_owned()..);
        with.take_while(|(name, _)| name.starts_with(prefix))
            .map(|(name, _)| (name[prefix.len()..].to_owned(), Secret::new(self.text(name))))
            .collect()
    }
}

/// `properties` as they may be shown and logged: secrets hidden, references to the environment
/// kept.
pub fn redacted(keys: &[Key], properties: &Properties) -> Properties {
    let show = |name: &str, text: &str| {
        let is_secret = match find(keys, name) {
            Some(key) => matches!(key.kind, Kind::Secret),
            None => looks_secret(name),
        };
        match is_secret {
            true if !secret::is_reference(text) => HIDDEN.to_owned(),
            true => text.to_owned(),
            false => without_secret_parameters(text),
        }
    };
    properties.iter().map(|(name, text)| (name.clone(), show(name, text))).collect()
}

/// An address (or any text) without the values of those of its parameters that sound like secrets.
fn without_secret_parameters(text: &str) -> String {
    let Some((address, parameters)) = text.split_once('?') else { return text.to_owned() };
    let shown = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, value)) if looks_secret(name) && !secret::is_reference(value) => {
            format!("{name}={HIDDEN}")
        }
        _ => parameter.to_owned(),
    });
    format!("{address}?{}", shown.collect::<Vec<_>>().join("&"))
}

/// Does a key that nobody defines sound like a secret?
fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token", "auth", "credential", "key"].iter().any(|w| name.contains(w))
}

/// The keys as a Markdown table, for the reference page and the shell's help.
pub fn reference(keys: &[Key]) -> String {
    let mut out = String::from("| key | values | default | meaning |\n|---|---|---|---|\n");
    for key in keys {
        let fallback = match key.fallback {
            Fallback::Required => "required".to_owned(),
            Fallback::Absent => "–".to_owned(),
            Fallback::Value(text) => format!("`{text}`"),
        };
        let kind = describe(key.kind).replace('|', "\\|");
        _ = writeln!(out, "| `{}` | {kind} | {fallback} | {} |", key.name, key.help);
    }
    out
}

/// What a kind of value is, in words.
fn describe(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Secret => "text, never shown".to_owned(),
        Kind::Topic => "a topic's name".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::Duration => "a time with its unit, such as 500ms, 30s, 3m, 2h".to_owned(),
        Kind::Size => "a size in bytes, such as 65536, 512kB, 16MB".to_owned(),
        Kind::Integer(low, high) => format!("a whole number from {low} to {high}"),
        Kind::Flag => "true or false".to_owned(),
        Kind::List => "names, separated by commas".to_owned(),
    }
}

fn find<'a>(keys: &'a [Key], name: &str) -> Option<&'a Key> {
    keys.iter().find(|key| match key.name.strip_suffix('*') {
        Some(prefix) => name.len() > prefix.len() && name.starts_with(prefix),
        None => key.name == name,
    })
}

fn unknown(keys: &[Key], name: &str) -> ConfigError {
    let near = |key: &&Key| strsim::damerau_levenshtein(key.name, &name.to_ascii_lowercase());
    let nearest = keys.iter().min_by_key(near).filter(|key| near(key) <= 3);
    let hint = match nearest {
        Some(key) => format!("; did you mean '{}'?", key.name),
        None => {
            let names: Vec<_> = keys.iter().map(|key| key.name).collect();
            format!("; there are {}", names.join(", "))
        }
    };
    ConfigError::new(name, format!("there is no such key{hint}"))
}

fn parse(kind: Kind, text: &str) -> Result<Setting, String> {
    let problem = || describe(kind);
    match kind {
        Kind::Text if text.trim().is_empty() => Err("text (it is empty)".to_owned()),
        Kind::Text => Ok(Setting::Text(text.to_owned())),
        Kind::Secret => Ok(Setting::Secret(Secret::new(text))),
        Kind::Topic => match journal::check_user_topic(text) {
            Ok(()) => Ok(Setting::Text(text.to_owned())),
            Err(error) => Err(format!("a topic for records: {error}")),
        },
        Kind::Choice(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
            Some(word) => Ok(Setting::Text((*word).to_owned())),
            None => Err(format!("one of {}", words.join(", "))),
        },
        Kind::Duration => parse_duration(text).map(Setting::Duration).ok_or_else(problem),
        Kind::Size => parse_size(text).map(Setting::Number).ok_or_else(problem),
        Kind::Integer(low, high) => match text.trim().parse() {
            Ok(number) if (low..=high).contains(&number) => Ok(Setting::Number(number)),
            _ => Err(problem()),
        },
        Kind::Flag => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Ok(Setting::Flag(true)),
            "false" => Ok(Setting::Flag(false)),
            _ => Err(problem()),
        },
        Kind::List => {
            let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
            if names.iter().any(String::is_empty) {
                Err(problem())
            } else {
                Ok(Setting::List(names))
            }
        }
    }
}

/// `500ms`, `30s`, `3m`, `2h`, `1d`: a number, whole or with a fraction, and a unit.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split_unit(text)?;
    let unit_ms = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let ms: f64 = number * unit_ms;
    (ms.is_finite() && (0.0..=3.2e10).contains(&ms))
        .then(|| Duration::from_micros((ms * 1e3) as u64))
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text)?;
    let unit_bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" | "kib" | "k" => 1024.0,
        "mb" | "mib" | "m" => 1024.0 * 1024.0,
        "gb" | "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * unit_bytes;
    (1.0..=1e12).contains(&bytes).then_some(bytes as u64)
}

fn split_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

#[cfg(test)]
mod tests;
