//! WITH (…): names and values checked, as a struct.

use functions::scalar::TimestampPattern;
use model::{Format, FormatKind, ProtobufNulls, Value};

use super::error::{AnalyzeError, PropertyError};
use super::settings::Settings;
use crate::ast::{Properties, Property, SourceKind};
use crate::plan::WindowInfo;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// What may stand in WITH of CREATE … AS.
const SINK: [&str; 20] = [
    "CLEANUP_POLICY",
    "FORMAT",
    "KAFKA_TOPIC",
    "KEY_DELIMITER",
    "KEY_FORMAT",
    "KEY_PROTOBUF_NULLABLE_REPRESENTATION",
    "KEY_SCHEMA_FULL_NAME",
    "KEY_SCHEMA_ID",
    "PARTITIONS",
    "REPLICAS",
    "RETENTION_MS",
    "TIMESTAMP",
    "TIMESTAMP_FORMAT",
    "VALUE_AVRO_SCHEMA_FULL_NAME",
    "VALUE_DELIMITER",
    "VALUE_FORMAT",
    "VALUE_PROTOBUF_NULLABLE_REPRESENTATION",
    "VALUE_SCHEMA_FULL_NAME",
    "VALUE_SCHEMA_ID",
    "WRAP_SINGLE_VALUE",
];

/// What may stand in WITH of CREATE beside [`SINK`].
const SOURCE: [&str; 3] = ["SOURCED_BY_CONNECTOR", "WINDOW_SIZE", "WINDOW_TYPE"];

/// The entries of WITH, read.
#[derive(Clone, Debug, Default)]
pub struct With {
    /// KAFKA_TOPIC
    pub topic: Option<String>,
    /// PARTITIONS
    pub partitions: Option<u32>,
    /// REPLICAS
    pub replicas: Option<u32>,
    /// RETENTION_MS
    pub retention_ms: Option<i64>,
    /// TIMESTAMP
    pub timestamp: Option<String>,
    /// TIMESTAMP_FORMAT
    pub timestamp_format: Option<String>,
    /// WINDOW_TYPE and WINDOW_SIZE
    pub window: Option<WindowInfo>,
    /// WRAP_SINGLE_VALUE
    pub wrap_single: Option<bool>,
    /// KEY_…
    pub key: Side,
    /// VALUE_…
    pub value: Side,
    /// CLEANUP_POLICY
    pub cleanup_policy: Option<String>,
}

/// What WITH says about keys or values.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// …_FORMAT, or FORMAT.
    pub format: Option<FormatKind>,
    /// …_DELIMITER
    pub delimiter: Option<char>,
    /// …_SCHEMA_FULL_NAME
    pub schema_full_name: Option<String>,
    /// …_SCHEMA_ID
    pub schema_id: Option<i32>,
    /// …_PROTOBUF_NULLABLE_REPRESENTATION
    pub protobuf_nulls: Option<ProtobufNulls>,
}

impl With {
    /// Reads WITH of a CREATE with columns.
    pub fn of_source(properties: &Properties) -> Result<Self> {
        let mut with = Self::read(properties, &[&SINK[..], &SOURCE[..]].concat())?;
        with.window = window(properties)?;
        if with.topic.is_none() {
            return Err(PropertyError::Missing("KAFKA_TOPIC").into());
        }
        Ok(with)
    }

    /// Reads WITH of a CREATE … AS.
    pub fn of_sink(properties: &Properties) -> Result<Self> {
        Self::read(properties, &SINK)
    }

