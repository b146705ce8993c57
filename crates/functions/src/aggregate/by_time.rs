//! LATEST_BY_TIME and EARLIEST_BY_TIME: the value of the row with the largest or smallest
//! timestamp, so that a row which comes late does not pass for "now".

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::NullBuffer;
use model::{Field, SqlType, Value};

use super::cells::{Cells, with_cells};
use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

pub(super) fn create_latest(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let (ty, time) = (creation.arg(0), creation.arg(1));
    Ok(with_cells!(ty, make(ty, time, true)))
}

pub(super) fn create_earliest(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    let (ty, time) = (creation.arg(0), creation.arg(1));
    Ok(with_cells!(ty, make(ty, time, false)))
}

fn make<C: Cells + 'static>(ty: &SqlType, time: &SqlType, latest: bool) -> Box<dyn Aggregator> {
    let of_timestamp = *time == SqlType::Timestamp;
    let cells = C::new(ty);
    let (times, best) = (Vec::new(), Vec::new());
    Box::new(Folded(ByTime { ty: ty.clone(), of_timestamp, latest, cells, times, best }))
}

struct ByTime<C> {
    ty: SqlType,
    /// The second argument is a TIMESTAMP, else a BIGINT.
    of_timestamp: bool,
    latest: bool,
    cells: C,
    /// The time of each group's value.
    times: Vec<Option<i64>>,
    /// Used within [`Fold::add_at_once`]: the best row of each group, [`NO_ROW`] between calls.
    best: Vec<u32>,
}

/// A group that has no row in the batch which beats what it had.
const NO_ROW: u32 = u32::MAX;

impl<C> ByTime<C> {
    /// Does a row of this time replace what the group has?
    fn wins(&self, group: usize, time: i64) -> bool {
        match self.times[group] {
            None => true,
            Some(best) if self.latest => time >= best,
            Some(best) => time < best,
        }
    }
}

/// Columns of values and times.
struct View<'a, V> {
    values: V,
    values_null: Option<&'a NullBuffer>,
    times: &'a [i64],
    times_null: Option<&'a NullBuffer>,
}

impl<C: Cells + 'static> Fold for ByTime<C> {
    type Args<'a> = View<'a, C::View<'a>>;
    type Results = C::Results;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> Self::Args<'a> {
        let times: &[i64] = if self.of_timestamp {
            args[1].as_primitive::<TimestampMillisecondType>().values()
        } else {
            args[1].as_primitive::<Int64Type>().values()
        };
        View {
            values: C::view(&args[0]),
            values_null: args[0].nulls(),
            times,
            times_null: args[1].nulls(),
        }
    }

    fn grow(&mut self, groups: usize) {
        self.cells.grow(groups);
        self.times.resize(groups.max(self.times.len()), None);
    }

    fn add(&mut self, group: usize, args: &Self::Args<'_>, row: usize) -> Result<(), String> {
        if args.times_null.is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(());
        }
        let time = args.times[row];
        if self.wins(group, time) {
            self.times[group] = Some(time);
            if args.values_null.is_some_and(|nulls| nulls.is_null(row)) {
                self.cells.set_null(group);
            } else {
                self.cells.set(group, args.values, row);
            }
        }
        Ok(())
    }

    /// Of the rows of a group only the best one counts: values are copied once a batch.
    fn add_at_once(&mut self, groups: &[u32], args: &[ArrayRef]) -> bool {
        let view = self.view(args);
        self.best.resize(self.times.len(), NO_ROW);
        let mut touched = Vec::new();
        for (row, &group) in groups.iter().enumerate() {
            let group = group as usize;
            let known = view.times_null.is_none_or(|nulls| nulls.is_valid(row));
            if known && self.wins(group, view.times[row]) {
                self.times[group] = Some(view.times[row]);
                if self.best[group] == NO_ROW {
                    touched.push(group);
                }
                self.best[group] = row as u32;
            }
        }
        for group in touched {
            let row = std::mem::replace(&mut self.best[group], NO_ROW) as usize;
            if view.values_null.is_some_and(|nulls| nulls.is_null(row)) {
                self.cells.set_null(group);
            } else {
                self.cells.set(group, view.values, row);
            }
        }
        true
    }

    fn merge(&mut self, into: usize, from: usize) {
        let wins = match (self.times[into], self.times[from]) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(a), Some(b)) if self.latest => b >= a,
            (Some(a), Some(b)) => b < a,
        };
        if wins {
            self.cells.copy(into, from);
            self.times[into] = self.times[from];
        }
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
        let time = self.times[group].map_or(Value::Null, Value::Bigint);
        Value::Struct(vec![time, self.cells.get(group)])
    }

    fn load(&mut self, group: usize, state: &Value) {
        let Value::Struct(parts) = state else { return self.reset(group) };
        self.times[group] = parts[0].as_i64();
        self.cells.put(group, &parts[1]);
    }

    fn reset(&mut self, group: usize) {
        self.cells.set_null(group);
        self.times[group] = None;
    }

    fn state_type(&self) -> SqlType {
        SqlType::Struct(vec![
            Field::new("TIME", SqlType::Bigint),
            Field::new("VAL", self.ty.clone()),
        ])
    }
}
