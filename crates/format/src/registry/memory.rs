//! The built-in registry: maps in memory, as a fold of [`RegistryRecord`]s. Every change is first
//! handed to a [`SchemaLog`], so that replaying the log rebuilds the registry.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use super::{
    Compatibility, Mode, NewSchema, RegisteredSchema, Registry, RegistryError, RegistryRecord,
    ResolvedSchema, SchemaId, SchemaText, SchemaType, VersionSelector, collect_references,
    compatibility,
};
use crate::schema;

/// Where changes are kept.
pub trait SchemaLog: Send + Sync {
    /// Keeps a record; only when it is kept does the change take effect.
    fn append(&self, record: &RegistryRecord) -> Result<(), String>;
}

/// The built-in registry.
#[derive(Default)]
pub struct MemoryRegistry {
    state: RwLock<State>,
    log: Option<Box<dyn SchemaLog>>,
}

#[derive(Default)]
struct State {
    subjects: BTreeMap<String, BTreeMap<i32, Version>>,
    contexts: BTreeMap<String, Context>,
    levels: BTreeMap<Option<String>, Compatibility>,
    modes: BTreeMap<Option<String>, Mode>,
}

#[derive(Clone)]
struct Version {
    id: SchemaId,
    text: Arc<SchemaText>,
    is_deleted: bool,
}

/// The ids of a context. Deleted schemas keep theirs.
#[derive(Default)]
struct Context {
    by_id: BTreeMap<SchemaId, Arc<SchemaText>>,
    by_text: HashMap<SchemaText, SchemaId>,
}

/// The context a subject belongs to: `.other` for `:.other:name`, else the default one, `.`.
fn context_of(subject: &str) -> &str {
    match subject.strip_prefix(':').and_then(|rest| rest.split_once(':')) {
        Some((context, _)) if context.starts_with('.') => context,
        _ => ".",
    }
}

impl MemoryRegistry {
    /// An empty registry that forgets everything when it is dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry that keeps its changes in `log`. Apply what the log holds before using it.
    pub fn with_log(log: Box<dyn SchemaLog>) -> Self {
        Self { state: RwLock::default(), log: Some(log) }
    }

    /// Takes a record of the log into account, without writing it again.
    pub fn apply(&self, record: &RegistryRecord) {
        self.state.write().apply(record);
    }

    /// The records that make up the present state, in an order in which they can be applied.
    pub fn snapshot(&self) -> Vec<RegistryRecord> {
        let state = self.state.read();
        let mut records = Vec::new();
        for (subject, level) in &state.levels {
            let record = RegistryRecord::Config { subject: subject.clone(), level: Some(*level) };
            records.push(record);
        }
        for (subject, mode) in &state.modes {
            records.push(RegistryRecord::Mode { subject: subject.clone(), mode: Some(*mode) });
        }
        let mut schemas = Vec::new();
        for (subject, versions) in &state.subjects {
            for (version, entry) in versions {
                schemas.push((entry.id, state.record(subject, *version, entry)));
            }
        }
        schemas.sort_by_key(|(id, _)| *id);
        records.extend(schemas.into_iter().map(|(_, record)| record));
        records
    }

    fn commit(&self, state: &mut State, records: Vec<RegistryRecord>) -> Result<(), RegistryError> {
        for record in records {
            if let Some(log) = &self.log {
                log.append(&record).map_err(RegistryError::Store)?;
            }
            state.apply(&record);
        }
        Ok(())
    }
}

impl State {
    fn apply(&mut self, record: &RegistryRecord) {
        match record {
            RegistryRecord::Schema { subject, version, id, text, is_deleted } => {
                let context = self.contexts.entry(context_of(subject).to_string()).or_default();
                context.by_text.entry(comparable(text)).or_insert(*id);
                let text = context.by_id.entry(*id).or_insert_with(|| Arc::new(text.clone()));
                let text = Arc::clone(text);
                let entry = Version { id: *id, text, is_deleted: *is_deleted };
                self.subjects.entry(subject.clone()).or_default().insert(*version, entry);
            }
            RegistryRecord::Gone { subject, version } => {
                if let Some(versions) = self.subjects.get_mut(subject) {
                    versions.remove(version);
                    if versions.is_empty() {
                        self.subjects.remove(subject);
                    }
                }
            }
            RegistryRecord::Config { subject, level: Some(level) } => {
                self.levels.insert(subject.clone(), *level);
            }
            RegistryRecord::Config { subject, level: None } => {
                self.levels.remove(subject);
            }
            RegistryRecord::Mode { subject, mode: Some(mode) } => {
                self.modes.insert(subject.clone(), *mode);
            }
            RegistryRecord::Mode { subject, mode: None } => {
                self.modes.remove(subject);
            }
        }
    }

