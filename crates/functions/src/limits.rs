//! How large the values may be that expressions make.
//!
//! A few words can ask for more than any machine has: `REPLACE` of a million letters by ten
//! thousand each, or a lambda within a lambda within a lambda. What multiplies sizes counts before
//! it makes anything; a value that would be too large fails its row.

use std::ops::Range;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use model::Value;

/// The most bytes of a text, or of BYTES, that a function makes.
pub const TEXT_BYTES_MAX: usize = 16 << 20;

/// The most elements of an ARRAY, or entries of a MAP, that a function makes.
pub const ELEMENTS_MAX: usize = 1_000_000;

/// The most bytes of all values of a batch together that an expression makes: well below what the
/// 32-bit offsets of a column can address.
pub const COLUMN_BYTES_MAX: usize = 256 << 20;

/// What to say of rows whose batch would be too large.
pub const COLUMN_TOO_LARGE: &str =
    "the values that this expression makes for the rows of a batch have more than 256 MiB together";

/// Is there room for a text, or BYTES, of so many bytes?
pub fn check_bytes(bytes: usize) -> Result<(), String> {
    if bytes > TEXT_BYTES_MAX {
        return Err(format!("the result would have more than {TEXT_BYTES_MAX} bytes"));
    }
    Ok(())
}

/// Is there room for an ARRAY, or a MAP, of so many elements?
pub fn check_elements(elements: usize) -> Result<(), String> {
    if elements > ELEMENTS_MAX {
        return Err(format!("the result would have more than {ELEMENTS_MAX} elements"));
    }
    Ok(())
}

/// Is a value small enough, with all that is within it? Its bytes, if it is.
pub fn check_value(value: &Value) -> Result<usize, String> {
    let all = |values: &mut dyn Iterator<Item = &Value>, count: usize| {
        check_elements(count)?;
        let mut sum = 8;
        for value in values {
            sum += check_value(value)?;
        }
        Ok(sum)
    };
    match value {
        Value::String(text) => check_bytes(text.len()).map(|()| text.len() + 4),
        Value::Bytes(bytes) => check_bytes(bytes.len()).map(|()| bytes.len() + 4),
        Value::Array(items) | Value::Struct(items) => all(&mut items.iter(), items.len()),
        Value::Map(entries) => {
            all(&mut entries.iter().flat_map(|(key, value)| [key, value]), entries.len())
        }
        _ => Ok(8),
    }
}

/// How many bytes the values in some rows of a column take.
pub fn bytes_in(array: &dyn Array, rows: Range<usize>) -> usize {
    let count = rows.len();
    let inner = |offsets: &[i32]| offsets[rows.start] as usize..offsets[rows.end] as usize;
    match array.data_type() {
        DataType::Utf8 => 4 * count + inner(array.as_string::<i32>().value_offsets()).len(),
        DataType::Binary => 4 * count + inner(array.as_binary::<i32>().value_offsets()).len(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            4 * count + bytes_in(list.values(), inner(list.value_offsets()))
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            4 * count + bytes_in(map.entries(), inner(map.value_offsets()))
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns();
            columns.iter().map(|column| bytes_in(column, rows.clone())).sum()
        }
        other => other.primitive_width().unwrap_or(1) * count,
    }
}

/// Would these rows of a column, one after the other, fit into one?
pub fn fits(array: &dyn Array, rows: impl Iterator<Item = usize>) -> bool {
    let mut bytes = 0;
    for row in rows {
        bytes += bytes_in(array, row..row + 1);
        if bytes > COLUMN_BYTES_MAX {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use model::SqlType;
    use model::column::column_of;

    use super::*;

    #[test]
    fn values_are_counted_with_all_that_is_in_them() {
        let text = |length: usize| Value::String("x".repeat(length));
        assert_eq!(check_value(&text(10)), Ok(14));
        assert_eq!(check_value(&Value::Array(vec![text(10), Value::Null])), Ok(30));
        assert!(check_value(&text(TEXT_BYTES_MAX + 1)).is_err());
        assert!(check_value(&Value::Array(vec![Value::Null; ELEMENTS_MAX + 1])).is_err());
    }

    #[test]
    fn rows_of_columns_are_counted_with_all_that_is_in_them() {
        let lists = SqlType::array(SqlType::String);
        let list = |texts: &[&str]| {
            Value::Array(texts.iter().map(|text| Value::String((*text).into())).collect())
        };
        let column = column_of(&lists, [&list(&["abc", ""]), &Value::Null, &list(&["de"])]);
        assert_eq!(bytes_in(&column, 0..1), 4 + 2 * 4 + 3);
        assert_eq!(bytes_in(&column, 1..2), 4);
        assert_eq!(bytes_in(&column.slice(2, 1), 0..1), 4 + 4 + 2);
        let large = column_of(&SqlType::String, [&Value::String("x".repeat(1 << 20))]);
        assert!(fits(&large, std::iter::repeat_n(0, 200)));
        assert!(!fits(&large, std::iter::repeat_n(0, 1_000_000)));
    }
}
