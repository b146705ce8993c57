//! What a field of a message is to SQL: a scalar, one of the well-known messages that stand for a
//! type of their own, a map, or a struct.

use model::types::TYPE_SIZE_MAX;
use model::{Field, SqlType};
use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor, Value};

/// A field's type without its cardinality.
#[derive(Clone)]
pub(crate) enum FieldKind {
    /// A scalar of this wire type.
    Scalar(Scalar),
    /// A `google.protobuf.*Value` around a scalar.
    Wrapper(Scalar),
    /// `confluent.type.Decimal` with the field's precision and scale.
    Decimal { precision: u8, scale: u8 },
    /// `google.type.Date`
    Date,
    /// `google.type.TimeOfDay`
    Time,
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// An enum: its numbers and names.
    Enum(std::sync::Arc<[(i32, String)]>),
    /// Any other message.
    Message(MessageDescriptor),
}

/// The scalars, by how they lie on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    String,
    Bytes,
}

/// The default precision of a decimal without one.
const PRECISION_DEFAULT: u8 = 64;

impl FieldKind {
    /// The kind of a field, or of a repeated field's elements.
    pub(crate) fn of(field: &FieldDescriptor) -> FieldKind {
        let scalar = match field.kind() {
            Kind::Double => Scalar::Double,
            Kind::Float => Scalar::Float,
            Kind::Int32 => Scalar::Int32,
            Kind::Int64 => Scalar::Int64,
            Kind::Uint32 => Scalar::Uint32,
            Kind::Uint64 => Scalar::Uint64,
            Kind::Sint32 => Scalar::Sint32,
            Kind::Sint64 => Scalar::Sint64,
            Kind::Fixed32 => Scalar::Fixed32,
            Kind::Fixed64 => Scalar::Fixed64,
            Kind::Sfixed32 => Scalar::Sfixed32,
            Kind::Sfixed64 => Scalar::Sfixed64,
            Kind::Bool => Scalar::Bool,
            Kind::String => Scalar::String,
            Kind::Bytes => Scalar::Bytes,
            Kind::Enum(e) => {
                let values = e.values().map(|v| (v.number(), v.name().to_string()));
                return FieldKind::Enum(values.collect());
            }
            Kind::Message(message) => return FieldKind::of_message(field, message),
        };
        FieldKind::Scalar(scalar)
    }

    fn of_message(field: &FieldDescriptor, message: MessageDescriptor) -> FieldKind {
        match message.full_name() {
            "confluent.type.Decimal" => {
                let param = |name| param(field, name);
                FieldKind::Decimal {
                    precision: param("precision").unwrap_or(PRECISION_DEFAULT),
                    scale: param("scale").unwrap_or(0),
                }
            }
            "google.type.Date" => FieldKind::Date,
            "google.type.TimeOfDay" => FieldKind::Time,
            "google.protobuf.Timestamp" => FieldKind::Timestamp,
            "google.protobuf.DoubleValue" => FieldKind::Wrapper(Scalar::Double),
            "google.protobuf.FloatValue" => FieldKind::Wrapper(Scalar::Float),
            "google.protobuf.Int64Value" => FieldKind::Wrapper(Scalar::Int64),
            "google.protobuf.UInt64Value" => FieldKind::Wrapper(Scalar::Uint64),
            "google.protobuf.Int32Value" => FieldKind::Wrapper(Scalar::Int32),
            "google.protobuf.UInt32Value" => FieldKind::Wrapper(Scalar::Uint32),
            "google.protobuf.BoolValue" => FieldKind::Wrapper(Scalar::Bool),
            "google.protobuf.StringValue" => FieldKind::Wrapper(Scalar::String),
            "google.protobuf.BytesValue" => FieldKind::Wrapper(Scalar::Bytes),
            _ => FieldKind::Message(message),
        }
    }

    /// The SQL type that is made of it when columns are taken from a schema.
    pub(crate) fn sql_type(&self, depth: usize) -> Result<SqlType, String> {
        Ok(match self {
            FieldKind::Scalar(scalar) | FieldKind::Wrapper(scalar) => scalar.sql_type(),
            FieldKind::Decimal { precision, scale } => SqlType::decimal(*precision, *scale),
            FieldKind::Date => SqlType::Date,
            FieldKind::Time => SqlType::Time,
            FieldKind::Timestamp => SqlType::Timestamp,
            FieldKind::Enum(_) => SqlType::String,
            FieldKind::Message(message) => SqlType::Struct(fields(message, depth + 1)?),
        })
    }

