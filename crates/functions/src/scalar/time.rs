//! Functions of dates, times and timestamps.

pub(super) mod dates;
mod format;
mod legacy;
pub(super) mod moved;
mod names;
mod parse;
mod pattern;
mod plain;
mod resolve;
#[cfg(test)]
mod tests;
pub(super) mod timestamps;
mod zone;

use self::format::Moment;
use self::pattern::Pattern;
use self::zone::Zone;
use super::{Overload, ScalarFunction};
use crate::Doc;

const MS_PER_DAY: i64 = 86_400_000;

/// A pattern of a timestamp, as STRINGTOTIMESTAMP and TIMESTAMPTOSTRING take it, for others: the
/// `TIMESTAMP_FORMAT` of a stream, for example.
///
/// ```
/// let pattern = functions::scalar::TimestampPattern::compile("dd/MM/yyyy HH:mm")?;
/// assert_eq!(pattern.parse("29/02/2020 12:34", "Europe/London")?, 1_582_979_640_000);
/// assert_eq!(pattern.format(1_582_979_640_000, "UTC")?, "29/02/2020 12:34");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct TimestampPattern(Pattern);

impl TimestampPattern {
    /// The pattern of this text; an error says what is wrong with it.
    pub fn compile(text: &str) -> Result<Self, String> {
        Pattern::compile(text).map(Self)
    }

    /// The moment that a text gives, in milliseconds since the epoch; in a time zone (`UTC`,
    /// `Europe/London`, `+05:30`), if the text names none.
    pub fn parse(&self, text: &str, zone: &str) -> Result<i64, String> {
        moment_of(&self.0, text, &*Zone::of(zone)?)
    }

    /// A moment, in milliseconds since the epoch, as text in a time zone.
    pub fn format(&self, ms: i64, zone: &str) -> Result<String, String> {
        let (seconds, millis) = model::text::timestamp_parts(ms);
        let mut out = String::new();
        self.0.format(&Moment::at(seconds, millis, &*Zone::of(zone)?), &mut out)?;
        Ok(out)
    }
}

/// The moment that a text gives by a pattern, in milliseconds since the epoch.
fn moment_of(pattern: &Pattern, text: &str, zone: &Zone) -> Result<i64, String> {
    let plain = pattern.plain.as_ref();
    match plain.and_then(|plain| plain::timestamp(plain, text.as_bytes(), zone)) {
        Some(ms) => Ok(ms),
        None => resolve::timestamp(&pattern.parse(text)?, zone),
    }
}

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    ScalarFunction { name, doc: Doc { description, category: "DATE / TIME", example }, overloads }
}
