//! The `.proto` text for columns, as ksqlDB registers it: message `ConnectDefault1` with a field
//! for each column, nested messages numbered on in the order they are met.

use model::{FormatKind, ProtobufNulls, SqlType};

use crate::error::CodecError;

/// The text of a schema for these columns.
pub(crate) fn schema_text(
    columns: &[(String, SqlType)],
    full_name: Option<&str>,
    nulls: Option<ProtobufNulls>,
) -> Result<String, CodecError> {
    let mut writer = Writer { nulls, names: 0, imports: Vec::new() };
    let (package, name) = match full_name.map(|n| n.rsplit_once('.').unwrap_or(("", n))) {
        Some((package, name)) => (package, name.to_string()),
        None => ("", writer.next_name()),
    };
    let fields: Vec<_> = columns.iter().map(|(name, ty)| (name.as_str(), ty)).collect();
    let message = writer.message(&name, &fields)?;
    let mut text = String::from("syntax = \"proto3\";\n");
    if !package.is_empty() {
        text.push_str(&format!("package {package};\n"));
    }
    text.push('\n');
    for import in &writer.imports {
        text.push_str(&format!("import \"{import}\";\n"));
    }
    if !writer.imports.is_empty() {
        text.push('\n');
    }
    text.push_str(&message);
    Ok(text)
}

struct Writer {
    nulls: Option<ProtobufNulls>,
    names: usize,
    imports: Vec<&'static str>,
}

/// How a field's type is written, and the messages it needs.
struct FieldType {
    label: &'static str,
    name: String,
    options: String,
    messages: Vec<String>,
}

impl Writer {
    fn next_name(&mut self) -> String {
        self.names += 1;
        format!("ConnectDefault{}", self.names)
    }

    fn import(&mut self, file: &'static str) {
        if !self.imports.contains(&file) {
            self.imports.push(file);
        }
    }

    fn message(&mut self, name: &str, fields: &[(&str, &SqlType)]) -> Result<String, CodecError> {
        let mut text = format!("message {name} {{\n");
        let mut nested = Vec::new();
        for (i, (field, ty)) in fields.iter().enumerate() {
            if !is_identifier(field) {
                return Err(CodecError::Schema(format!(
                    "Invalid protobuf schema definition: {name}.{field}: \"{field}\" is not a \
                     valid identifier."
                )));
            }
            let FieldType { label, name, options, messages } = self.field_type(ty, false)?;
            text.push_str(&indented(&format!("{label}{name} {field} = {}{options};\n", i + 1)));
            nested.extend(messages);
        }
        if !nested.is_empty() {
            text.push('\n');
        }
        for message in nested {
            text.push_str(&indented(&message));
        }
        text.push_str("}\n");
        Ok(text)
    }

    fn field_type(&mut self, ty: &SqlType, is_element: bool) -> Result<FieldType, CodecError> {
        let scalar = |writer: &mut Self, plain: &str, wrapper: &str| match writer.nulls {
            Some(ProtobufNulls::Wrapper) => {
                writer.import("google/protobuf/wrappers.proto");
                format!("google.protobuf.{wrapper}Value")
            }
            _ => plain.to_string(),
        };
        let mut options = String::new();
        let mut messages = Vec::new();
        let name = match ty {
            SqlType::Boolean => scalar(self, "bool", "Bool"),
            SqlType::Integer => scalar(self, "int32", "Int32"),
            SqlType::Bigint => scalar(self, "int64", "Int64"),
            SqlType::Double => scalar(self, "double", "Double"),
            SqlType::String => scalar(self, "string", "String"),
            SqlType::Bytes => scalar(self, "bytes", "Bytes"),
            SqlType::Decimal { precision, scale } => {
                self.import("confluent/type/decimal.proto");
                options = decimal_options(*precision, *scale);
                "confluent.type.Decimal".to_string()
            }
            SqlType::Date => {
                self.import("google/type/date.proto");
                "google.type.Date".to_string()
            }
            SqlType::Time => {
                self.import("google/type/timeofday.proto");
                "google.type.TimeOfDay".to_string()
            }
            SqlType::Timestamp => {
                self.import("google/protobuf/timestamp.proto");
                "google.protobuf.Timestamp".to_string()
            }
            SqlType::Struct(fields) => {
                let name = self.next_name();
                let fields: Vec<_> = fields.iter().map(|f| (f.name.as_str(), &f.ty)).collect();
                messages.push(self.message(&name, &fields)?);
                name
            }
            SqlType::Map(key, value) if !is_element => {
                let name = format!("{}Entry", self.next_name());
                messages.push(self.message(&name, &[("key", key), ("value", value)])?);
                return Ok(FieldType { label: "repeated ", name, options, messages });
            }
            SqlType::Array(element) if !is_element => {
                let element = self.field_type(element, true)?;
                return Ok(FieldType { label: "repeated ", ..element });
            }
            SqlType::Array(_) | SqlType::Map(..) => {
                return Err(CodecError::UnsupportedType {
                    format: FormatKind::Protobuf,
                    ty: ty.base_name().to_string(),
                    hint: " inside of an ARRAY".to_string(),
                });
            }
        };
        let label = match self.nulls {
            Some(ProtobufNulls::Optional) if !is_element => "optional ",
            _ => "",
        };
        Ok(FieldType { label, name, options, messages })
    }
}

fn decimal_options(precision: u8, scale: u8) -> String {
    let mut text = String::from(" [(confluent.field_meta) = {\n  params: [\n");
    let params = [("precision", precision, ","), ("scale", scale, "")];
    for (key, value, comma) in params {
        text.push_str(&format!("    {{\n      value: \"{value}\",\n      key: \"{key}\"\n"));
        text.push_str(&format!("    }}{comma}\n"));
    }
    text.push_str("  ]\n}]");
    text
}

/// Each line, empty ones too, two blanks further in.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
