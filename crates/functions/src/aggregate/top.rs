//! TOPK and TOPKDISTINCT: the k largest values, largest first.

use std::cmp::Ordering;

use model::{Field, SqlType, Value};

use super::list::{Lists, Policy};
use super::{Aggregator, Creation};
use crate::ArgType;

/// The type of TOPK(value, columns…, k).
pub(super) fn result_type(args: &[ArgType]) -> Result<SqlType, String> {
    let types: Option<Vec<_>> = args.iter().map(|arg| arg.sql().cloned()).collect();
    let types = types.ok_or("CAST the NULL to the type it stands for")?;
    let [columns @ .., _] = &types[..] else { return Err("k is missing".to_string()) };
    Ok(SqlType::array(element_type(columns)))
}

fn element_type(columns: &[SqlType]) -> SqlType {
    match columns {
        [value] => value.clone(),
        columns => {
            let name = |at: usize| match at {
                0 => "sort_col".to_string(),
                at => format!("col{}", at - 1),
            };
            let fields = columns.iter().enumerate();
            SqlType::Struct(fields.map(|(at, ty)| Field::new(name(at), ty.clone())).collect())
        }
    }
}

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    make(creation, false)
}

pub(super) fn create_distinct(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    make(creation, true)
}

fn make(creation: &Creation<'_>, distinct: bool) -> Result<Box<dyn Aggregator>, String> {
    let k = creation.literals.first().and_then(Value::as_i64).ok_or("k must be a number")?;
    let columns = creation.call.args.len().saturating_sub(1);
    let types: Vec<_> = (0..columns).map(|at| creation.arg(at).clone()).collect();
    let told = element_type(&types);
    Ok(Lists::make(Top { k, distinct }, types, told.clone(), told))
}

struct Top {
    /// How many; below 0: all.
    k: i64,
    distinct: bool,
}

fn key(element: &Value) -> &Value {
    match element {
        Value::Struct(parts) => &parts[0],
        other => other,
    }
}

fn order(a: &Value, b: &Value) -> Ordering {
    key(a).sql_cmp(key(b)).unwrap_or(Ordering::Equal)
}

impl Top {
    fn insert(&self, list: &mut Vec<Value>, value: Value) {
        let at = list.partition_point(|element| order(element, &value) != Ordering::Less);
        if self.distinct && at > 0 && order(&list[at - 1], &value) == Ordering::Equal {
            return;
        }
        list.insert(at, value);
        if let Ok(k) = usize::try_from(self.k) {
            list.truncate(k);
        }
    }
}

impl Policy for Top {
    type Index = ();

    fn add(&mut self, list: &mut Vec<Value>, _: &mut (), value: Value) -> Result<(), String> {
        if key(&value).is_null() {
            return Ok(());
        }
        if self.k == 0 {
            return Err("k must not be 0".to_string());
        }
        self.insert(list, value);
        Ok(())
    }

    fn merge(&mut self, list: &mut Vec<Value>, _: &mut (), from: &[Value]) {
        for value in from {
            self.insert(list, value.clone());
        }
    }
}
