//! The built-in registry's rules, one by one, and that its log rebuilds it.

use parking_lot::Mutex;

use super::*;

const V1: &str = r#"{"type":"record","name":"P","fields":[{"name":"a","type":"string"}]}"#;
const V2: &str = r#"{"type":"record","name":"P","fields":[
    {"name":"a","type":"string"},{"name":"b","type":["null","int"],"default":null}]}"#;
const BAD: &str = r#"{"type":"record","name":"P","fields":[
    {"name":"a","type":"string"},{"name":"c","type":"int"}]}"#;

fn avro(schema: &str) -> SchemaText {
    SchemaText::new(SchemaType::Avro, schema)
}

fn proto(schema: &str) -> SchemaText {
    SchemaText::new(SchemaType::Protobuf, format!("syntax = \"proto3\";\n{schema}"))
}

fn register(registry: &MemoryRegistry, subject: &str, text: SchemaText) -> (i32, i32) {
    let registered = registry.register(subject, text.into()).unwrap_or_else(|e| panic!("{e}"));
    (registered.version, registered.id.0)
}

fn code(error: Result<impl Sized, RegistryError>) -> u32 {
    error.err().map_or(0, |e| e.code())
}

#[test]
fn one_schema_has_one_id_under_all_subjects() {
    let registry = MemoryRegistry::new();
    assert_eq!(register(&registry, "a-value", avro(V1)), (1, 1));
    assert_eq!(register(&registry, "b-value", avro(V1)), (1, 1));
    assert_eq!(register(&registry, "a-value", avro(V2)), (2, 2));
    assert_eq!(register(&registry, "a-value", avro(V1)), (1, 1));
    assert_eq!(register(&registry, ":.other:a-value", avro(V2)), (1, 1));
    assert_eq!(registry.uses(SchemaId(1), false).map(|u| u.len()), Ok(2));
}