    fn read(properties: &Properties, allowed: &[&str]) -> Result<Self> {
        let Properties(entries) = properties;
        for (i, property) in entries.iter().enumerate() {
            let kind = if !allowed.contains(&property.name.as_str()) {
                PropertyError::Unknown(property.name.clone())
            } else if entries[..i].iter().any(|earlier| earlier.name == property.name) {
                PropertyError::Twice(property.name.clone())
            } else {
                continue;
            };
            return Err(AnalyzeError::at(property.span, kind));
        }
        let find = |name: &str| entries.iter().find(|property| property.name == name);
        let text = |name: &str| find(name).map(text).transpose();
        let mut with = With {
            topic: text("KAFKA_TOPIC")?,
            partitions: find("PARTITIONS").map(|p| whole(p, 1)).transpose()?.map(|n| n as u32),
            replicas: find("REPLICAS").map(|p| whole(p, 1)).transpose()?.map(|n| n as u32),
            retention_ms: find("RETENTION_MS").map(|p| whole(p, -1)).transpose()?,
            timestamp: text("TIMESTAMP")?.map(|name| identifier(&name)),
            timestamp_format: text("TIMESTAMP_FORMAT")?,
            window: None,
            wrap_single: find("WRAP_SINGLE_VALUE").map(boolean).transpose()?,
            key: side(properties, "KEY")?,
            value: side(properties, "VALUE")?,
            cleanup_policy: text("CLEANUP_POLICY")?,
        };
        if let Some(name) = find("VALUE_AVRO_SCHEMA_FULL_NAME") {
            with.value.schema_full_name = Some(full_name(name)?);
        }
        if let Some(format) = find("FORMAT") {
            for other in ["KEY_FORMAT", "VALUE_FORMAT"] {
                if find(other).is_some() {
                    return Err(AnalyzeError::at(
                        format.span,
                        PropertyError::Both(other, "FORMAT"),
                    ));
                }
            }
            let kind = format_kind(format)?;
            (with.key.format, with.value.format) = (Some(kind), Some(kind));
        }
        if let Some(format) = find("TIMESTAMP_FORMAT")
            && let Err(reason) = TimestampPattern::compile(&self::text(format)?)
        {
            return Err(invalid(format, reason));
        }
        if with.timestamp.is_none() && with.timestamp_format.is_some() {
            return Err(PropertyError::Missing("TIMESTAMP").into());
        }
        Ok(with)
    }

    /// Retention makes no sense where each key's newest row is kept for good.
    pub fn check_retention(&self, kind: SourceKind, windowed: bool) -> Result<()> {
        if kind == SourceKind::Table && !windowed && self.retention_ms.is_some() {
            return Err(PropertyError::TableRetention.into());
        }
        Ok(())
    }

    /// The key's format; `inherited` where WITH names none.
    pub fn key_format(&self, inherited: Option<&Format>, settings: &Settings) -> Result<Format> {
        let fallback = settings.get("ksql.persistence.default.format.key").unwrap_or("KAFKA");
        let named = (self.key.format, inherited);
        format(&self.key, named, Some(fallback), "KEY")
    }

    /// The value's format; `inherited` where WITH names none.
    pub fn value_format(&self, inherited: Option<&Format>, settings: &Settings) -> Result<Format> {
        let fallback = settings.get("ksql.persistence.default.format.value");
        let named = (self.value.format, inherited);
        format(&self.value, named, fallback, "VALUE")
    }
}