    fn record(&self, subject: &str, version: i32, entry: &Version) -> RegistryRecord {
        RegistryRecord::Schema {
            subject: subject.to_string(),
            version,
            id: entry.id,
            text: SchemaText::clone(&entry.text),
            is_deleted: entry.is_deleted,
        }
    }

    fn registered(&self, subject: &str, version: i32, entry: &Version) -> RegisteredSchema {
        RegisteredSchema {
            subject: subject.to_string(),
            version,
            id: entry.id,
            text: Arc::clone(&entry.text),
            is_deleted: entry.is_deleted,
        }
    }

    /// A subject's versions that are there, or with the deleted ones.
    fn of(&self, subject: &str, with_deleted: bool) -> Vec<(i32, &Version)> {
        let versions = self.subjects.get(subject).into_iter().flatten();
        versions.filter(|(_, v)| with_deleted || !v.is_deleted).map(|(n, v)| (*n, v)).collect()
    }

    fn version(
        &self,
        subject: &str,
        selector: VersionSelector,
        with_deleted: bool,
    ) -> Result<RegisteredSchema, RegistryError> {
        let versions = self.of(subject, with_deleted);
        if versions.is_empty() {
            return Err(RegistryError::SubjectNotFound(subject.to_string()));
        }
        let found = match selector {
            VersionSelector::Latest => versions.last(),
            VersionSelector::Number(number) => versions.iter().find(|(n, _)| *n == number),
        };
        match (found, selector) {
            (Some((number, entry)), _) => Ok(self.registered(subject, *number, entry)),
            (None, VersionSelector::Number(n)) => Err(RegistryError::VersionNotFound(n)),
            (None, VersionSelector::Latest) => Err(RegistryError::VersionNotFound(-1)),
        }
    }

    fn level(&self, subject: &str) -> Compatibility {
        let own = self.levels.get(&Some(subject.to_string()));
        let level = own.or_else(|| self.levels.get(&None));
        level.copied().unwrap_or(Compatibility::Backward)
    }

    fn mode(&self, subject: Option<&str>) -> Mode {
        let own = subject.and_then(|s| self.modes.get(&Some(s.to_string())));
        own.or_else(|| self.modes.get(&None)).copied().unwrap_or(Mode::ReadWrite)
    }

    fn writable(&self, subject: Option<&str>) -> Result<Mode, RegistryError> {
        match self.mode(subject) {
            Mode::ReadOnly | Mode::Forward => Err(RegistryError::NotPermitted(format!(
                "Subject {} in context {} is in read-only mode",
                subject.unwrap_or("null"),
                subject.map(context_of).filter(|c| *c != ".").unwrap_or("")
            ))),
            mode => Ok(mode),
        }
    }

    fn resolve(&self, text: &Arc<SchemaText>) -> Result<ResolvedSchema, RegistryError> {
        let mut references = Vec::new();
        let version = |subject: &str, selector| self.version(subject, selector, true);
        collect_references(&version, &text.references, &mut references, 0)?;
        Ok(ResolvedSchema { text: Arc::clone(text), references })
    }

