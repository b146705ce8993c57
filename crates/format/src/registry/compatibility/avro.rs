//! Avro's schema resolution: fields by name or alias, new ones with a default, numbers widened.

use std::collections::HashSet;

use super::reason;
use crate::avro::schema::{Avro, Named, NamedKind, Schema, parse};
use crate::registry::ResolvedSchema;

pub(super) fn can_read(
    reader: &ResolvedSchema,
    writer: &ResolvedSchema,
) -> Result<Vec<String>, String> {
    let reader = parse(&reader.text.schema, &reader.references)?;
    let writer = parse(&writer.text.schema, &writer.references)?;
    let mut check = Check { reader: &reader, writer: &writer, seen: HashSet::new() };
    let mut reasons = Vec::new();
    check.ty(&reader.root, &writer.root, "/", &mut reasons);
    Ok(reasons)
}

struct Check<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    /// Pairs of named types looked at already: types may contain themselves.
    seen: HashSet<(usize, usize)>,
}

impl Check<'_> {
    fn ty(&mut self, reader: &Avro, writer: &Avro, path: &str, reasons: &mut Vec<String>) {
        match (reader, writer) {
            (_, Avro::Union(branches)) => {
                for (i, branch) in branches.iter().enumerate() {
                    self.ty(reader, branch, &format!("{path}{i}/"), reasons);
                }
            }
            (Avro::Union(branches), _) => {
                let reads = |check: &mut Self, branch: &Avro| {
                    let seen = check.seen.clone();
                    let mut inner = Vec::new();
                    check.ty(branch, writer, path, &mut inner);
                    if !inner.is_empty() {
                        check.seen = seen;
                    }
                    inner.is_empty()
                };
                if !branches.iter().any(|branch| reads(self, branch)) {
                    let name = self.writer.branch_name(writer);
                    let what = format!("The reader union lacks the writer type {name}");
                    reasons.push(reason("MISSING_UNION_BRANCH", path, &what));
                }
            }
            (Avro::Array(reader), Avro::Array(writer)) => {
                self.ty(reader, writer, &format!("{path}items/"), reasons);
            }
            (Avro::Map(reader), Avro::Map(writer)) => {
                self.ty(reader, writer, &format!("{path}values/"), reasons);
            }
            (Avro::Named(reader), Avro::Named(writer)) => {
                if self.seen.insert((*reader, *writer)) {
                    self.named(*reader, *writer, path, reasons);
                }
            }
            _ if widens(reader, writer) => {}
            _ => {
                let what = format!(
                    "The type of the reader ({}) and of the writer ({}) do not match",
                    self.reader.branch_name(reader),
                    self.writer.branch_name(writer)
                );
                reasons.push(reason("TYPE_MISMATCH", path, &what));
            }
        }
    }

    fn named(&mut self, reader: usize, writer: usize, path: &str, reasons: &mut Vec<String>) {
        let (reader, writer) = (self.reader.named(reader), self.writer.named(writer));
        if !same_name(reader, writer) {
            let what = format!(
                "The name of the reader's type ({}) is not the writer's ({})",
                reader.full_name, writer.full_name
            );
            return reasons.push(reason("NAME_MISMATCH", path, &what));
        }
        match (&reader.kind, &writer.kind) {
            (
                NamedKind::Record { fields: reader_fields, .. },
                NamedKind::Record { fields: writer_fields, .. },
            ) => {
                for (i, field) in reader_fields.iter().enumerate() {
                    let path = format!("{path}fields/{i}/");
                    let found = writer_fields
                        .iter()
                        .find(|w| w.name == field.name || field.aliases.contains(&w.name));
                    match found {
                        Some(found) => self.ty(&field.ty, &found.ty, &path, reasons),
                        None if field.default.is_some() => {}
                        None => {
                            let what = format!(
                                "The field '{}' in the reader has no default value and is missing \
                                 in the writer",
                                field.name
                            );
                            let name = "READER_FIELD_MISSING_DEFAULT_VALUE";
                            reasons.push(reason(name, &path, &what));
                        }
                    }
                }
            }
            (
                NamedKind::Enum { symbols: reader_symbols, has_default },
                NamedKind::Enum { symbols, .. },
            ) => {
                let missing: Vec<_> =
                    symbols.iter().filter(|s| !reader_symbols.contains(s)).collect();
                if !missing.is_empty() && !has_default {
                    let what = format!("The reader lacks the enum symbols {missing:?}");
                    reasons.push(reason("MISSING_ENUM_SYMBOLS", path, &what));
                }
            }
            (NamedKind::Fixed { size: a, .. }, NamedKind::Fixed { size: b, .. }) => {
                if a != b {
                    let what = format!("The sizes of the fixed differ ({a} and {b})");
                    reasons.push(reason("FIXED_SIZE_MISMATCH", path, &what));
                }
            }
            _ => reasons.push(reason("TYPE_MISMATCH", path, "The types do not match")),
        }
    }
}

fn same_name(reader: &Named, writer: &Named) -> bool {
    let short = |name: &str| name.rsplit_once('.').map_or(name, |(_, s)| s).to_string();
    short(&reader.full_name) == short(&writer.full_name)
        || reader.aliases.iter().any(|a| *a == writer.full_name || *a == short(&writer.full_name))
}

fn widens(reader: &Avro, writer: &Avro) -> bool {
    match (reader, writer) {
        (Avro::Long(_), Avro::Int(_))
        | (Avro::Float, Avro::Int(_) | Avro::Long(_))
        | (Avro::Double, Avro::Int(_) | Avro::Long(_) | Avro::Float)
        | (Avro::String, Avro::Bytes(_))
        | (Avro::Bytes(_), Avro::String) => true,
        (Avro::Named(_), _) | (_, Avro::Named(_)) => false,
        _ => std::mem::discriminant(reader) == std::mem::discriminant(writer),
    }
}
