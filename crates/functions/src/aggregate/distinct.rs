//! COUNT_DISTINCT: exact while there are few different values, an estimate (HyperLogLog) after.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::builder::Int64Builder;
use arrow_array::{Array, ArrayRef};
use model::column::value_at;
use model::{SqlType, Value};

use super::fold::{Fold, Folded};
use super::{Aggregator, Creation};

/// So many hashes are kept exactly; 32 KiB.
const EXACT_MAX: usize = 4096;

/// How many bits of a hash choose the register.
const REGISTER_BITS: u32 = 14;

/// 16,384 registers: a standard error of 0.8 %.
const REGISTERS: usize = 1 << REGISTER_BITS;

pub(super) fn create(creation: &Creation<'_>) -> Result<Box<dyn Aggregator>, String> {
    Ok(Box::new(Folded(Distinct { ty: creation.arg(0).clone(), groups: Vec::new() })))
}

/// A text of bytes that is the same for equal values of one type and different for others.
pub(super) fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes);
    bytes
}

fn encode(value: &Value, bytes: &mut Vec<u8>) {
    let mut sized = |tag: u8, content: &[u8]| {
        bytes.push(tag);
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.extend_from_slice(content);
    };
    match value {
        Value::Null => bytes.push(0),
        Value::Boolean(truth) => bytes.extend_from_slice(&[1, u8::from(*truth)]),
        Value::Integer(n) | Value::Date(n) | Value::Time(n) => sized(2, &n.to_le_bytes()),
        Value::Bigint(n) | Value::Timestamp(n) => sized(3, &n.to_le_bytes()),
        Value::Double(n) => sized(4, &n.to_bits().to_le_bytes()),
        Value::Decimal(n) => {
            sized(5, &n.unscaled.to_le_bytes());
            bytes.push(n.scale);
        }
        Value::String(text) => sized(6, text.as_bytes()),
        Value::Bytes(content) => sized(7, content),
        Value::Array(items) => {
            bytes.push(8);
            bytes.extend_from_slice(&(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| encode(item, bytes));
        }
        Value::Map(entries) => {
            let pairs = entries.iter().map(|(key, value)| (encoded(key), encoded(value)));
            let mut pairs: Vec<_> = pairs.collect();
            pairs.sort();
            bytes.push(9);
            bytes.extend_from_slice(&(pairs.len() as u64).to_le_bytes());
            for (key, value) in pairs {
                bytes.extend_from_slice(&key);
                bytes.extend_from_slice(&value);
            }
        }
        Value::Struct(fields) => {
            bytes.push(10);
            fields.iter().for_each(|field| encode(field, bytes));
        }
    }
}

/// FNV-1a, mixed once more. Part of what is stored: must never change.
fn hash(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The state of a group, saved as an array of BIGINT: the hashes, or 2,048 numbers of eight
/// registers each behind a first number of -1.
#[derive(Clone)]
enum Sketch {
    Exact(BTreeSet<u64>),
    Registers(Box<[u8; REGISTERS]>),
}

impl Default for Sketch {
    fn default() -> Self {
        Sketch::Exact(BTreeSet::new())
    }
}

impl Sketch {
    fn add(&mut self, hash: u64) {
        match self {
            Sketch::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let hashes = std::mem::take(hashes);
                    *self = Sketch::Registers(Box::new([0; REGISTERS]));
                    hashes.into_iter().for_each(|hash| self.add(hash));
                }
            }
            Sketch::Registers(registers) => {
                let at = (hash >> (64 - REGISTER_BITS)) as usize;
                let rank = (hash << REGISTER_BITS).leading_zeros().min(64 - REGISTER_BITS) + 1;
                registers[at] = registers[at].max(rank as u8);
            }
        }
    }

    fn merge(&mut self, other: &Sketch) {
        match other {
            Sketch::Exact(hashes) => hashes.iter().for_each(|hash| self.add(*hash)),
            Sketch::Registers(theirs) => {
                if let Sketch::Exact(hashes) = self {
                    let hashes = std::mem::take(hashes);
                    *self = Sketch::Registers(theirs.clone());
                    hashes.into_iter().for_each(|hash| self.add(hash));
                } else if let Sketch::Registers(ours) = self {
                    ours.iter_mut().zip(theirs.iter()).for_each(|(a, b)| *a = (*a).max(*b));
                }
            }
        }
    }

    fn estimate(&self) -> i64 {
        match self {
            Sketch::Exact(hashes) => hashes.len() as i64,
            Sketch::Registers(registers) => {
                let count = REGISTERS as f64;
                let sum: f64 = registers.iter().map(|rank| 2f64.powi(-i32::from(*rank))).sum();
                let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / sum;
                let empty = registers.iter().filter(|rank| **rank == 0).count();
                if raw <= 2.5 * count && empty > 0 {
                    (count * (count / empty as f64).ln()).round() as i64
                } else {
                    raw.round() as i64
                }
            }
        }
    }

    fn save(&self) -> Value {
        match self {
            Sketch::Exact(hashes) => {
                Value::Array(hashes.iter().map(|hash| Value::Bigint(*hash as i64)).collect())
            }
            Sketch::Registers(registers) => {
                let words = registers.as_chunks::<8>().0.iter();
                let words = words.map(|chunk| Value::Bigint(i64::from_le_bytes(*chunk)));
                Value::Array(std::iter::once(Value::Bigint(-1)).chain(words).collect())
            }
        }
    }

    fn load(state: &Value) -> Sketch {
        let Value::Array(words) = state else { return Sketch::default() };
        let words: Vec<_> = words.iter().filter_map(Value::as_i64).collect();
        if words.len() == REGISTERS / 8 + 1 && words[0] == -1 {
            let bytes: Vec<u8> = words[1..].iter().flat_map(|word| word.to_le_bytes()).collect();
            if let Ok(registers) = bytes.into_boxed_slice().try_into() {
                return Sketch::Registers(registers);
            }
        }
        Sketch::Exact(words.into_iter().map(|word| word as u64).collect())
    }
}

struct Distinct {
    ty: SqlType,
    groups: Vec<Sketch>,
}

impl Fold for Distinct {
    type Args<'a> = &'a ArrayRef;
    type Results = Int64Builder;

    fn view<'a>(&self, args: &'a [ArrayRef]) -> &'a ArrayRef {
        &args[0]
    }

    fn grow(&mut self, groups: usize) {
        self.groups.resize(groups.max(self.groups.len()), Sketch::default());
    }

    fn add(&mut self, group: usize, column: &&ArrayRef, row: usize) -> Result<(), String> {
        if column.is_valid(row) {
            self.groups[group].add(hash(&encoded(&value_at(&self.ty, column, row))));
        }
        Ok(())
    }

    fn merge(&mut self, into: usize, from: usize) {
        let other = self.groups[from].clone();
        self.groups[into].merge(&other);
    }

    fn start(&self, capacity: usize) -> Int64Builder {
        Int64Builder::with_capacity(capacity)
    }

    fn tell(&self, group: usize, results: &mut Int64Builder) {
        results.append_value(self.groups[group].estimate());
    }

    fn finish(&self, mut results: Int64Builder) -> ArrayRef {
        Arc::new(results.finish())
    }

    fn save(&self, group: usize) -> Value {
        self.groups[group].save()
    }

    fn load(&mut self, group: usize, state: &Value) {
        self.groups[group] = Sketch::load(state);
    }

    fn reset(&mut self, group: usize) {
        self.groups[group] = Sketch::default();
    }

    fn state_type(&self) -> SqlType {
        SqlType::array(SqlType::Bigint)
    }
}