    fn referenced_by(&self, subject: &str, version: i32) -> Vec<SchemaId> {
        let mut ids: Vec<_> = self
            .subjects
            .values()
            .flat_map(BTreeMap::values)
            .filter(|v| !v.is_deleted)
            .filter(|v| {
                v.text.references.iter().any(|r| r.subject == subject && r.version == version)
            })
            .map(|v| v.id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

impl Registry for MemoryRegistry {
    fn register(
        &self,
        subject: &str,
        schema: NewSchema,
    ) -> Result<RegisteredSchema, RegistryError> {
        let mut state = self.state.write();
        let mode = state.writable(Some(subject))?;
        if schema.id.is_some() && mode != Mode::Import {
            return Err(RegistryError::NotPermitted(format!(
                "Subject {subject} in context  is not in import mode"
            )));
        }
        let text = canonical(&state, schema.text)?;
        let next = state.of(subject, true).last().map_or(1, |(version, _)| version + 1);
        let version = match schema.version {
            Some(version) if mode == Mode::Import && version > 0 => version,
            Some(version) if version != next => {
                return Err(RegistryError::InvalidSchema(
                    "Version is not one more than previous version".to_string(),
                ));
            }
            _ => next,
        };
        if let Some((version, entry)) =
            state.of(subject, false).into_iter().find(|(_, v)| same(&v.text, &text))
        {
            return Ok(state.registered(subject, version, entry));
        }
        if mode != Mode::Import {
            let reasons = state.reasons(subject, None, &text)?;
            if !reasons.is_empty() {
                return Err(RegistryError::Incompatible { subject: subject.to_string(), reasons });
            }
        }
        let context = state.contexts.get(context_of(subject));
        let id = match (schema.id, context.and_then(|c| c.by_text.get(&comparable(&text)))) {
            (Some(id), _) => id,
            (None, Some(known)) => *known,
            (None, None) => {
                let last = context.and_then(|c| c.by_id.keys().next_back());
                SchemaId(last.map_or(1, |id| id.0 + 1))
            }
        };
        let entry = Version { id, text, is_deleted: false };
        let record = state.record(subject, version, &entry);
        let registered = state.registered(subject, version, &entry);
        self.commit(&mut state, vec![record])?;
        Ok(registered)
    }

    fn find(
        &self,
        subject: &str,
        schema: &SchemaText,
        with_deleted: bool,
    ) -> Result<RegisteredSchema, RegistryError> {
        let state = self.state.read();
        let versions = state.of(subject, with_deleted);
        if versions.is_empty() {
            return Err(RegistryError::SubjectNotFound(subject.to_string()));
        }
        let text = canonical(&state, schema.clone())?;
        match versions.into_iter().rev().find(|(_, v)| same(&v.text, &text)) {
            Some((version, entry)) => Ok(state.registered(subject, version, entry)),
            None => Err(RegistryError::SchemaNotFound),
        }
    }

    fn by_id(&self, id: SchemaId, subject: Option<&str>) -> Result<Arc<SchemaText>, RegistryError> {
        let state = self.state.read();
        let context = state.contexts.get(subject.map_or(".", context_of));
        let text = context.and_then(|c| c.by_id.get(&id)).cloned();
        let text = text.ok_or(RegistryError::IdNotFound(id))?;
        match subject {
            Some(subject) if !state.of(subject, true).iter().any(|(_, v)| v.id == id) => {
                Err(RegistryError::SchemaNotFound)
            }
            _ => Ok(text),
        }
    }

    fn version(
        &self,
        subject: &str,
        version: VersionSelector,
        with_deleted: bool,
    ) -> Result<RegisteredSchema, RegistryError> {
        self.state.read().version(subject, version, with_deleted)
    }

    fn versions(&self, subject: &str, with_deleted: bool) -> Result<Vec<i32>, RegistryError> {
        let state = self.state.read();
        match state.of(subject, with_deleted) {
            none if none.is_empty() => Err(RegistryError::SubjectNotFound(subject.to_string())),
            versions => Ok(versions.into_iter().map(|(version, _)| version).collect()),
        }
    }

    fn subjects(&self, prefix: &str, with_deleted: bool) -> Result<Vec<String>, RegistryError> {
        let state = self.state.read();
        // `:*:` means all contexts.
        let prefix = prefix.strip_prefix(":*:").unwrap_or(prefix);
        let names = state.subjects.keys().filter(|name| name.starts_with(prefix));
        Ok(names.filter(|name| !state.of(name, with_deleted).is_empty()).cloned().collect())
    }

    fn uses(&self, id: SchemaId, with_deleted: bool) -> Result<Vec<(String, i32)>, RegistryError> {
        let state = self.state.read();
        let mut uses = Vec::new();
        for subject in state.subjects.keys().filter(|s| context_of(s) == ".") {
            let versions = state.of(subject, with_deleted).into_iter();
            let versions = versions.filter(|(_, v)| v.id == id);
            uses.extend(versions.map(|(version, _)| (subject.clone(), version)));
        }
        match uses.is_empty() {
            true => Err(RegistryError::IdNotFound(id)),
            false => Ok(uses),
        }
    }

    fn referenced_by(
        &self,
        subject: &str,
        version: VersionSelector,
    ) -> Result<Vec<SchemaId>, RegistryError> {
        let state = self.state.read();
        let version = state.version(subject, version, true)?.version;
        Ok(state.referenced_by(subject, version))
    }

    fn check(
        &self,
        subject: &str,
        version: Option<VersionSelector>,
        schema: &SchemaText,
    ) -> Result<Vec<String>, RegistryError> {
        let state = self.state.read();
        let text = canonical(&state, schema.clone())?;
        state.reasons(subject, version, &text)
    }

    fn delete_version(
        &self,
        subject: &str,
        version: VersionSelector,
        is_permanent: bool,
    ) -> Result<i32, RegistryError> {
        let mut state = self.state.write();
        state.writable(Some(subject))?;
        let found = state.version(subject, version, true)?;
        let number = found.version;
        if !state.referenced_by(subject, number).is_empty() {
            let subject = subject.to_string();
            return Err(RegistryError::ReferenceExists { subject, version: number });
        }
        let record = match (is_permanent, found.is_deleted) {
            (true, false) => {
                return Err(RegistryError::VersionNotSoftDeleted(subject.to_string(), number));
            }
            (false, true) => {
                return Err(RegistryError::VersionSoftDeleted(subject.to_string(), number));
            }
            (true, true) => RegistryRecord::Gone { subject: subject.to_string(), version: number },
            (false, false) => {
                let entry = Version { id: found.id, text: found.text, is_deleted: true };
                state.record(subject, number, &entry)
            }
        };
        self.commit(&mut state, vec![record])?;
        Ok(number)
    }

    fn delete_subject(&self, subject: &str, is_permanent: bool) -> Result<Vec<i32>, RegistryError> {
        let mut state = self.state.write();
        state.writable(Some(subject))?;
        let all = state.of(subject, true);
        let alive = all.iter().filter(|(_, v)| !v.is_deleted).count();
        match (all.len(), alive, is_permanent) {
            (0, _, _) => return Err(RegistryError::SubjectNotFound(subject.to_string())),
            (_, 0, false) => return Err(RegistryError::SubjectSoftDeleted(subject.to_string())),
            (_, 1.., true) => {
                return Err(RegistryError::SubjectNotSoftDeleted(subject.to_string()));
            }
            _ => {}
        }
        let mut records = Vec::new();
        let mut numbers = Vec::new();
        for (number, entry) in all.into_iter().filter(|(_, v)| is_permanent || !v.is_deleted) {
            if !state.referenced_by(subject, number).is_empty() {
                let subject = subject.to_string();
                return Err(RegistryError::ReferenceExists { subject, version: number });
            }
            numbers.push(number);
            records.push(match is_permanent {
                true => RegistryRecord::Gone { subject: subject.to_string(), version: number },
                false => {
                    let entry = Version { is_deleted: true, ..entry.clone() };
                    state.record(subject, number, &entry)
                }
            });
        }
        let key = Some(subject.to_string());
        if state.levels.contains_key(&key) {
            records.push(RegistryRecord::Config { subject: key, level: None });
        }
        self.commit(&mut state, records)?;
        Ok(numbers)
    }

    fn compatibility(
        &self,
        subject: Option<&str>,
        or_global: bool,
    ) -> Result<Compatibility, RegistryError> {
        let state = self.state.read();
        let own = state.levels.get(&subject.map(str::to_string)).copied();
        match (own, subject) {
            (Some(level), _) => Ok(level),
            (None, Some(subject)) if !or_global => {
                Err(RegistryError::CompatibilityNotConfigured(subject.to_string()))
            }
            (None, Some(subject)) => Ok(state.level(subject)),
            (None, None) => Ok(Compatibility::Backward),
        }
    }

    fn set_compatibility(
        &self,
        subject: Option<&str>,
        level: Option<Compatibility>,
    ) -> Result<Option<Compatibility>, RegistryError> {
        let mut state = self.state.write();
        state.writable(subject)?;
        let subject = subject.map(str::to_string);
        let before = state.levels.get(&subject).copied();
        self.commit(&mut state, vec![RegistryRecord::Config { subject, level }])?;
        Ok(before)
    }

    fn mode(&self, subject: Option<&str>, or_global: bool) -> Result<Mode, RegistryError> {
        let state = self.state.read();
        match (state.modes.get(&subject.map(str::to_string)), subject) {
            (Some(mode), _) => Ok(*mode),
            (None, Some(subject)) if !or_global => {
                Err(RegistryError::ModeNotConfigured(subject.to_string()))
            }
            (None, _) => Ok(state.mode(None)),
        }
    }

    fn set_mode(
        &self,
        subject: Option<&str>,
        mode: Option<Mode>,
        is_forced: bool,
    ) -> Result<Option<Mode>, RegistryError> {
        let mut state = self.state.write();
        let is_used = match subject {
            Some(subject) => !state.of(subject, false).is_empty(),
            None => !state.subjects.is_empty(),
        };
        if mode == Some(Mode::Import) && is_used && !is_forced {
            return Err(RegistryError::NotPermitted(
                "Cannot import since found existing subjects".to_string(),
            ));
        }
        let subject = subject.map(str::to_string);
        let before = state.modes.get(&subject).copied();
        self.commit(&mut state, vec![RegistryRecord::Mode { subject, mode }])?;
        Ok(before)
    }

    fn contexts(&self) -> Result<Vec<String>, RegistryError> {
        let state = self.state.read();
        let others = state.contexts.keys().filter(|c| *c != ".").cloned();
        Ok(std::iter::once(".".to_string()).chain(others).collect())
    }
}

impl State {
    /// Why `text` may not follow a version, or those that the subject's level asks for.
    fn reasons(
        &self,
        subject: &str,
        version: Option<VersionSelector>,
        text: &Arc<SchemaText>,
    ) -> Result<Vec<String>, RegistryError> {
        let level = self.level(subject);
        let earlier = match version {
            Some(selector) => vec![self.version(subject, selector, false)?],
            None => {
                let versions = self.of(subject, false).into_iter().rev();
                let count = if level.is_transitive() { usize::MAX } else { 1 };
                versions.take(count).map(|(n, entry)| self.registered(subject, n, entry)).collect()
            }
        };
        let new = self.resolve(text)?;
        for old in earlier {
            let mut reasons = compatibility::check(level, &new, &self.resolve(&old.text)?);
            if !reasons.is_empty() {
                reasons.push(format!("{{oldSchemaVersion: {}}}", old.version));
                reasons.push(format!("{{oldSchema: '{}'}}", old.text.schema));
                reasons.push(format!(
                    "{{validateFields: 'false', compatibility: '{}'}}",
                    level.name()
                ));
                return Ok(reasons);
            }
        }
        Ok(Vec::new())
    }
}

/// What two schemas have in common that are the same: for PROTOBUF, which is kept as it was
/// written, the words without comments and white space.
fn comparable(text: &SchemaText) -> SchemaText {
    let schema = match text.schema_type {
        SchemaType::Protobuf => schema::words(&text.schema),
        _ => text.schema.clone(),
    };
    SchemaText { schema, ..text.clone() }
}

fn same(a: &SchemaText, b: &SchemaText) -> bool {
    a == b || (a.schema_type == SchemaType::Protobuf && comparable(a) == comparable(b))
}

/// The schema in the registry's own writing; an error if it is none.
fn canonical(state: &State, text: SchemaText) -> Result<Arc<SchemaText>, RegistryError> {
    if text.schema.trim().is_empty() {
        return Err(RegistryError::InvalidSchema("Empty schema".to_string()));
    }
    let resolved = state.resolve(&Arc::new(text))?;
    let schema = schema::canonical(&resolved).map_err(|reason| {
        RegistryError::InvalidSchema(format!(
            "Invalid schema of type {}, details: {reason}",
            resolved.text.schema_type.name()
        ))
    })?;
    Ok(Arc::new(SchemaText { schema, ..SchemaText::clone(&resolved.text) }))
}

#[cfg(test)]
mod tests;
