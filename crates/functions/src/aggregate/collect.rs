//! COLLECT_LIST and COLLECT_SET: all values, or all different ones, up to a limit.

use std::collections::HashSet;

use model::Value;

use super::distinct::encoded;
use super::list::{Lists, Policy};
use super::{Aggregator, Creation};

pub(super) fn create_list(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0).clone();
    let policy = All { limit: creation.limits.collect_list };
    Ok(Lists::make(policy, vec![ty.clone()], ty.clone(), ty))
}

pub(super) fn create_set(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0).clone();
    let policy = Different { limit: creation.limits.collect_set };
    Ok(Lists::make(policy, vec![ty.clone()], ty.clone(), ty))
}

struct All {
    limit: usize,
}

impl Policy for All {
    type Index = ();

    fn add(&mut self, list: &mut Vec<Value>, _: &mut (), value: Value) -> Result<(), String> {
        if list.len() < self.limit {
            list.push(value);
        }
        Ok(())
    }

    /// The last equal one goes, as in ksqlDB: which one came from this row is not known.
    fn undo(&mut self, list: &mut Vec<Value>, _: &mut (), value: &Value) {
        if let Some(at) = list.iter().rposition(|element| element == value) {
            list.remove(at);
        }
    }

    fn merge(&mut self, list: &mut Vec<Value>, _: &mut (), from: &[Value]) {
        let room = self.limit.saturating_sub(list.len());
        list.extend(from.iter().take(room).cloned());
    }
}

struct Different {
    limit: usize,
}

impl Policy for Different {
    type Index = HashSet<Vec<u8>>;

    fn add(
        &mut self,
        list: &mut Vec<Value>,
        seen: &mut HashSet<Vec<u8>>,
        value: Value,
    ) -> Result<(), String> {
        if list.len() < self.limit && seen.insert(encoded(&value)) {
            list.push(value);
        }
        Ok(())
    }

    fn merge(&mut self, list: &mut Vec<Value>, seen: &mut HashSet<Vec<u8>>, from: &[Value]) {
        for value in from {
            if list.len() < self.limit && seen.insert(encoded(value)) {
                list.push(value.clone());
            }
        }
    }

    fn index(&self, list: &[Value]) -> HashSet<Vec<u8>> {
        list.iter().map(encoded).collect()
    }
}
