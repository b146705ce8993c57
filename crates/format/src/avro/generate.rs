//! The Avro schema for columns, as Connect makes it of ksqlDB's: a record of nullable fields, maps
//! as arrays of entries, and Connect's own properties where a type stands for another.

use model::SqlType;
use serde_json::{Map, Value as Json, json};

use super::schema::check_name;
use crate::error::CodecError;

/// The record's full name when none is given.
const FULL_NAME: &str = "io.confluent.ksql.avro_schemas.KsqlDataSourceSchema";

/// The text of a schema for these columns; a single one may stand without a record around it.
pub(crate) fn schema_text(
    columns: &[(String, SqlType)],
    full_name: Option<&str>,
    is_unwrapped: bool,
) -> Result<String, CodecError> {
    let full_name = full_name.unwrap_or(FULL_NAME);
    let (namespace, name) = full_name.rsplit_once('.').unwrap_or(("", full_name));
    let mut writer = Writer { namespace, is_namespace_written: false };
    let schema = match columns {
        [(_, ty)] if is_unwrapped => writer.ty(ty, name, false)?,
        columns => {
            let columns: Vec<_> = columns.iter().map(|(n, ty)| (n.as_str(), ty)).collect();
            writer.record(&columns, name, false)?
        }
    };
    Ok(schema.to_string())
}

struct Writer<'a> {
    namespace: &'a str,
    /// The outermost record carries the namespace for all.
    is_namespace_written: bool,
}

impl Writer<'_> {
    fn full(&self, name: &str) -> String {
        match self.namespace {
            "" => name.to_string(),
            namespace => format!("{namespace}.{name}"),
        }
    }

    fn record(
        &mut self,
        columns: &[(&str, &SqlType)],
        name: &str,
        is_map_entry: bool,
    ) -> Result<Json, CodecError> {
        check(name)?;
        let mut record = Map::new();
        record.insert("type".into(), json!("record"));
        record.insert("name".into(), json!(name));
        if !self.is_namespace_written && !self.namespace.is_empty() {
            record.insert("namespace".into(), json!(self.namespace));
        }
        let outer = std::mem::replace(&mut self.is_namespace_written, true);
        let mut fields = Vec::new();
        for (field, ty) in columns {
            check(field)?;
            let inner = match (is_map_entry, *field) {
                (true, "key") => format!("{name}_MapKey"),
                (true, _) => format!("{name}_MapValue"),
                (false, field) => format!("{name}_{field}"),
            };
            let ty = self.ty(ty, &inner, true)?;
            fields.push(json!({"name": field, "type": ["null", ty], "default": null}));
        }
        // What follows a record that is not around it has to say its namespace again.
        self.is_namespace_written = outer;
        record.insert("fields".into(), Json::Array(fields));
        match is_map_entry {
            true => record.insert("connect.internal.type".into(), json!("MapEntry")),
            false => record.insert("connect.name".into(), json!(self.full(name))),
        };
        Ok(Json::Object(record))
    }

    fn ty(&mut self, ty: &SqlType, name: &str, is_nullable: bool) -> Result<Json, CodecError> {
        Ok(match ty {
            SqlType::Boolean => json!("boolean"),
            SqlType::Integer => json!("int"),
            SqlType::Bigint => json!("long"),
            SqlType::Double => json!("double"),
            SqlType::String => json!("string"),
            SqlType::Bytes => json!("bytes"),
            SqlType::Date => connect("int", "Date", "date", is_nullable),
            SqlType::Time => connect("int", "Time", "time-millis", is_nullable),
            SqlType::Timestamp => connect("long", "Timestamp", "timestamp-millis", is_nullable),
            SqlType::Decimal { precision, scale } => {
                let mut decimal = Map::new();
                decimal.insert("type".into(), json!("bytes"));
                decimal.insert("scale".into(), json!(scale));
                decimal.insert("precision".into(), json!(precision));
                if is_nullable {
                    decimal.insert("connect.version".into(), json!(1));
                }
                let parameters = json!({
                    "scale": scale.to_string(),
                    "connect.decimal.precision": precision.to_string(),
                });
                decimal.insert("connect.parameters".into(), parameters);
                let class = "org.apache.kafka.connect.data.Decimal";
                decimal.insert("connect.name".into(), json!(class));
                decimal.insert("logicalType".into(), json!("decimal"));
                Json::Object(decimal)
            }
            SqlType::Array(element) => {
                let items = self.ty(element, name, true)?;
                json!({"type": "array", "items": ["null", items]})
            }
            SqlType::Map(key, value) => {
                let entry = self.record(&[("key", key), ("value", value)], name, true)?;
                json!({"type": "array", "items": entry, "connect.name": self.full(name)})
            }
            SqlType::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(|f| (f.name.as_str(), &f.ty)).collect();
                self.record(&fields, name, false)?
            }
        })
    }
}

fn connect(base: &str, class: &str, logical: &str, is_nullable: bool) -> Json {
    let class = format!("org.apache.kafka.connect.data.{class}");
    match is_nullable {
        true => json!({
            "type": base,
            "connect.version": 1,
            "connect.name": class,
            "logicalType": logical,
        }),
        false => json!({"type": base, "connect.name": class, "logicalType": logical}),
    }
}

fn check(name: &str) -> Result<(), CodecError> {
    check_name(name)
        .map_err(|e| CodecError::Schema(format!("Schema is not compatible with Avro: {e}")))
}
