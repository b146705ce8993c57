//! SQL types as the REST API writes them in descriptions.

use model::SqlType;
use serde_json::{Value, json};

/// `{"type":"ARRAY","fields":null,"memberSchema":{…}}`
pub fn sql_type(ty: &SqlType) -> Value {
    let fields = match ty {
        SqlType::Struct(fields) => Value::Array(
            fields.iter().map(|f| json!({ "name": f.name, "schema": sql_type(&f.ty) })).collect(),
        ),
        _ => Value::Null,
    };
    let member = match ty {
        SqlType::Array(element) => sql_type(element),
        SqlType::Map(_, value) => sql_type(value),
        _ => Value::Null,
    };
    let mut schema = json!({ "type": ty.base_name(), "fields": fields, "memberSchema": member });
    if let SqlType::Decimal { precision, scale } = ty {
        schema["parameters"] = json!({ "precision": precision, "scale": scale });
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Field;

    #[test]
    fn types_are_described_with_their_parts() {
        let ty = SqlType::array(SqlType::Struct(vec![Field::new("A", SqlType::decimal(4, 2))]));
        assert_eq!(
            sql_type(&ty).to_string(),
            r#"{"type":"ARRAY","fields":null,"memberSchema":{"type":"STRUCT","fields":[{"name":"A","schema":{"type":"DECIMAL","fields":null,"memberSchema":null,"parameters":{"precision":4,"scale":2}}}],"memberSchema":null}}"#
        );
    }
}
