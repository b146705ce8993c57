//! Keys as small numbers: each distinct key gets a slot, which is free again once the key is gone.
//! Stores and groups keep what belongs to a key in plain vectors, by slot.

use hashbrown::HashTable;

/// Keys and their slots.
#[derive(Debug, Default)]
pub struct KeyMap {
    slots: HashTable<u32>,
    keys: Vec<Box<[u8]>>,
    free: Vec<u32>,
    hasher: ahash::RandomState,
}

impl KeyMap {
    /// The slot of a key.
    pub fn get(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.slots.find(hash, |&slot| *self.keys[slot as usize] == *key).copied()
    }

    /// The slot of a key, which gets one if it has none; and whether it is new.
    pub fn insert(&mut self, key: &[u8]) -> (u32, bool) {
        let hash = self.hasher.hash_one(key);
        if let Some(&slot) = self.slots.find(hash, |&slot| *self.keys[slot as usize] == *key) {
            return (slot, false);
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.keys[slot as usize] = key.into();
                slot
            }
            None => {
                self.keys.push(key.into());
                (self.keys.len() - 1) as u32
            }
        };
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.slots.insert_unique(hash, slot, |&slot| hasher.hash_one(&*keys[slot as usize]));
        (slot, true)
    }

    /// Forgets the key in a slot.
    pub fn remove(&mut self, slot: u32) {
        let hash = self.hasher.hash_one(&*self.keys[slot as usize]);
        if let Ok(entry) = self.slots.find_entry(hash, |&s| s == slot) {
            entry.remove();
            self.keys[slot as usize] = Box::default();
            self.free.push(slot);
        }
    }

    /// Gives a slot another key, which must not have one yet.
    pub fn rename(&mut self, slot: u32, key: &[u8]) {
        let hash = self.hasher.hash_one(&*self.keys[slot as usize]);
        if let Ok(entry) = self.slots.find_entry(hash, |&s| s == slot) {
            entry.remove();
        }
        self.keys[slot as usize] = key.into();
        let (keys, hasher) = (&self.keys, &self.hasher);
        let hash = hasher.hash_one(key);
        self.slots.insert_unique(hash, slot, |&slot| hasher.hash_one(&*keys[slot as usize]));
    }

    /// The key in a slot.
    pub fn key(&self, slot: u32) -> &[u8] {
        &self.keys[slot as usize]
    }

    /// One above the highest slot ever used: how long vectors by slot must be.
    pub fn slots(&self) -> usize {
        self.keys.len()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All slots in use, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again() {
        let mut keys = KeyMap::default();
        assert_eq!(keys.insert(b"a"), (0, true));
        assert_eq!(keys.insert(b"b"), (1, true));
        assert_eq!(keys.insert(b"a"), (0, false));
        keys.remove(0);
        assert_eq!(keys.get(b"a"), None);
        assert_eq!(keys.insert(b"c"), (0, true));
        assert_eq!((keys.key(0), keys.len(), keys.slots()), (&b"c"[..], 2, 2));
    }
}