fn format(
    side: &Side,
    (named, inherited): (Option<FormatKind>, Option<&Format>),
    fallback: Option<&str>,
    prefix: &'static str,
) -> Result<Format> {
    let mut format = match (named, inherited, fallback) {
        // Settings of the source's format only make sense for the same format.
        (Some(kind), Some(inherited), _) if inherited.kind == kind => {
            Format { delimiter: inherited.delimiter, ..Format::new(kind) }
        }
        (Some(kind), _, _) => Format::new(kind),
        (None, Some(inherited), _) => {
            Format { delimiter: inherited.delimiter, ..Format::new(inherited.kind) }
        }
        (None, None, Some(name)) if !name.is_empty() => {
            let kind = FormatKind::from_name(name);
            Format::new(kind.ok_or_else(|| PropertyError::UnknownFormat(name.into()))?)
        }
        (None, None, _) if prefix == "KEY" => {
            return Err(PropertyError::MissingFormat("KEY_FORMAT", "key").into());
        }
        (None, None, _) => return Err(PropertyError::MissingFormat("VALUE_FORMAT", "value").into()),
    };
    let (kind, name) = (format.kind, format.kind.name());
    let registered = kind.uses_registry();
    let unsupported =
        |property| Err(PropertyError::FormatProperty { property, format: name }.into());
    if side.delimiter.is_some() {
        if kind != FormatKind::Delimited {
            return unsupported("DELIMITER");
        }
        format.delimiter = side.delimiter;
    }
    if side.schema_full_name.is_some() {
        if !registered {
            return unsupported("SCHEMA_FULL_NAME");
        }
        format.schema_full_name.clone_from(&side.schema_full_name);
    }
    if side.schema_id.is_some() {
        if !registered {
            let message = format!(
                "{prefix}_FORMAT should support schema inference when {prefix}_SCHEMA_ID is \
                 provided. Current format is {name}."
            );
            return Err(PropertyError::SchemaId(message).into());
        }
        format.schema_id = side.schema_id;
    }
    if side.protobuf_nulls.is_some() {
        if !kind.is_protobuf() {
            return unsupported("PROTOBUF_NULLABLE_REPRESENTATION");
        }
        format.protobuf_nulls = side.protobuf_nulls;
    }
    Ok(format)
}

fn side(properties: &Properties, prefix: &str) -> Result<Side> {
    let find = |name: &str| {
        let name = format!("{prefix}_{name}");
        properties.0.iter().find(|property| property.name == name)
    };
    let protobuf_nulls = find("PROTOBUF_NULLABLE_REPRESENTATION").map(|property| {
        match text(property)?.to_uppercase().as_str() {
            "OPTIONAL" => Ok(ProtobufNulls::Optional),
            "WRAPPER" => Ok(ProtobufNulls::Wrapper),
            other => Err(invalid(property, format!("'{other}' is neither OPTIONAL nor WRAPPER"))),
        }
    });
    Ok(Side {
        format: find("FORMAT").map(format_kind).transpose()?,
        delimiter: find("DELIMITER").map(delimiter).transpose()?,
        schema_full_name: find("SCHEMA_FULL_NAME").map(full_name).transpose()?,
        schema_id: find("SCHEMA_ID").map(|p| whole(p, 0)).transpose()?.map(|id| id as i32),
        protobuf_nulls: protobuf_nulls.transpose()?,
    })
}

fn invalid(property: &Property, reason: impl Into<String>) -> AnalyzeError {
    let (name, reason) = (property.name.clone(), reason.into());
    AnalyzeError::at(property.span, PropertyError::Invalid { name, reason })
}

fn text(property: &Property) -> Result<String> {
    match &property.value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(_) | Value::Bigint(_) => {
            Ok(property.value.as_i64().unwrap_or_default().to_string())
        }
        _ => Err(invalid(property, "Expected a text.")),
    }
}

fn boolean(property: &Property) -> Result<bool> {
    match &property.value {
        Value::Boolean(truth) => Ok(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(invalid(property, "Expected value to be either true or false")),
    }
}

fn whole(property: &Property, least: i64) -> Result<i64> {
    let number = match &property.value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    };
    match number {
        Some(number) if number >= least && number <= i64::from(i32::MAX) => Ok(number),
        Some(number) if number >= least && property.name == "RETENTION_MS" => Ok(number),
        _ => Err(invalid(property, format!("Expected a whole number from {least} up."))),
    }
}

fn format_kind(property: &Property) -> Result<FormatKind> {
    let name = text(property)?;
    FormatKind::from_name(name.trim()).ok_or_else(|| {
        AnalyzeError::at(property.span, PropertyError::UnknownFormat(name.to_uppercase()))
    })
}

fn full_name(property: &Property) -> Result<String> {
    let name = text(property)?;
    if name.trim().is_empty() {
        return Err(invalid(property, "fullSchemaName cannot be empty."));
    }
    Ok(name)
}

