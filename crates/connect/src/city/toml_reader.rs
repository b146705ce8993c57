//! TOML with places: every value knows its line, so that every error can name it.

use std::collections::HashSet;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::CityError;
use crate::config::{ConfigError, Properties};

/// A parsed file.
pub(super) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    table: Spanned<DeTable<'a>>,
}

/// A table in it.
pub(super) struct Table<'a> {
    document: &'a Document<'a>,
    /// `feed.x.`: what stands before the names of its keys.
    prefix: String,
    /// Where it begins.
    start: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Document<'a> {
    pub(super) fn parse(file: &'a str, text: &'a str) -> Result<Self, CityError> {
        let table = DeTable::parse(text).map_err(|error| CityError::NotToml {
            file: file.to_owned(),
            line: line(text, error.span().map_or(0, |span| span.start)),
            problem: error.message().trim().replace('\n', ", "),
        })?;
        Ok(Self { file, text, table })
    }

    pub(super) fn root(&'a self) -> Table<'a> {
        Table { document: self, prefix: String::new(), start: 0, table: self.table.get_ref() }
    }
}

impl<'a> Table<'a> {
    /// Its keys, in the order of the file.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> =
            self.table.keys().map(|key| (key.span().start, key.get_ref().to_string())).collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Refuses keys that are not among these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), CityError> {
        let known_keys: HashSet<_> = known.iter().copied().collect();
        match self.keys().iter().find(|key| !known_keys.contains(key.as_str())) {
            Some(key) => {
                let problem = format!("there is no such key; there are {}", known.join(", "));
                Err(self.error(key, &problem))
            }
            None => Ok(()),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<String, CityError> {
        self.optional_text(key)?.ok_or_else(|| self.error(key, "is needed"))
    }

    pub(super) fn optional_text(&self, key: &str) -> Result<Option<String>, CityError> {
        match self.value(key) {
            None => Ok(None),
            Some(value) => match value.get_ref().as_str() {
                Some(text) if !text.trim().is_empty() => Ok(Some(text.to_owned())),
                Some(_) => Err(self.error(key, "is empty")),
                None => Err(self.error(key, "must be a text in quotes")),
            },
        }
    }

    /// A text as something else; none from `parse` is `problem`.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        problem: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, CityError> {
        let text = self.text(key)?;
        parse(&text).ok_or_else(|| self.error(key, &format!("{text:?} {problem}")))
    }

    pub(super) fn degrees(&self, key: &str, most: f64) -> Result<f64, CityError> {
        let number = self.number(key)?;
        if number.abs() <= most {
            Ok(number)
        } else {
            Err(self.error(key, &format!("is not from -{most} to {most} degrees")))
        }
    }

    pub(super) fn positive(&self, key: &str) -> Result<f64, CityError> {
        let number = self.number(key)?;
        let fits = number.is_finite() && number > 0.0;
        if fits { Ok(number) } else { Err(self.error(key, "must be more than 0")) }
    }

    fn number(&self, key: &str) -> Result<f64, CityError> {
        let value = self.value(key).ok_or_else(|| self.error(key, "is needed"))?;
        let parsed = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        parsed.ok_or_else(|| self.error(key, "must be a number"))
    }

    pub(super) fn table(&self, key: &str) -> Result<Table<'a>, CityError> {
        self.optional_table(key)?.ok_or_else(|| self.error(key, "is needed"))
    }

    pub(super) fn optional_table(&self, key: &str) -> Result<Option<Table<'a>>, CityError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let table = value.get_ref().as_table().ok_or_else(|| self.error(key, "must be a table"))?;
        let prefix = format!("{}{key}.", self.prefix);
        Ok(Some(Table { document: self.document, prefix, start: self.place(key), table }))
    }

    /// All of it as a connector's configuration: tables within become dots in names, lists commas.
    pub(super) fn properties(&self) -> Result<Properties, CityError> {
        let mut properties = Properties::new();
        for key in self.keys() {
            let Some(value) = self.value(&key) else { continue };
            if let DeValue::Table(_) = value.get_ref() {
                for (inner, text) in self.table(&key)?.properties()? {
                    properties.insert(format!("{key}.{inner}"), text);
                }
                continue;
            }
            let text = scalar(value.get_ref())
                .ok_or_else(|| self.error(&key, "must be a text, a number, true or false"))?;
            properties.insert(key, text);
        }
        Ok(properties)
    }

    /// A value of `properties`, which were made of this table.
    pub(super) fn text_at<'p>(
        &self,
        key: &str,
        properties: &'p Properties,
    ) -> Result<&'p str, CityError> {
        properties.get(key).map(String::as_str).ok_or_else(|| self.error(key, "is needed"))
    }

    /// An error about a key of this table.
    pub(super) fn error(&self, key: &str, problem: &str) -> CityError {
        self.config_error(ConfigError::new(key, problem))
    }

    /// An error of a connector's configuration, with its place.
    pub(super) fn config_error(&self, error: ConfigError) -> CityError {
        let place = line(self.document.text, self.place(&error.key));
        let key = format!("{}{}", self.prefix, error.key);
        CityError::Key {
            file: self.document.file.to_owned(),
            line: place,
            error: ConfigError { key, problem: error.problem },
        }
    }

    fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let found = self.table.iter().find(|(name, _)| name.get_ref() == key);
        found.map(|(_, value)| value)
    }

    /// Where a key stands, with dots or without; where the table begins, if it is missing.
    fn place(&self, key: &str) -> usize {
        let by_name = |name: &str| self.table.iter().find(|(other, _)| other.get_ref() == name);
        if let Some((name, _)) = by_name(key) {
            return name.span().start;
        }
        let inner = key.split_once('.').and_then(|(first, rest)| {
            let table = by_name(first)?.1.get_ref().as_table()?;
            let prefix = String::new();
            let start = self.start;
            let inner = Table { document: self.document, prefix, start, table };
            Some(inner.place(rest))
        });
        inner.unwrap_or(self.start)
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| scalar(item.get_ref())).collect();
            items.map(|items| items.join(","))
        }
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}
