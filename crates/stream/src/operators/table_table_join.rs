//! JOIN of two tables on their keys: a change on either side changes the joined row.

use arrow_buffer::NullBuffer;
use sql::ast::JoinKind;

use crate::batch::{Batch, Side, WindowBounds};
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

/// A change of one side's row, and what it meets on the other.
struct Change<'a> {
    /// The side that changed, and which row of its batch changed it.
    from: (Port, u32),
    other: Option<&'a StoredRow>,
    /// Does the join keep a row of this side that finds nothing?
    keeps: bool,
    /// And one of the other side?
    keeps_other: bool,
    timestamp: i64,
    window: Option<WindowBounds>,
}

impl Change<'_> {
    /// The joined row with this row of the changed side; none: without one.
    fn joined(&self, joined: &mut Joined, mine: Option<Cell>) -> JoinedRow {
        let port = self.from.0;
        let present = match (&mine, self.other) {
            (Some(_), Some(_)) => true,
            (Some(_), None) => self.keeps,
            (None, Some(_)) => self.keeps_other,
            (None, None) => false,
        };
        let theirs = match (self.other, port) {
            (None, _) => Cell::None,
            (Some(other), Port::Left) => joined.store_right(&other.row),
            (Some(other), Port::Right) => joined.store_left(&other.row),
        };
        let key_from = if mine.is_some() { port } else { port.other() };
        let mine = mine.unwrap_or(Cell::None);
        let (left, right) = if port == Port::Left { (mine, theirs) } else { (theirs, mine) };
        let (from, timestamp, window) = (self.from, self.timestamp, self.window);
        JoinedRow { from, left, right, present, timestamp, window, key_from }
    }

    /// A row with nothing on either side still has the key of the tombstone that made it, which is
    /// all that is told of it.
    fn with_key(&self, mut row: JoinedRow) -> JoinedRow {
        if row.left == Cell::None && row.right == Cell::None {
            let (port, at) = self.from;
            match port {
                Port::Left => row.left = Cell::Row(at),
                Port::Right => row.right = Cell::Row(at),
            }
            row.key_from = port;
        }
        row
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
        let wants_old = self.wants_old;
        let (mut new, mut old) = (Joined::default(), Joined::default());
        for (port, row) in merged(&left, &right) {
            let (batch, input) = match port {
                Port::Left => (&left, &self.left),
                Port::Right => (&right, &self.right),
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
            let (keeps, keeps_other) = (self.keeps(port), self.keeps(port.other()));
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
            let timestamp = batch.timestamps[row];
            let change = Change {
                from: (port, row as u32),
                other,
                keeps,
                keeps_other,
                timestamp: other.map_or(timestamp, |other| other.timestamp.max(timestamp)),
                window: batch.windows.as_ref().map(|windows| windows[row]),
            };
            let now = change.joined(&mut new, is_new.then_some(Cell::Row(row as u32)));
            new.rows.push(change.with_key(now));
            if wants_old {
                let mine = before.map(|before| match port {
                    Port::Left => old.store_left(&before.row),
                    Port::Right => old.store_right(&before.row),
                });
                let was = change.joined(&mut old, mine);
                old.rows.push(was);
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
