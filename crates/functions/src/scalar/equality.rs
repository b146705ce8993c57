//! Equality of values as Java has it, with a hash that goes with it: what is distinct, and what is
//! among what, costs a step for each element.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use model::Value;

/// A value that is compared as Java does: NaN is equal to itself, 0.0 is not equal to -0.0, and the
/// order of a map's entries does not count.
#[derive(Clone, Copy)]
pub(super) struct Same<'a>(pub &'a Value);

impl PartialEq for Same<'_> {
    fn eq(&self, other: &Self) -> bool {
        let all = |a: &[Value], b: &[Value]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Same(a) == Same(b))
        };
        match (self.0, other.0) {
            (Value::Double(a), Value::Double(b)) => bits(*a) == bits(*b),
            (Value::Array(a), Value::Array(b)) | (Value::Struct(a), Value::Struct(b)) => all(a, b),
            (Value::Map(a), Value::Map(b)) => {
                let b_by_key: HashMap<Same<'_>, &Value> =
                    b.iter().map(|(key, value)| (Same(key), value)).collect();
                let has = |(key, value): &(Value, Value)| {
                    b_by_key.get(&Same(key)).is_some_and(|found| Same(found) == Same(value))
                };
                a.len() == b.len() && a.iter().all(has)
            }
            (a, b) => a == b,
        }
    }
}

impl Eq for Same<'_> {}

impl Hash for Same<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Value::Null => state.write_u8(0),
            Value::Boolean(truth) => truth.hash(state),
            Value::Integer(n) | Value::Date(n) | Value::Time(n) => n.hash(state),
            Value::Bigint(n) | Value::Timestamp(n) => n.hash(state),
            Value::Double(n) => bits(*n).hash(state),
            Value::Decimal(n) => (n.unscaled.to_le_bytes(), n.scale).hash(state),
            Value::String(text) => text.hash(state),
            Value::Bytes(bytes) => bytes.hash(state),
            Value::Array(items) | Value::Struct(items) => {
                items.iter().for_each(|item| Same(item).hash(state));
            }
            // Equal maps may have their entries in any order.
            Value::Map(entries) => entries.len().hash(state),
        }
    }
}

fn bits(n: f64) -> u64 {
    if n.is_nan() { f64::NAN.to_bits() } else { n.to_bits() }
}

/// A map of texts that is being made: of entries with one key the last counts, in the place of the
/// first.
#[derive(Default)]
pub(super) struct TextMap {
    entries: Vec<(Value, Value)>,
    places: HashMap<String, usize>,
}

impl TextMap {
    pub(super) fn put(&mut self, key: &str, value: Value) {
        match self.places.get(key) {
            Some(&at) => self.entries[at].1 = value,
            None => {
                self.places.insert(key.to_owned(), self.entries.len());
                self.entries.push((Value::String(key.to_owned()), value));
            }
        }
    }

    pub(super) fn finish(self) -> Value {
        Value::Map(self.entries)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn check(a: &Value, b: &Value, equal: bool) {
        assert_eq!(Same(a) == Same(b), equal, "{a:?} and {b:?}");
        assert_eq!(HashSet::from([Same(a), Same(b)]).len(), if equal { 1 } else { 2 });
    }

    #[test]
    fn values_are_equal_as_in_java() {
        let map = |entries: &[(&str, i32)]| {
            let entries = entries.iter();
            let entry = |(k, v): &(&str, i32)| (Value::String((*k).into()), Value::Integer(*v));
            Value::Map(entries.map(entry).collect())
        };
        check(&Value::Double(f64::NAN), &Value::Double(-f64::NAN), true);
        check(&Value::Double(0.0), &Value::Double(-0.0), false);
        check(&Value::Null, &Value::Null, true);
        check(&map(&[("a", 1), ("b", 2)]), &map(&[("b", 2), ("a", 1)]), true);
        check(&map(&[("a", 1), ("b", 2)]), &map(&[("a", 1), ("b", 3)]), false);
        let list = |n| Value::Array(vec![Value::Null, Value::Double(n)]);
        check(&list(1.0), &list(1.0), true);
        check(&list(1.0), &list(2.0), false);
    }

    #[test]
    fn the_last_entry_of_a_key_takes_the_first_ones_place() {
        let mut map = TextMap::default();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            map.put(key, Value::Integer(value));
        }
        let entry = |key: &str, value| (Value::String(key.into()), Value::Integer(value));
        assert_eq!(map.finish(), Value::Map(vec![entry("a", 3), entry("b", 2)]));
    }
}