fn delimiter(property: &Property) -> Result<char> {
    let delimiter = text(property)?;
    let mut chars = delimiter.chars();
    match (delimiter.to_uppercase().as_str(), chars.next(), chars.next()) {
        ("TAB", ..) => Ok('\t'),
        ("SPACE", ..) => Ok(' '),
        (_, None, _) => Err(invalid(property, "Delimiter cannot be empty.")),
        (_, Some(only), None) if only.is_whitespace() => Err(invalid(
            property,
            "Delimiter cannot be empty, if you meant to have a tab or space for delimiter, \
             please use the special values 'TAB' or 'SPACE'",
        )),
        (_, Some(only), None) => Ok(only),
        _ => Err(invalid(
            property,
            format!(
                "Invalid delimiter value: '{delimiter}'. Delimiter must be a single character or \
                 TAB,SPACE"
            ),
        )),
    }
}

/// A name in a text: upper case, unless it is in backticks or double quotes.
pub fn identifier(text: &str) -> String {
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    match quoted('`').or_else(|| quoted('"')) {
        Some(exact) => exact.to_owned(),
        None => text.to_uppercase(),
    }
}

fn window(properties: &Properties) -> Result<Option<WindowInfo>> {
    let find = |name: &str| properties.0.iter().find(|property| property.name == name);
    let size = find("WINDOW_SIZE");
    let Some(window_type) = find("WINDOW_TYPE") else {
        return match size {
            Some(size) => Err(invalid(size, "WINDOW_SIZE is only valid with WINDOW_TYPE")),
            None => Ok(None),
        };
    };
    let size_ms = size.map(duration).transpose()?;
    match (text(window_type)?.to_uppercase().as_str(), size_ms) {
        ("SESSION", None) => Ok(Some(WindowInfo::Session)),
        ("TUMBLING", Some(size_ms)) => Ok(Some(WindowInfo::Tumbling { size_ms })),
        ("HOPPING", Some(size_ms)) => Ok(Some(WindowInfo::Hopping { size_ms })),
        ("SESSION", Some(_)) => {
            Err(invalid(window_type, "'WINDOW_SIZE' should not be set for SESSION windows."))
        }
        ("TUMBLING" | "HOPPING", None) => {
            Err(invalid(window_type, "'WINDOW_SIZE' is needed for TUMBLING and HOPPING windows."))
        }
        (other, _) => Err(invalid(
            window_type,
            format!("Invalid window type: '{other}'. Use SESSION, TUMBLING or HOPPING."),
        )),
    }
}

/// `30 SECONDS`
fn duration(property: &Property) -> Result<i64> {
    let written = text(property)?;
    let mut words = written.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(invalid(property, format!("Invalid duration: '{written}'. Use: '30 SECONDS'")));
    };
    let unit_ms: i64 = match unit.to_uppercase().trim_end_matches('S') {
        "DAY" => 86_400_000,
        "HOUR" => 3_600_000,
        "MINUTE" => 60_000,
        "SECOND" => 1_000,
        "MILLISECOND" => 1,
        _ => {
            let reason = format!("Invalid duration: '{written}'. Unknown time unit: '{unit}'");
            return Err(invalid(property, reason));
        }
    };
    match number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit_ms)) {
        Some(ms) if ms > 0 => Ok(ms),
        _ => Err(invalid(property, format!("Invalid duration: '{written}'. Not a number from 1."))),
    }
}

/// The entries sorted by name, as the server writes them.
pub fn sorted(mut properties: Properties) -> Properties {
    properties.0.sort_by(|a, b| a.name.cmp(&b.name));
    properties
}

/// Adds an entry unless there is one.
pub fn complete(properties: &mut Properties, name: &str, value: Value) {
    if !properties.0.iter().any(|property| property.name == name) {
        let span = crate::ast::Span::default();
        properties.0.push(Property { name: name.into(), value, span });
    }
}
