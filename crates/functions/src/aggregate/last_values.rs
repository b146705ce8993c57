//! LATEST_BY_OFFSET(x, n) and EARLIEST_BY_OFFSET(x, n): the last or first n values, oldest first.

use model::{Field, SqlType, Value};

use super::Aggregator;
use super::list::{Lists, Policy};

/// The aggregate of the `count` latest (or earliest) values of this type.
pub(super) fn make(
    ty: &SqlType,
    latest: bool,
    count: usize,
    ignore_nulls: bool,
) -> Box<dyn Aggregator> {
    let kept =
        SqlType::Struct(vec![Field::new("SEQ", SqlType::Bigint), Field::new("VAL", ty.clone())]);
    let policy = Numbered { latest, count, ignore_nulls, next: 1 };
    Lists::make(policy, vec![ty.clone()], ty.clone(), kept)
}

/// Elements are structs of a sequence number, which says what is later in a merge, and the value.
struct Numbered {
    latest: bool,
    count: usize,
    ignore_nulls: bool,
    next: i64,
}

fn sequence(element: &Value) -> i64 {
    match element {
        Value::Struct(parts) => parts[0].as_i64().unwrap_or(0),
        _ => 0,
    }
}

impl Numbered {
    fn trim(&self, list: &mut Vec<Value>) {
        let surplus = list.len().saturating_sub(self.count);
        if self.latest {
            list.drain(..surplus);
        } else {
            list.truncate(self.count);
        }
    }
}

impl Policy for Numbered {
    type Index = ();

    fn add(&mut self, list: &mut Vec<Value>, _: &mut (), value: Value) -> Result<(), String> {
        if !(value.is_null() && self.ignore_nulls) {
            list.push(Value::Struct(vec![Value::Bigint(self.next), value]));
            self.next += 1;
            self.trim(list);
        }
        Ok(())
    }

    fn merge(&mut self, list: &mut Vec<Value>, _: &mut (), from: &[Value]) {
        list.extend_from_slice(from);
        list.sort_by_key(sequence);
        self.trim(list);
        self.next = self.next.max(list.last().map_or(0, sequence) + 1);
    }

    fn index(&self, _: &[Value]) {}

    fn told<'a>(&self, element: &'a Value) -> &'a Value {
        match element {
            Value::Struct(parts) => &parts[1],
            other => other,
        }
    }
}
