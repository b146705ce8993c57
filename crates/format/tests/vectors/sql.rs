//! Just enough SQL to read the statements of recorded vectors: columns with types, WITH, literals.

use bytes::Bytes;
use model::decimal::Rounding;
use model::{Decimal, Field, Format, FormatKind, ProtobufNulls, SqlType, Value};

/// A CREATE STREAM as far as formats matter.
pub(crate) struct Create {
    pub(crate) key: Vec<(String, SqlType)>,
    pub(crate) value: Vec<(String, SqlType)>,
    pub(crate) properties: Vec<(String, String)>,
}

impl Create {
    pub(crate) fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    pub(crate) fn format(&self, is_key: bool) -> Format {
        let side = if is_key { "KEY" } else { "VALUE" };
        let property = |name: &str| self.property(&format!("{side}_{name}"));
        let kind = property("FORMAT").or_else(|| self.property("FORMAT")).unwrap_or("KAFKA");
        let kind = FormatKind::from_name(kind).unwrap_or_else(|| panic!("no format {kind}"));
        let mut format = Format::new(kind);
        format.delimiter = property("DELIMITER").map(|d| match d {
            "TAB" => '\t',
            "SPACE" => ' ',
            other => other.chars().next().unwrap_or(','),
        });
        let avro_name = property("AVRO_SCHEMA_FULL_NAME");
        format.schema_full_name = property("SCHEMA_FULL_NAME").or(avro_name).map(str::to_string);
        format.schema_id = property("SCHEMA_ID").and_then(|id| id.parse().ok());
        if !is_key {
            format.wrap_single =
                self.property("WRAP_SINGLE_VALUE").map(|v| v.eq_ignore_ascii_case("true"));
        }
        format.protobuf_nulls = property("PROTOBUF_NULLABLE_REPRESENTATION").map(|v| match v {
            "OPTIONAL" => ProtobufNulls::Optional,
            _ => ProtobufNulls::Wrapper,
        });
        format
    }
}

