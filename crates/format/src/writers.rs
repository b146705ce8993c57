//! The schemas that records say they were written with: each is looked up once, and what a decoder
//! makes of it is kept.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::codec::subject;
use crate::registry::{Registry, ResolvedSchema, SchemaId, SchemaType};

/// What became of a schema: a decoder's plan, or why there is none.
type Made<T> = Result<Arc<T>, String>;

/// The schemas of one topic's keys or values, with what a decoder makes of each.
pub(crate) struct Writers<T> {
    schema_type: SchemaType,
    subject: String,
    registry: Arc<dyn Registry>,
    made: Mutex<HashMap<SchemaId, Made<T>>>,
}

impl<T> Writers<T> {
    pub(crate) fn new(
        schema_type: SchemaType,
        (topic, is_key): (&str, bool),
        registry: &Arc<dyn Registry>,
    ) -> Self {
        let (subject, registry) = (subject(topic, is_key), Arc::clone(registry));
        Self { schema_type, subject, registry, made: Mutex::default() }
    }

    /// What `make` makes of the schema of this id, or has made of it before.
    ///
    /// A schema that is not registered under the subject is none; it is asked for again each time,
    /// as it may come.
    pub(crate) fn get(
        &self,
        id: SchemaId,
        make: impl FnOnce(&ResolvedSchema) -> Result<T, String>,
    ) -> Result<Arc<T>, String> {
        if let Some(made) = self.made.lock().get(&id) {
            return made.clone();
        }
        let text = self.registry.by_id(id, Some(&self.subject));
        let text = text.map_err(|e| format!("{e}; error code: {}", e.code()))?;
        if text.schema_type != self.schema_type {
            return Err(format!("schema {id} is no {} schema", self.schema_type.name()));
        }
        let resolved = self.registry.resolve(&text).map_err(|e| e.to_string())?;
        let made = make(&resolved).map(Arc::new);
        self.made.lock().insert(id, made.clone());
        made
    }
}
