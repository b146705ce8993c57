//! Event times from columns: what WITH (TIMESTAMP='…', TIMESTAMP_FORMAT='…') means.

use arrow_array::Array;
use functions::ArgType;
use functions::scalar::{Arg, Call, ScalarFunction, scalar};
use model::{SqlType, Value};

/// Reads the event time out of a column.
#[derive(Clone)]
pub struct TimestampReader {
    ty: SqlType,
    /// The pattern of text, and the function that reads it.
    pattern: Option<(String, &'static ScalarFunction, usize)>,
}

impl TimestampReader {
    /// A reader for a column of this type, whose text has this pattern.
    pub fn new(ty: &SqlType, pattern: Option<&str>) -> Self {
        let text = ArgType::Sql(SqlType::String);
        let parse = pattern.and_then(|pattern| {
            let function = scalar("STRINGTOTIMESTAMP")?;
            let resolved = function.resolve(&[text.clone(), text]).ok()?;
            Some((pattern.to_owned(), function, resolved.signature))
        });
        Self { ty: ty.clone(), pattern: parse }
    }

    /// The time in a row, milliseconds.
    pub fn read(&self, column: &dyn Array, row: usize) -> Result<i64, String> {
        let value = model::column::value_at(&self.ty, column, row);
        match (&value, &self.pattern) {
            (Value::Bigint(time) | Value::Timestamp(time), _) => Ok(*time),
            (Value::String(_), Some((pattern, function, signature))) => {
                let column_of = |v: &Value| model::column::column_of(&SqlType::String, [v]);
                let pattern = Value::String(pattern.clone());
                let args = [Arg::Column(column_of(&value)), Arg::Column(column_of(&pattern))];
                let text = ArgType::Sql(SqlType::String);
                let evaluated = function.evaluate(
                    *signature,
                    &Call {
                        args: &args,
                        arg_types: &[text.clone(), text],
                        returns: &SqlType::Bigint,
                        rows: 1,
                        now_ms: 0,
                    },
                );
                if let Some((_, reason)) = evaluated.errors.iter().next() {
                    return Err(format!("no event time: {reason}"));
                }
                let time = model::column::value_at(&SqlType::Bigint, &evaluated.column, 0);
                time.as_i64().ok_or_else(|| "no event time: the text gave none".to_owned())
            }
            (Value::Null, _) => Err("no event time: the column is null".to_owned()),
            (value, _) => Err(format!("no event time in {value:?}: the column has no pattern")),
        }
    }
}
