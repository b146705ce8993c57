//! Columns from registered schemas: what CREATE does when no columns are given. Names become upper
//! case, unless the schema was chosen by its id; a key in a format that need not wrap it, a value
//! that is not to be wrapped, and a schema that is no record become one column, `ROWKEY` or
//! `ROWVAL`.

use model::{Field, Format, SqlType, Wrapping};

use crate::registry::{ResolvedSchema, SchemaType};
use crate::{avro, json_sr, protobuf};

/// The columns a schema stands for.
pub(crate) fn columns_of(
    format: &Format,
    is_key: bool,
    schema: &ResolvedSchema,
) -> Result<Vec<(String, SqlType)>, String> {
    let ty = type_of(format.schema_full_name.as_deref(), schema)?;
    // With an id the names are taken as they are.
    let ty = if format.schema_id.is_some() { ty } else { upper(ty) };
    let is_unwrapped =
        format.kind.wrapping() != Wrapping::Always && !format.wrap_single.unwrap_or(!is_key);
    Ok(match ty {
        SqlType::Struct(fields) if !is_unwrapped => {
            fields.into_iter().map(|f| (f.name, f.ty)).collect()
        }
        single => vec![(if is_key { "ROWKEY" } else { "ROWVAL" }.to_string(), single)],
    })
}

fn type_of(name: Option<&str>, schema: &ResolvedSchema) -> Result<SqlType, String> {
    Ok(match schema.text.schema_type {
        SchemaType::Protobuf => {
            let compiled = protobuf::compile(&schema.text.schema, &schema.references)?;
            let message = protobuf::message_of(&compiled, name)?;
            SqlType::Struct(protobuf::fields(&message, 0)?)
        }
        SchemaType::Avro => {
            let parsed = avro::schema::parse(&schema.text.schema, &schema.references)?;
            avro::sql_type(&parsed, &parsed.root, 0)?
        }
        SchemaType::Json => {
            json_sr::schema::parse(&schema.text.schema, &schema.references)?.ty.sql_type()
        }
    })
}

/// The same type with the names of fields in upper case.
fn upper(ty: SqlType) -> SqlType {
    match ty {
        SqlType::Array(element) => SqlType::array(upper(*element)),
        SqlType::Map(key, value) => SqlType::map(upper(*key), upper(*value)),
        SqlType::Struct(fields) => {
            let fields = fields.into_iter();
            SqlType::Struct(
                fields.map(|f| Field::new(f.name.to_uppercase(), upper(f.ty))).collect(),
            )
        }
        other => other,
    }
}
