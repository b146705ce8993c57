//! Cells as JSON: numbers as Java writes them, bytes in base64, days and milliseconds as numbers,
//! characters beyond the BMP as escapes.

use crate::text::{write_base64, write_decimal, write_f64, write_i64};
use crate::view::View;

/// How maps are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapStyle {
    /// As objects: `{"a":1}`.
    Object,
    /// As arrays of entries: `[{"key":"a","value":1}]`.
    Entries,
}

/// Appends a cell.
pub(crate) fn write_value(
    view: &View<'_>,
    names: &Names,
    row: usize,
    style: MapStyle,
    out: &mut Vec<u8>,
) {
    if view.is_null(row) {
        return out.extend_from_slice(b"null");
    }
    match view {
        View::Boolean(a) => out.extend_from_slice(if a.value(row) { b"true" } else { b"false" }),
        View::Integer(a) => write_i64(i64::from(a.value(row)), out),
        View::Bigint(a) => write_i64(a.value(row), out),
        View::Double(a) => {
            let value = a.value(row);
            match value.is_finite() {
                true => write_f64(value, out),
                false => {
                    out.push(b'"');
                    write_f64(value, out);
                    out.push(b'"');
                }
            }
        }
        View::Decimal(a) => write_decimal(a.value(row), out),
        View::String(a) => write_string(a.value(row), out),
        View::Bytes(a) => {
            out.push(b'"');
            write_base64(a.value(row), out);
            out.push(b'"');
        }
        View::Date(a) => write_i64(i64::from(a.value(row)), out),
        View::Time(a) => write_i64(i64::from(a.value(row)), out),
        View::Timestamp(a) => write_i64(a.value(row), out),
        View::Array(rows, items) => {
            out.push(b'[');
            for (i, item) in rows.range(row).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(items, &names.inner[0], item, style, out);
            }
            out.push(b']');
        }
        View::Map(rows, entries) => {
            let [keys, values] = &entries[..] else { unreachable!("a MAP has keys and values") };
            let (open, close) = match style {
                MapStyle::Object => (b'{', b'}'),
                MapStyle::Entries => (b'[', b']'),
            };
            out.push(open);
            for (i, entry) in rows.range(row).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                match style {
                    MapStyle::Object => {
                        write_value(keys, &names.inner[0], entry, style, out);
                        out.push(b':');
                        write_value(values, &names.inner[1], entry, style, out);
                    }
                    MapStyle::Entries => {
                        out.extend_from_slice(b"{\"key\":");
                        write_value(keys, &names.inner[0], entry, style, out);
                        out.extend_from_slice(b",\"value\":");
                        write_value(values, &names.inner[1], entry, style, out);
                        out.push(b'}');
                    }
                }
            }
            out.push(close);
        }
        View::Struct(_, fields) => write_object(fields, names, row, style, out),
    }
}

/// Appends an object with a member for each view.
pub(crate) fn write_object(
    views: &[View<'_>],
    names: &Names,
    row: usize,
    style: MapStyle,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (i, (view, prefix)) in views.iter().zip(&names.prefixes).enumerate() {
        // The comma and the name are written together.
        out.extend_from_slice(if i == 0 { &prefix[1..] } else { prefix });
        write_value(view, &names.inner[i], row, style, out);
    }
    out.push(b'}');
}

/// The names of an object's members, written once, and those of what they hold.
pub(crate) struct Names {
    /// `,"name":`
    prefixes: Vec<Vec<u8>>,
    inner: Vec<Names>,
}

impl Names {
    /// The names in a row of these columns.
    pub(crate) fn of_columns(columns: &[(String, model::SqlType)]) -> Self {
        let prefix = |name: &str| {
            let mut prefix = vec![b','];
            write_string(name, &mut prefix);
            prefix.push(b':');
            prefix
        };
        Self {
            prefixes: columns.iter().map(|(name, _)| prefix(name)).collect(),
            inner: columns.iter().map(|(_, ty)| Names::of(ty)).collect(),
        }
    }

    /// The names inside of the only column.
    pub(crate) fn only(&self) -> &Names {
        &self.inner[0]
    }

    /// The names inside of a value of this type.
    pub(crate) fn of(ty: &model::SqlType) -> Self {
        match ty {
            model::SqlType::Array(element) => {
                Self { prefixes: Vec::new(), inner: vec![Names::of(element)] }
            }
            model::SqlType::Map(key, value) => {
                Self { prefixes: Vec::new(), inner: vec![Names::of(key), Names::of(value)] }
            }
            model::SqlType::Struct(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
                Names::of_columns(&fields)
            }
            _ => Self { prefixes: Vec::new(), inner: Vec::new() },
        }
    }
}

/// Appends a text in quotes.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let is_plain = |b: u8| b >= 0x20 && b != b'"' && b != b'\\' && b < 0xf0;
    if text.bytes().all(is_plain) {
        out.extend_from_slice(text.as_bytes());
    } else {
        for c in text.chars() {
            write_char(c, out);
        }
    }
    out.push(b'"');
}

fn write_char(c: char, out: &mut Vec<u8>) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        c if (c as u32) < 0x20 || (c as u32) > 0xffff => {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.extend_from_slice(format!("\\u{unit:04X}").as_bytes());
            }
        }
        c => {
            let mut bytes = [0; 4];
            out.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
        }
    }
}
