//! Columns from registered schemas: what CREATE does when no columns are given. Names become upper
//! case; a schema that is no record becomes one column, `ROWKEY` or `ROWVAL`.

use model::{Field, Format, SqlType};

use crate::registry::{ResolvedSchema, SchemaType};
use crate::{avro, json_sr, protobuf};

/// The columns a schema stands for.
pub(crate) fn columns_of(
    format: &Format,
    is_key: bool,
    schema: &ResolvedSchema,
) -> Result<Vec<(String, SqlType)>, String> {
    let name = format.schema_full_name.as_deref();
    let ty = match schema.text.schema_type {
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
    };
    Ok(match upper(ty) {
        SqlType::Struct(fields) => fields.into_iter().map(|f| (f.name, f.ty)).collect(),
        single => vec![(if is_key { "ROWKEY" } else { "ROWVAL" }.to_string(), single)],
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
