//! PARTITION BY, and the change of key ahead of a join. Kafka Streams writes rows to a repartition
//! topic here; one process that reads all partitions only gives them their new partition's number.

use arrow_array::ArrayRef;
use sql::ast::SourceKind;
use sql::expr::Expr;

use crate::batch::{Batch, Side, mask_column};
use crate::operators::keys::Keys;
use crate::operators::{Cycle, Operator, ProcessError, one};

/// Gives rows another key, in front of their columns.
pub struct Rekey {
    /// One for each column of the key.
    pub keys: Vec<Expr>,
    /// For each: does it read anything but the old key?
    pub reads_value: Vec<bool>,
    /// STREAM or TABLE.
    pub kind: SourceKind,
}

impl Rekey {
    fn side(&self, side: &Side, rows: usize, cycle: &mut Cycle<'_>) -> Side {
        let key = |expr| cycle.evaluate(expr, side, rows, "PartitionBy");
        let mut keys: Vec<ArrayRef> = self.keys.iter().map(key).collect();
        if let (Some(present), SourceKind::Stream) = (&side.present, self.kind) {
            // What is made of a row's value is null where there is none.
            for (key, _) in keys.iter_mut().zip(&self.reads_value).filter(|(_, reads)| **reads) {
                *key = mask_column(key, present);
            }
        }
        let columns = keys.into_iter().chain(side.columns.iter().cloned()).collect();
        Side { columns, present: side.present.clone() }
    }

    /// A table's change of key is a tombstone of the old key and an insert of the new one.
    fn split(&self, batch: Batch) -> Batch {
        let Some(old) = &batch.old else { return batch };
        let count = self.keys.len();
        let types = || self.keys.iter().map(|k| &k.ty);
        let new_keys = Keys::of(types(), &batch.new.columns[..count], None, batch.rows);
        let old_keys = Keys::of(types(), &old.columns[..count], None, batch.rows);
        let moved = |row: usize| {
            batch.new.is_present(row)
                && old.is_present(row)
                && new_keys.get(row) != old_keys.get(row)
        };
        // A deleted row's key can only come from its old value.
        let gone = |row: usize| !batch.new.is_present(row) && old.is_present(row);
        if !(0..batch.rows).any(|row| moved(row) || gone(row)) {
            return batch;
        }
        // One row for the old key, one for the new: which side is kept of each.
        let mut rows = Vec::new();
        let mut keeps: Vec<(bool, bool)> = Vec::new();
        for row in 0..batch.rows {
            if moved(row) {
                rows.extend([row as u32, row as u32]);
                keeps.extend([(false, true), (true, false)]);
            } else {
                rows.push(row as u32);
                keeps.push((true, true));
            }
        }
        let mut out = batch.take(&rows);
        let old = out.old.take().expect("it had old values");
        let is_new: Vec<bool> =
            (0..out.rows).map(|i| keeps[i].0 && out.new.is_present(i)).collect();
        let is_old: Vec<bool> = (0..out.rows).map(|i| keeps[i].1 && old.is_present(i)).collect();
        let choose = arrow_array::BooleanArray::from(is_new.clone());
        let zip = |(i, (new, old)): (usize, (&ArrayRef, &ArrayRef))| {
            let mixed = arrow_select::zip::zip(&choose, new, old).expect("equal types");
            if i < count { mixed } else { new.clone() }
        };
        let columns = out.new.columns.iter().zip(&old.columns).enumerate().map(zip).collect();
        let stays: Vec<bool> = (0..out.new.columns.len()).map(|i| i < count).collect();
        let side = Side { columns, present: None };
        out.new = super::filter::masked(side, is_new.into(), &stays);
        out.old = Some(Side { present: Some(is_old.into()), ..old });
        out
    }
}

impl Operator for Rekey {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let mut batch = one(inputs);
        batch.keyless = None;
        batch.new = self.side(&batch.new, batch.rows, cycle);
        if let Some(old) = batch.old.take() {
            let mut silent = Vec::new();
            let mut quiet = Cycle { log: &mut silent, ..*cycle };
            batch.old = Some(self.side(&old, batch.rows, &mut quiet));
        }
        if self.kind == SourceKind::Table {
            batch = self.split(batch);
        }
        if !cycle.single_partition && cycle.partitions > 1 {
            let types = self.keys.iter().map(|k| &k.ty);
            let keys = Keys::of(types, &batch.new.columns[..self.keys.len()], None, batch.rows);
            let partition = |row| journal::partition_for_key(keys.get(row), cycle.partitions);
            batch.partitions = (0..batch.rows).map(partition).collect();
        }
        Ok(batch)
    }
}
