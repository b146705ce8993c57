//! Which columns a format can hold, and how single values are wrapped.

use model::{Column, Format, FormatKind, SqlType, Wrapping};

use super::error::{AnalyzeError, PropertyError, SourceError};
use super::settings::Settings;

type Result<T> = std::result::Result<T, AnalyzeError>;

/// Can the format hold these columns of a key or value?
pub fn check(format: &Format, columns: &[&Column], is_key: bool) -> Result<()> {
    let side = if is_key { "Key" } else { "Value" };
    let error = |reason: String| {
        let format = format.kind.name();
        Err(SourceError::Format { side, format, reason }.into())
    };
    match format.kind {
        FormatKind::None if !columns.is_empty() => {
            return error("can only be used when no columns are defined".into());
        }
        FormatKind::Kafka if columns.len() > 1 => {
            return error("only supports a single field".into());
        }
        _ => {}
    }
    // A single key column stands alone: its name is written nowhere.
    let unnamed = is_key && columns.len() == 1 && format.kind != FormatKind::Protobuf;
    for column in columns {
        if !format.kind.holds(&column.ty) {
            let ty = column.ty.base_name();
            return error(format!("does not support type '{ty}', column: `{}`", column.name));
        }
        if has_other_map_keys(&column.ty) {
            return error("only supports MAP types with STRING keys".into());
        }
        if format.kind.wants_identifiers()
            && let Some(name) = odd_name(&column.name, &column.ty, unnamed)
        {
            return error(format!("cannot hold a column called `{name}`"));
        }
    }
    Ok(())
}

fn has_other_map_keys(ty: &SqlType) -> bool {
    match ty {
        SqlType::Map(key, value) => **key != SqlType::String || has_other_map_keys(value),
        SqlType::Array(element) => has_other_map_keys(element),
        SqlType::Struct(fields) => fields.iter().any(|f| has_other_map_keys(&f.ty)),
        _ => false,
    }
}

/// A name in it that is no identifier of AVRO and PROTOBUF.
fn odd_name(name: &str, ty: &SqlType, unnamed: bool) -> Option<String> {
    let mut chars = name.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let plain = begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !plain && !unnamed {
        return Some(name.to_owned());
    }
    match ty {
        SqlType::Array(element) => odd_name("ELEMENT", element, true),
        SqlType::Map(_, value) => odd_name("VALUE", value, true),
        SqlType::Struct(fields) => fields.iter().find_map(|f| odd_name(&f.name, &f.ty, false)),
        _ => None,
    }
}

/// Names the record of an AVRO key after the stream or table, as `LeftTableKey`: two keys of one
/// registry would otherwise have the same name.
pub fn name_key(mut format: Format, source: &str) -> Format {
    let unnamed = format.schema_full_name.is_none() && format.schema_id.is_none();
    if format.kind == FormatKind::Avro && unnamed {
        let camel = |word: &str| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters.map(|c| c.to_ascii_lowercase())).collect::<String>()
        };
        let name: String = source.split(['_', '-']).map(camel).collect();
        format.schema_full_name = Some(format!("io.confluent.ksql.avro_schemas.{name}Key"));
    }
    format
}

/// The value's format with what WRAP_SINGLE_VALUE, or its default, makes of it.
pub fn wrap_value(
    mut format: Format,
    wrap_single: Option<bool>,
    columns: usize,
    settings: &Settings,
) -> Result<Format> {
    let wrapping = format.kind.wrapping();
    if let Some(wrap) = wrap_single {
        if !wrapping.allows(wrap) {
            let kind = PropertyError::Wrapping { format: format.kind.name(), value: wrap };
            return Err(kind.into());
        }
        if columns != 1 {
            return Err(PropertyError::WrappingMany.into());
        }
        format.wrap_single = Some(wrap);
        return Ok(format);
    }
    if columns == 1
        && format.wrap_single.is_none()
        && wrapping == Wrapping::Either
        && let Some(wrap) = settings.get("ksql.persistence.wrap.single.values")
    {
        format.wrap_single = Some(wrap.eq_ignore_ascii_case("true"));
    }
    Ok(format)
}
