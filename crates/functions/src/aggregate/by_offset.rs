//! LATEST_BY_OFFSET and EARLIEST_BY_OFFSET of one value: the last or first row's, whatever its
//! time.

use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use model::{Field, SqlType, Value};

use super::cells::{Cells, with_cells};
use super::fold::{Fold, Folded};
use super::{Aggregator, Creation, last_values};

pub(super) fn create_latest(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    create(creation, true)
}

pub(super) fn create_earliest(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    create(creation, false)
}

fn create(creation: &Creation<'_>, latest: bool) -> Result<Box<dyn Aggregator>, String> {
    let ty = creation.arg(0);
    let ignore_nulls = creation.flag().unwrap_or(true);
    let name = if latest { "latestN" } else { "earliestN" };
    Ok(match creation.count(name)? {
        Some(count) => last_values::make(ty, latest, count, ignore_nulls),
        None => with_cells!(ty, make(ty, latest, ignore_nulls)),
    })
}

fn make<C: Cells + 'static>(ty: &SqlType, latest: bool, ignore_nulls: bool) -> Box<dyn Aggregator> {
    Box::new(Folded(ByOffset {
        ty: ty.clone(),
        latest,
        ignore_nulls,
        cells: C::new(ty),
        sequences: Vec::new(),
        next: 1,
        last: Vec::new(),
    }))
}

/// The sequence number of a group that has seen no row.
const NONE: i64 = 0;

struct ByOffset<C> {
    ty: SqlType,
    latest: bool,
    ignore_nulls: bool,
    cells: C,
    /// When each group's value came, in rows of all groups; says which is later in a merge.
    sequences: Vec<i64>,
    next: i64,
    /// Used within [`Fold::add_at_once`]: the last row of each group, [`NO_ROW`] between calls.
    last: Vec<u32>,
}

/// A group that has no row in the batch.
const NO_ROW: u32 = u32::MAX;

impl<C: Cells + 'static> Fold for ByOffset<C> {
    type Args<'a> = (C::View<'a>, Option<&'a NullBuffer>);
    type Results = C::Results;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Self::Args<'a> {
        (C::view(&args[0]), args[0].nulls())
    }

    fn grow(&mut self, groups: usize) {
        self.cells.grow(groups);
        self.sequences.resize(groups.max(self.sequences.len()), NONE);
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        let (view, nulls) = *args;
        let valid = nulls.is_none_or(|nulls| nulls.is_valid(row));
        if (valid || !self.ignore_nulls) && (self.latest || self.sequences[group] == NONE) {
            if valid {
                self.cells.set(group, view, row);
            } else {
                self.cells.set_null(group);
            }
            self.sequences[group] = self.next;
            self.next += 1;
        }
        Ok(())
    }

    /// Of the rows of a group only the last one counts: values are copied once a batch.
    fn add_at_once(&mut self, groups: &[u32], args: &[ArrayRef]) -> bool {
        if !self.latest {
            return false;
        }
        let view = C::view(&args[0]);
        let nulls = args[0].nulls().filter(|nulls| nulls.null_count() > 0);
        self.last.resize(self.sequences.len(), NO_ROW);
        let mut touched = Vec::new();
        for (row, &group) in groups.iter().enumerate() {
            if self.ignore_nulls && nulls.is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let last = &mut self.last[group as usize];
            if *last == NO_ROW {
                touched.push(group as usize);
            }
            *last = row as u32;
        }
        for group in touched {
            let row = std::mem::replace(&mut self.last[group], NO_ROW) as usize;
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                self.cells.set_null(group);
            } else {
                self.cells.set(group, view, row);
            }
            self.sequences[group] = self.next + row as i64;
        }
        self.next += groups.len() as i64;
        true
    }

    fn merge(&mut self, into: usize, from: usize) {
        let (a, b) = (self.sequences[into], self.sequences[from]);
        let replaces = b != NONE && (a == NONE || (if self.latest { b > a } else { b < a }));
        if replaces {
            self.cells.copy(into, from);
            self.sequences[into] = b;
        }
    }

    fn told_already(&self, args: &[ArrayRef]) -> Option<ArrayRef> {
        let at_once = self.latest && (!self.ignore_nulls || args[0].null_count() == 0);
        at_once.then(|| args[0].clone())
    }

    fn start(&self, capacity: usize) -> C::Results {
        self.cells.start(capacity)
    }

    fn tell(&self, group: usize, results: &mut C::Results) {
        self.cells.tell(group, results);
    }

    fn finish(&self, results: C::Results) -> ArrayRef {
        self.cells.finish(results)
    }

    fn save(&self, group: usize) -> Value {
        Value::Struct(vec![Value::Bigint(self.sequences[group]), self.cells.get(group)])
    }

    fn load(&mut self, group: usize, state: &Value) {
        let Value::Struct(parts) = state else { return self.reset(group) };
        self.sequences[group] = parts[0].as_i64().unwrap_or(NONE);
        self.next = self.next.max(self.sequences[group] + 1);
        self.cells.put(group, &parts[1]);
    }

    fn reset(&mut self, group: usize) {
        self.cells.set_null(group);
        self.sequences[group] = NONE;
    }

    fn state_type(&self) -> SqlType {
        SqlType::Struct(vec![
            Field::new("SEQ", SqlType::Bigint),
            Field::new("VAL", self.ty.clone()),
        ])
    }
}
