//! `.proto` texts to descriptors: the schema itself, what it refers to, Google's own files, and the
//! few well-known ones that generated schemas import.

use std::sync::Arc;

use prost_reflect::{DescriptorPool, FileDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// The name under which the schema itself is compiled.
const MAIN: &str = "schema-of-the-subject.proto";

/// How long a schema may be.
const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// Files that any schema may import.
const WELL_KNOWN: [(&str, &str); 5] = [
    (
        "google/type/date.proto",
        "syntax = \"proto3\"; package google.type;
         message Date { int32 year = 1; int32 month = 2; int32 day = 3; }",
    ),
    (
        "google/type/timeofday.proto",
        "syntax = \"proto3\"; package google.type;
         message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3;
                             int32 nanos = 4; }",
    ),
    (
        "confluent/meta.proto",
        "syntax = \"proto3\"; package confluent;
         import \"google/protobuf/descriptor.proto\";
         message Meta { string doc = 1; map<string, string> params = 2;
                        repeated string tags = 3; }
         extend google.protobuf.FileOptions { Meta file_meta = 1088; }
         extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
         extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
         extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
         extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }",
    ),
    (
        "confluent/type/decimal.proto",
        "syntax = \"proto3\"; package confluent.type;
         import public \"confluent/meta.proto\";
         message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
    ),
    (
        "google/type/calendar_period.proto",
        "syntax = \"proto3\"; package google.type; enum CalendarPeriod { UNSPECIFIED = 0; }",
    ),
];

struct Texts {
    files: Arc<[(String, String)]>,
}

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let own = self.files.iter().find(|(n, _)| n == name).map(|(_, text)| text.as_str());
        let known = || WELL_KNOWN.iter().find(|(n, _)| *n == name).map(|(_, text)| *text);
        match own.or_else(known) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// A compiled schema and the pool that everything it names is in.
#[derive(Clone)]
pub(crate) struct Compiled {
    /// The schema's own file.
    pub(crate) file: FileDescriptor,
}

/// Compiles a schema with the texts it refers to, by the names it imports them under.
pub(crate) fn compile(text: &str, references: &[(String, String)]) -> Result<Compiled, String> {
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(format!("the schema is longer than {SCHEMA_BYTES_MAX} bytes"));
    }
    let mut files = references.to_vec();
    files.push((MAIN.to_string(), text.to_string()));
    let mut resolver = ChainFileResolver::new();
    resolver.add(Texts { files: files.into() });
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_file(MAIN).map_err(|e| e.to_string())?;
    let pool: DescriptorPool = compiler.descriptor_pool();
    let file = pool.get_file_by_name(MAIN).ok_or("the schema has no file")?;
    Ok(Compiled { file })
}