pub(crate) struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip();
        let head = self.rest.get(..token.len());
        let found = head.is_some_and(|h| h.eq_ignore_ascii_case(token));
        if found {
            self.rest = &self.rest[token.len()..];
        }
        found
    }

    fn expect(&mut self, token: &str) {
        assert!(self.eat(token), "expected {token} at {:.40}", self.rest);
    }

    fn word(&mut self) -> String {
        self.skip();
        if let Some(rest) = self.rest.strip_prefix('`') {
            let (word, rest) = rest.split_once('`').unwrap_or((rest, ""));
            self.rest = rest;
            return word.to_string();
        }
        let is_word = |c: char| c.is_alphanumeric() || "_{}.$".contains(c);
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_uppercase()
    }

    fn string(&mut self) -> String {
        self.expect("'");
        let mut text = String::new();
        loop {
            let end = self.rest.find('\'').unwrap_or_else(|| panic!("text without an end"));
            text.push_str(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('\'') {
                Some(rest) => {
                    text.push('\'');
                    self.rest = rest;
                }
                None => return text,
            }
        }
    }

    pub(crate) fn create(&mut self) -> Create {
        self.expect("CREATE");
        self.word();
        self.word();
        let mut create = Create { key: vec![], value: vec![], properties: vec![] };
        if self.eat("(") {
            loop {
                let name = self.word();
                let ty = self.ty();
                self.eat("PRIMARY");
                match self.eat("KEY") {
                    true => create.key.push((name, ty)),
                    false => create.value.push((name, ty)),
                }
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")");
        }
        self.expect("WITH");
        self.expect("(");
        loop {
            let name = self.word();
            self.expect("=");
            self.skip();
            let value = match self.rest.starts_with('\'') {
                true => self.string(),
                false => self.word(),
            };
            create.properties.push((name, value));
            if !self.eat(",") {
                break;
            }
        }
        create
    }

    pub(crate) fn ty(&mut self) -> SqlType {
        match self.word().as_str() {
            "BOOLEAN" => SqlType::Boolean,
            "INT" | "INTEGER" => SqlType::Integer,
            "BIGINT" => SqlType::Bigint,
            "DOUBLE" => SqlType::Double,
            "VARCHAR" | "STRING" => SqlType::String,
            "BYTES" => SqlType::Bytes,
            "DATE" => SqlType::Date,
            "TIME" => SqlType::Time,
            "TIMESTAMP" => SqlType::Timestamp,
            "DECIMAL" => {
                self.expect("(");
                let precision = self.word().parse().unwrap_or(0);
                self.expect(",");
                let scale = self.word().parse().unwrap_or(0);
                self.expect(")");
                SqlType::decimal(precision, scale)
            }
            "ARRAY" => {
                self.expect("<");
                let element = self.ty();
                self.expect(">");
                SqlType::array(element)
            }
            "MAP" => {
                self.expect("<");
                let key = self.ty();
                self.expect(",");
                let value = self.ty();
                self.expect(">");
                SqlType::map(key, value)
            }
            "STRUCT" => {
                self.expect("<");
                let mut fields = Vec::new();
                while !self.eat(">") {
                    let name = self.word();
                    fields.push(Field::new(name, self.ty()));
                    self.eat(",");
                }
                SqlType::Struct(fields)
            }
            other => panic!("no type {other}"),
        }
    }

    /// `INSERT INTO name (A, B) VALUES (…)`: the names and their values, for columns of these
    /// types.
    pub(crate) fn insert(&mut self, columns: &[(String, SqlType)]) -> Vec<(String, Value)> {
        self.expect("INSERT");
        self.expect("INTO");
        self.word();
        self.expect("(");
        let mut names = Vec::new();
        while !self.eat(")") {
            names.push(self.word());
            self.eat(",");
        }
        self.expect("VALUES");
        self.expect("(");
        let mut values = Vec::new();
        for name in names {
            let column = columns.iter().find(|(n, _)| *n == name);
            let (_, ty) = column.unwrap_or_else(|| panic!("no column {name}"));
            values.push((name, self.literal(ty)));
            self.eat(",");
        }
        values
    }

    fn literal(&mut self, ty: &SqlType) -> Value {
        if self.eat("NULL") {
            return Value::Null;
        }
        match ty {
            SqlType::Boolean => Value::Boolean(self.word() == "TRUE"),
            SqlType::Integer => Value::Integer(self.number().parse().unwrap_or_default()),
            SqlType::Bigint => Value::Bigint(self.number().parse().unwrap_or_default()),
            SqlType::Double => Value::Double(self.number().parse().unwrap_or_default()),
            SqlType::Decimal { scale, .. } => {
                let value: Decimal = self.number().parse().unwrap_or_else(|e| panic!("{e}"));
                let value = value.with_scale(*scale, Rounding::HalfUp);
                Value::Decimal(value.unwrap_or_else(|| panic!("too long")))
            }
            SqlType::String => Value::String(self.string()),
            SqlType::Bytes => {
                self.expect("TO_BYTES");
                self.expect("(");
                let hex = self.string();
                self.expect(",");
                self.string();
                self.expect(")");
                Value::Bytes(unhex(&hex))
            }
            SqlType::Date => Value::Date(date(&self.string())),
            SqlType::Time => Value::Time(time(&self.string())),
            SqlType::Timestamp => {
                let text = self.string();
                let (day, clock) = text.split_once('T').unwrap_or((&text, "00:00:00"));
                Value::Timestamp(i64::from(date(day)) * 86_400_000 + i64::from(time(clock)))
            }
            SqlType::Array(element) => {
                self.expect("ARRAY");
                self.expect("[");
                let mut items = Vec::new();
                while !self.eat("]") {
                    items.push(self.literal(element));
                    self.eat(",");
                }
                Value::Array(items)
            }
            SqlType::Map(key, value) => {
                self.expect("MAP");
                self.expect("(");
                let mut entries = Vec::new();
                while !self.eat(")") {
                    let key = self.literal(key);
                    self.expect(":=");
                    entries.push((key, self.literal(value)));
                    self.eat(",");
                }
                Value::Map(entries)
            }
            SqlType::Struct(fields) => {
                self.expect("STRUCT");
                self.expect("(");
                let mut values = vec![Value::Null; fields.len()];
                while !self.eat(")") {
                    let name = self.word();
                    self.expect(":=");
                    let at = fields.iter().position(|f| f.name == name);
                    let at = at.unwrap_or_else(|| panic!("no field {name}"));
                    values[at] = self.literal(&fields[at].ty);
                    self.eat(",");
                }
                Value::Struct(values)
            }
        }
    }

    fn number(&mut self) -> String {
        self.skip();
        let end = self.rest.find([',', ')', ']']).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        number.trim().to_string()
    }
}

pub(crate) fn unhex(hex: &str) -> Bytes {
    let digit = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap_or_default();
    (0..hex.len()).step_by(2).map(digit).collect::<Vec<_>>().into()
}

fn date(text: &str) -> i32 {
    let mut parts = text.split('-').map(|p| p.parse::<i64>().unwrap_or_default());
    let (y, m, d) = (parts.next(), parts.next(), parts.next());
    days(y.unwrap_or(1970), m.unwrap_or(1), d.unwrap_or(1)) as i32
}

/// Days since 1970 in the proleptic Gregorian calendar.
fn days(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let yoe = y.rem_euclid(400);
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

fn time(text: &str) -> i32 {
    let (clock, ms) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':').map(|p| p.parse::<i32>().unwrap_or_default());
    let mut next = || parts.next().unwrap_or(0);
    ((next() * 60 + next()) * 60 + next()) * 1000 + format!("{ms:0<3}").parse().unwrap_or(0)
}

/// A day as `2020-02-29`.
pub(crate) fn date_text(day: i64) -> String {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let d = doy - (153 * mp + 2) / 5 + 1;
    let m = if mp < 10 { mp + 3 } else { mp - 9 };
    let y = yoe + era * 400 + i64::from(m <= 2);
    let plus = if y > 9999 { "+" } else { "" };
    match y < 0 {
        true => format!("-{:04}-{m:02}-{d:02}", -y),
        false => format!("{plus}{y:04}-{m:02}-{d:02}"),
    }
}
