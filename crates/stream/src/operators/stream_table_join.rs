//! JOIN of a stream with a table: each row of the stream meets the table as it is at that moment.

use sql::ast::JoinKind;

use crate::batch::{Batch, Side};
use crate::operators::join::{
    Cell, Input, Joined, JoinedRow, Port, joined_columns, joined_meta, merged,
};
use crate::operators::{Cycle, Operator, ProcessError, two};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::DecodeError;
use crate::state::table_store::{StoredRow, TableStore};

/// Joins a stream with a table.
pub struct StreamTableJoin {
    left: Input,
    right: Input,
    keeps_unmatched: bool,
    table: TableStore,
}

impl StreamTableJoin {
    /// A join of these inputs; `kind` is INNER or LEFT.
    pub fn new(left: Input, right: Input, kind: JoinKind, store: StoreId) -> Self {
        let keeps_unmatched = kind != JoinKind::Inner;
        Self { left, right, keeps_unmatched, table: TableStore::new(store) }
    }
}

impl Operator for StreamTableJoin {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        _cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let (left, right) = two(inputs);
        let left_keys = self.left.key.keys(&left);
        let right_keys = self.right.key.keys(&right);
        let right_rows = self.right.writer(&right.new);
        let mut joined = Joined::default();
        // Where the newest row of each key met in this batch is among the stored rows used.
        let mut known: hashbrown::HashMap<&[u8], u32, ahash::RandomState> = Default::default();
        for (port, row) in merged(&left, &right) {
            if port == Port::Right {
                let key = right_keys.get(row);
                let stored = right.new.is_present(row).then(|| StoredRow {
                    timestamp: right.timestamps[row],
                    row: right_rows.row(row),
                });
                self.table.put(key, stored);
                known.remove(key);
                continue;
            }
            if !left.new.is_present(row) {
                continue;
            }
            let is_null = self.left.key.is_null(&left.new.columns, row);
            let key = left_keys.get(row);
            let found = if is_null {
                None
            } else if let Some(&at) = known.get(key) {
                Some(Cell::Stored(at))
            } else {
                let cell = self.table.get(key).map(|stored| joined.store_right(&stored.row));
                if let Some(Cell::Stored(at)) = cell {
                    known.insert(key, at);
                }
                cell
            };
            if found.is_none() && !self.keeps_unmatched {
                continue;
            }
            joined.rows.push(JoinedRow {
                from: (Port::Left, row as u32),
                left: Cell::Row(row as u32),
                right: found.unwrap_or(Cell::None),
                present: true,
                timestamp: left.timestamps[row],
                window: left.windows.as_ref().map(|w| w[row]),
                key_from: Port::Left,
            });
        }
        let mut out = joined_meta(&joined.rows, &left, &right);
        let columns = joined_columns((&self.left, &self.right), (&left, &right), &joined)?;
        out.new = Side { columns, present: None };
        Ok(out)
    }

    fn flush(&mut self, log: &mut Changelog) {
        self.table.flush(log);
    }

    fn stores(&self) -> Vec<StoreId> {
        vec![self.table.id()]
    }

    fn restore(
        &mut self,
        _store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        self.table.restore(key, value)
    }
}