#[test]
fn avro_is_kept_in_one_writing() {
    let registry = MemoryRegistry::new();
    let registered = registry.register("a", avro(r#" {"type": "string"} "#).into());
    assert_eq!(registered.map(|r| r.text.schema.clone()), Ok("\"string\"".to_string()));
    let text = r#"{"fields": [{"type":"int","name":"a"}], "type":"record","name":"x.y.N"}"#;
    let registered = registry.register("b", avro(text).into());
    let kept =
        r#"{"type":"record","name":"N","namespace":"x.y","fields":[{"name":"a","type":"int"}]}"#;
    assert_eq!(registered.map(|r| r.text.schema.clone()), Ok(kept.to_string()));
}

#[test]
fn a_schema_that_breaks_readers_is_refused() {
    let registry = MemoryRegistry::new();
    register(&registry, "a", avro(V1));
    assert_eq!(code(registry.register("a", avro(BAD).into())), 40901);
    assert_eq!(code(registry.register("a", avro("{").into())), 42201);
    assert_eq!(code(registry.register("a", avro(r#"{"type":"nope"}"#).into())), 42201);
    let level = registry.set_compatibility(Some("a"), Some(Compatibility::None));
    assert_eq!(level, Ok(None));
    assert_eq!(register(&registry, "a", avro(BAD)), (2, 2));
}

#[test]
fn protobuf_and_json_have_their_own_rules() {
    let registry = MemoryRegistry::new();
    register(&registry, "p", proto("message P { string name = 1; int32 places = 2; }"));
    register(&registry, "p", proto("message P { string name = 1; int64 places = 2; }"));
    let text = proto("message P { int32 name = 1; }");
    assert_eq!(code(registry.register("p", text.into())), 40901);
    // Blanks do not make another schema.
    let text = proto("message P {\n  string name = 1;\n  int32 places = 2;\n}\n");
    assert_eq!(register(&registry, "p", text), (1, 1));
    let json = |ty: &str| {
        let text = format!(
            r#"{{"type":"object","additionalProperties":false,
                "properties":{{"n":{{"type":"{ty}"}}}}}}"#
        );
        SchemaText::new(SchemaType::Json, text)
    };
    register(&registry, "j", json("integer"));
    register(&registry, "j", json("number"));
    assert_eq!(code(registry.register("j", json("string").into())), 40901);
    assert_eq!(code(registry.register("j", json("nope").into())), 42201);
    assert_eq!(code(registry.register("j", avro(V1).into())), 40901);
}

#[test]
fn deletion_is_soft_first() {
    let registry = MemoryRegistry::new();
    register(&registry, "a", avro(V1));
    register(&registry, "a", avro(V2));
    let one = VersionSelector::Number(1);
    assert_eq!(code(registry.delete_version("a", one, true)), 40407);
    assert_eq!(registry.delete_version("a", one, false), Ok(1));
    assert_eq!(code(registry.delete_version("a", one, false)), 40406);
    assert_eq!(registry.versions("a", false), Ok(vec![2]));
    assert_eq!(registry.versions("a", true), Ok(vec![1, 2]));
    // Registered again it is a new version with the old id.
    assert_eq!(register(&registry, "a", avro(V1)), (3, 1));
    assert_eq!(code(registry.delete_subject("a", true)), 40405);
    assert_eq!(registry.delete_subject("a", false), Ok(vec![2, 3]));
    assert_eq!(code(registry.delete_subject("a", false)), 40404);
    assert_eq!(registry.delete_subject("a", true), Ok(vec![1, 2, 3]));
    assert_eq!(code(registry.versions("a", true)), 40401);
    assert_eq!(registry.by_id(SchemaId(1), None).map(|t| t.schema.clone()), Ok(V1.to_string()));
}

#[test]
fn what_others_refer_to_stays() {
    let registry = MemoryRegistry::new();
    let base = r#"{"type":"record","name":"Base","fields":[{"name":"id","type":"long"}]}"#;
    register(&registry, "base", avro(base));
    let uses = r#"{"type":"record","name":"Uses","fields":[{"name":"b","type":"Base"}]}"#;
    assert_eq!(code(registry.register("uses", avro(uses).into())), 42201);
    let reference =
        super::super::Reference { name: "Base".into(), subject: "base".into(), version: 1 };
    let text = SchemaText { references: vec![reference], ..avro(uses) };
    assert_eq!(register(&registry, "uses", text), (1, 2));
    let one = VersionSelector::Number(1);
    assert_eq!(registry.referenced_by("base", one), Ok(vec![SchemaId(2)]));
    assert_eq!(code(registry.delete_version("base", one, false)), 42206);
}

#[test]
fn modes_forbid_and_allow() {
    let registry = MemoryRegistry::new();
    assert_eq!(code(registry.mode(Some("a"), false)), 40409);
    assert_eq!(registry.set_mode(Some("a"), Some(Mode::ReadOnly), false), Ok(None));
    assert_eq!(code(registry.register("a", avro(V1).into())), 42205);
    assert_eq!(registry.set_mode(Some("a"), None, false), Ok(Some(Mode::ReadOnly)));
    let chosen = NewSchema { text: avro(V1), id: Some(SchemaId(77)), version: Some(3) };
    assert_eq!(code(registry.register("a", chosen.clone())), 42205);
    assert_eq!(registry.set_mode(Some("i"), Some(Mode::Import), false), Ok(None));
    assert_eq!(registry.register("i", chosen).map(|r| (r.version, r.id.0)), Ok((3, 77)));
    assert_eq!(code(registry.set_mode(Some("i"), Some(Mode::Import), false)), 42205);
}

type KeyAndValue = (String, Option<String>);

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<KeyAndValue>>>);

impl SchemaLog for Kept {
    fn append(&self, record: &RegistryRecord) -> Result<(), String> {
        self.0.lock().push((record.key(), record.value()));
        Ok(())
    }
}

#[test]
fn the_log_and_the_snapshot_rebuild_the_registry() {
    let log = Kept::default();
    let registry = MemoryRegistry::with_log(Box::new(log.clone()));
    register(&registry, "a", avro(V1));
    register(&registry, "a", avro(V2));
    register(&registry, "b", proto("message M { string a = 1; }"));
    let one = VersionSelector::Number(1);
    assert_eq!(registry.delete_version("a", one, false), Ok(1));
    assert!(registry.set_compatibility(None, Some(Compatibility::Full)).is_ok());
    assert!(registry.set_mode(Some("b"), Some(Mode::ReadOnly), false).is_ok());
    let replayed = MemoryRegistry::new();
    for (key, value) in log.0.lock().iter() {
        let record = RegistryRecord::parse(key, value.as_deref());
        replayed.apply(&record.unwrap_or_else(|| panic!("{key} is a record")));
    }
    assert_eq!(replayed.snapshot(), registry.snapshot());
    let restored = MemoryRegistry::new();
    registry.snapshot().iter().for_each(|record| restored.apply(record));
    assert_eq!(restored.snapshot(), registry.snapshot());
    assert_eq!(register(&restored, "c", avro(V1)), (1, 1));
}
