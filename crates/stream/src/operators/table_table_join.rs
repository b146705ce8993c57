//! JOIN of two tables on their keys: a change on either side changes the joined row.

use arrow_buffer::NullBuffer;
use sql::ast::JoinKind;

use crate::batch::{Batch, Side};
use crate::operators::filter::masked;
use crate::operators::join::{
    Cell, Input, Joined, JoinedRow, Port, joined_columns, joined_meta, joined_present, merged,
};
use crate::operators::{Cycle, Operator, ProcessError, two};
use crate::state::changelog::{Changelog, StoreId};
use crate::state::codec::DecodeError;
use crate::state::table_store::{StoredRow, TableStore};

/// Joins two tables on their keys.
pub struct TableTableJoin {
    left: Input,
    right: Input,
    kind: JoinKind,
    wants_old: bool,
    stays: Vec<bool>,
    left_table: TableStore,
    right_table: TableStore,
}

impl TableTableJoin {
    /// A join of these inputs. `stores`: for the left's rows and for the right's.
    pub fn new(
        left: Input,
        right: Input,
        kind: JoinKind,
        wants_old: bool,
        stores: [StoreId; 2],
    ) -> Self {
        let keys = left.key.positions.len();
        let columns = keys + left.types.len() + right.types.len();
        Self {
            stays: (0..columns).map(|i| i < keys).collect(),
            left,
            right,
            kind,
            wants_old,
            left_table: TableStore::new(stores[0]),
            right_table: TableStore::new(stores[1]),
        }
    }

    /// Does the join keep a row of `port` that finds nothing on the other side?
    fn keeps(&self, port: Port) -> bool {
        match self.kind {
            JoinKind::Inner => false,
            JoinKind::Left => port == Port::Left,
            JoinKind::Right => port == Port::Right,
            JoinKind::Full => true,
        }
    }
}

impl Operator for TableTableJoin {
    fn process(
        &mut self,
        inputs: Vec<Batch>,
        _cycle: &mut Cycle<'_>,
    ) -> Result<Batch, ProcessError> {
        let (left, right) = two(inputs);
        let keys = [self.left.key.keys(&left), self.right.key.keys(&right)];
        let writers = [self.left.writer(&left.new), self.right.writer(&right.new)];
        let (mut new, mut old) = (Joined::default(), Joined::default());
        for (port, row) in merged(&left, &right) {
            let (batch, input, keeps, keeps_other) = match port {
                Port::Left => (&left, &self.left, self.keeps(port), self.keeps(Port::Right)),
                Port::Right => (&right, &self.right, self.keeps(port), self.keeps(Port::Left)),
            };
            if input.key.is_null(&batch.new.columns, row) {
                continue;
            }
            let key = keys[port as usize].get(row);
            let is_new = batch.new.is_present(row);
            let stored = is_new.then(|| StoredRow {
                timestamp: batch.timestamps[row],
                row: writers[port as usize].row(row),
            });
            let (mine, theirs) = match port {
                Port::Left => (&mut self.left_table, &self.right_table),
                Port::Right => (&mut self.right_table, &self.left_table),
            };
            let before = mine.put(key, stored);
            let other = theirs.get(key);
            // Nothing to tell: no partner, and either none is kept alone or there is nothing to
            // keep.
            if other.is_none() && (!keeps || (!is_new && before.is_none())) {
                continue;
            }
            let timestamp =
                other.map_or(batch.timestamps[row], |o| o.timestamp.max(batch.timestamps[row]));
            let window = batch.windows.as_ref().map(|w| w[row]);
            let from = (port, row as u32);
            let push = |joined: &mut Joined, mine: Option<Cell>| {
                let present = match (&mine, other) {
                    (Some(_), Some(_)) => true,
                    (Some(_), None) => keeps,
                    (None, Some(_)) => keeps_other,
                    (None, None) => false,
                };
                let mine = mine.unwrap_or(Cell::None);
                let key_is_mine = mine != Cell::None;
                let theirs = match (other, port) {
                    (None, _) => Cell::None,
                    (Some(other), Port::Left) => joined.store_right(&other.row),
                    (Some(other), Port::Right) => joined.store_left(&other.row),
                };
                let key_from = match (port, key_is_mine) {
                    (Port::Left, true) | (Port::Right, false) => Port::Left,
                    _ => Port::Right,
                };
                let (left, right) =
                    if port == Port::Left { (mine, theirs) } else { (theirs, mine) };
                joined.rows.push(JoinedRow {
                    from,
                    left,
                    right,
                    present,
                    timestamp,
                    window,
                    key_from,
                });
            };
            // A tombstone's row still has the key, which is all that is told of it.
            push(&mut new, Some(Cell::Row(row as u32)).filter(|_| is_new));
            let last = new.rows.last_mut().expect("just pushed");
            if last.left == Cell::None && last.right == Cell::None {
                let cell = Cell::Row(row as u32);
                match port {
                    Port::Left => (last.left, last.key_from) = (cell, Port::Left),
                    Port::Right => (last.right, last.key_from) = (cell, Port::Right),
                }
            }
            if self.wants_old {
                let mine = before.map(|before| match port {
                    Port::Left => old.store_left(&before.row),
                    Port::Right => old.store_right(&before.row),
                });
                push(&mut old, mine);
            }
        }
        let inputs = (&self.left, &self.right);
        let mut out = joined_meta(&new.rows, &left, &right);
        let columns = joined_columns(inputs, (&left, &right), &new)?;
        out.new = match joined_present(&new.rows) {
            Some(present) => masked(Side { columns, present: None }, present, &self.stays),
            None => Side { columns, present: None },
        };
        if self.wants_old {
            let present: NullBuffer = old.rows.iter().map(|j| j.present).collect::<Vec<_>>().into();
            let columns = joined_columns(inputs, (&left, &right), &old)?;
            out.old = Some(masked(Side { columns, present: None }, present, &self.stays));
        }
        Ok(out)
    }

    fn flush(&mut self, log: &mut Changelog) {
        self.left_table.flush(log);
        self.right_table.flush(log);
    }

    fn stores(&self) -> Vec<StoreId> {
        vec![self.left_table.id(), self.right_table.id()]
    }

    fn restore(
        &mut self,
        store: StoreId,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if store == self.left_table.id() {
            self.left_table.restore(key, value)
        } else {
            self.right_table.restore(key, value)
        }
    }
}