    /// What Connect calls it, for messages.
    pub(crate) fn connect_name(&self) -> &'static str {
        match self {
            FieldKind::Scalar(scalar) | FieldKind::Wrapper(scalar) => match scalar {
                Scalar::Double => "float64",
                Scalar::Float => "float32",
                Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => "int32",
                Scalar::Bool => "boolean",
                Scalar::String => "string",
                Scalar::Bytes => "bytes",
                _ => "int64",
            },
            FieldKind::Decimal { .. } => "bytes",
            FieldKind::Date | FieldKind::Time => "int32",
            FieldKind::Timestamp => "int64",
            FieldKind::Enum(_) => "string",
            FieldKind::Message(_) => "struct",
        }
    }
}

impl Scalar {
    fn sql_type(self) -> SqlType {
        match self {
            Scalar::Double | Scalar::Float => SqlType::Double,
            Scalar::Int32 | Scalar::Sint32 | Scalar::Sfixed32 => SqlType::Integer,
            Scalar::Bool => SqlType::Boolean,
            Scalar::String => SqlType::String,
            Scalar::Bytes => SqlType::Bytes,
            _ => SqlType::Bigint,
        }
    }

    /// The wire type of one value.
    pub(crate) fn wire_type(self) -> u32 {
        match self {
            Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => 1,
            Scalar::Float | Scalar::Fixed32 | Scalar::Sfixed32 => 5,
            Scalar::String | Scalar::Bytes => 2,
            _ => 0,
        }
    }
}

/// A parameter that generated schemas give a decimal: `(confluent.field_meta).params`.
fn param(field: &FieldDescriptor, name: &str) -> Option<u8> {
    let options = field.options();
    let extension = options.extensions().find(|(e, _)| e.full_name() == "confluent.field_meta")?;
    let meta = extension.1.as_message()?;
    let params = meta.get_field_by_name("params")?;
    let params = params.as_map()?;
    let value = params.get(&prost_reflect::MapKey::String(name.to_string()))?;
    match value {
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A field that is read as an ARRAY or MAP, or alone.
pub(crate) enum Shape {
    Single,
    Array,
    /// With the entry message's key and value.
    Map(FieldDescriptor, FieldDescriptor),
}

/// The shape of a field. A repeated message with the fields `key` and `value` and a name that ends
/// in `Entry` is a map, as generated schemas have it, whether it was written `map<…>` or not.
pub(crate) fn shape(field: &FieldDescriptor) -> Shape {
    if field.cardinality() != Cardinality::Repeated {
        return Shape::Single;
    }
    if let Kind::Message(entry) = field.kind()
        && entry.name().ends_with("Entry")
        && entry.fields().len() == 2
        && let (Some(key), Some(value)) =
            (entry.get_field_by_name("key"), entry.get_field_by_name("value"))
    {
        return Shape::Map(key, value);
    }
    Shape::Array
}

/// How deep messages may nest when columns are taken from a schema.
const DEPTH_MAX: usize = 32;

/// The columns, or a struct's fields, that a message stands for. Fields of a `oneof` are left to
/// one struct a `oneof`, as Connect has it.
pub(crate) fn fields(message: &MessageDescriptor, depth: usize) -> Result<Vec<Field>, String> {
    if depth > DEPTH_MAX {
        return Err(format!("message {} contains itself", message.full_name()));
    }
    let mut result = Vec::new();
    let mut groups = Vec::new();
    for oneof in message.oneofs().filter(|o| !o.is_synthetic()) {
        let fields = oneof.fields().map(|f| column(&f, depth)).collect::<Result<_, _>>()?;
        let name = format!("{}_{}", oneof.name(), groups.len());
        groups.push(Field::new(name, SqlType::Struct(fields)));
        if groups.iter().map(|group| group.ty.size()).sum::<usize>() > TYPE_SIZE_MAX {
            return Err(format!("it has more than {TYPE_SIZE_MAX} fields, spelt out"));
        }
    }
    result.extend(groups);
    // In the order they are written in, which need not be that of their numbers.
    let mut plain: Vec<_> = message.fields().filter(|f| !in_oneof(f)).collect();
    plain.sort_by_key(|f| f.path().last().copied());
    let mut size = result.iter().map(|field: &Field| field.ty.size()).sum::<usize>();
    for field in plain {
        let column = column(&field, depth)?;
        size += column.ty.size();
        result.push(column);
        // Messages of two of the one before would double it each time.
        if size > TYPE_SIZE_MAX {
            return Err(format!("it has more than {TYPE_SIZE_MAX} fields, spelt out"));
        }
    }
    Ok(result)
}

/// Is the field one of several alternatives?
pub(crate) fn in_oneof(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|o| !o.is_synthetic())
}

fn column(field: &FieldDescriptor, depth: usize) -> Result<Field, String> {
    let kind = FieldKind::of(field);
    let ty = match shape(field) {
        Shape::Single => kind.sql_type(depth)?,
        Shape::Array => SqlType::array(kind.sql_type(depth)?),
        Shape::Map(key, value) => {
            let key = column(&key, depth + 1)?.ty;
            SqlType::map(key, column(&value, depth + 1)?.ty)
        }
    };
    Ok(Field::new(field.name(), ty))
}
