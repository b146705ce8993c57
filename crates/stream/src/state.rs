//! What operators remember: stores in memory, each a fold of its part of the query's changelog
//! topic, changed only together with the commit that carries the change.

pub mod changelog;
pub mod codec;
pub mod key_map;
pub mod stream_time;
pub mod table_store;
pub mod window_store;

pub use changelog::{Changelog, StoreId};
pub use key_map::KeyMap;
pub use stream_time::StreamTime;
pub use table_store::{StoredRow, TableStore};
pub use window_store::WindowStore;
