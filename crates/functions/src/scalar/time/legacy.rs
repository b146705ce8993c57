//! How PARSE_DATE reads: not by `DateTimeFormatter` but by a lenient calendar, which takes any
//! number of digits, skips spaces before numbers, ignores what follows, carries 30 February over
//! into March, and is Julian before 1582-10-15.

use model::text::days_from_civil;

use super::names::{Style, names};
use super::pattern::Field;
use super::zone::parse_offset;

const MS_PER_DAY: i64 = 86_400_000;

/// The first day of the Gregorian calendar, 1582-10-15.
const GREGORIAN_START_DAYS: i64 = -141_427;

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// A number: the letter, and how often it is there.
    Number(char, usize),
    Name(Field),
    Offset,
    ZoneName,
}

/// The fields of the calendar.
struct Calendar {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    bc: bool,
    pm: Option<bool>,
    millis: i64,
    half_day_hour: Option<i64>,
}

/// The date in days since 1970-01-01. `year_now` is the present year: two digits are a year from 80
/// before it to 19 after.
pub(super) fn parse_date(text: &str, pattern: &str, year_now: i64) -> Result<i64, String> {
    let parts = compile(pattern)?;
    let mut calendar = Calendar {
        year: 1970,
        month: 1,
        day: 1,
        day_of_year: None,
        bc: false,
        pm: None,
        millis: 0,
        half_day_hour: None,
    };
    let mut rest = text;
    for (at, part) in parts.iter().enumerate() {
        let next_is_number = matches!(parts.get(at + 1), Some(Part::Number(..)));
        rest = read(part, rest, next_is_number, year_now, &mut calendar)
            .ok_or_else(|| format!("'{text}' is not a date of the pattern '{pattern}'"))?;
    }
    let half = i64::from(calendar.pm == Some(true)) * 12;
    let millis =
        calendar.millis + (calendar.half_day_hour.map_or(0, |hour| hour + half)) * 3_600_000;
    if millis.rem_euclid(MS_PER_DAY) != 0 {
        return Err("the pattern of a date has a time in it".to_string());
    }
    Ok(days(&calendar) + millis.div_euclid(MS_PER_DAY))
}

fn compile(pattern: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_alphabetic() {
            let count = rest.len() - rest.trim_start_matches(c).len();
            rest = &rest[count..];
            parts.push(match c {
                'M' | 'L' if count > 2 => Part::Name(Field::Month),
                'E' => Part::Name(Field::DayOfWeek),
                'a' => Part::Name(Field::AmPm),
                'G' => Part::Name(Field::Era),
                'X' => Part::Offset,
                'Z' => Part::Offset,
                'z' => Part::ZoneName,
                'y' | 'Y' | 'M' | 'L' | 'd' | 'D' | 'u' | 'F' | 'w' | 'W' | 'H' | 'k' | 'K'
                | 'h' | 'm' | 's' | 'S' => Part::Number(c, count),
                _ => return Err(format!("'{c}' is no letter of a pattern of PARSE_DATE")),
            });
            continue;
        }
        let literal = if c == '\'' {
            let quoted = &rest[1..];
            match quoted.strip_prefix('\'') {
                Some(after) => {
                    rest = after;
                    "'".to_string()
                }
                None => {
                    let end = quoted.find('\'').ok_or("a quoted text has no end")?;
                    rest = &quoted[end + 1..];
                    quoted[..end].to_string()
                }
            }
        } else {
            rest = &rest[c.len_utf8()..];
            c.to_string()
        };
        match parts.last_mut() {
            Some(Part::Literal(text)) => text.push_str(&literal),
            _ => parts.push(Part::Literal(literal)),
        }
    }
    Ok(parts)
}

/// Reads a part from the start of a text and returns what follows.
fn read<'a>(
    part: &Part,
    text: &'a str,
    next_is_number: bool,
    year_now: i64,
    calendar: &mut Calendar,
) -> Option<&'a str> {
    match part {
        Part::Literal(literal) => text.strip_prefix(literal.as_str()),
        Part::Number(letter, width) => {
            // A number runs on to its end, unless another one follows at once.
            let text = if next_is_number { text } else { text.trim_start() };
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let length = if next_is_number { digits.min(*width) } else { digits };
            let value: i32 = text.get(..length)?.parse().ok()?;
            set(*letter, *width, value.into(), year_now, calendar);
            Some(&text[length..])
        }
        Part::Name(field) => {
            let mut best = None;
            for style in [Style::Short, Style::Full] {
                let (first, names) = names(*field, style)?;
                for (index, name) in names.iter().enumerate() {
                    let fits = text.get(..name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name));
                    if fits && best.is_none_or(|(_, length)| length < name.len()) {
                        best = Some((first + index as i64, name.len()));
                    }
                }
            }
            let (value, length) = best?;
            match field {
                Field::Month => calendar.month = value,
                Field::AmPm => calendar.pm = Some(value == 1),
                Field::Era => calendar.bc = value == 0,
                _ => {}
            }
            Some(&text[length..])
        }
        Part::Offset => {
            if let Some(rest) = text.strip_prefix('Z') {
                return Some(rest);
            }
            let in_offset = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ':');
            let end = text.find(|c| !in_offset(c)).unwrap_or(text.len());
            calendar.millis -= i64::from(parse_offset(&text[..end])?) * 1_000;
            Some(&text[end..])
        }
        Part::ZoneName => {
            let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
            (end > 0).then(|| &text[end..])
        }
    }
}

fn set(letter: char, width: usize, value: i64, year_now: i64, calendar: &mut Calendar) {
    match letter {
        'y' | 'Y' if width <= 2 && value < 100 => {
            let start = year_now - 80;
            let century = start.div_euclid(100) * 100;
            let year = century + value;
            calendar.year = if year < start { year + 100 } else { year };
        }
        'y' | 'Y' => calendar.year = value,
        'M' | 'L' => calendar.month = value,
        'd' => calendar.day = value,
        'D' => calendar.day_of_year = Some(value),
        'H' => calendar.millis += value * 3_600_000,
        'k' => calendar.millis += value % 24 * 3_600_000,
        'K' => calendar.half_day_hour = Some(value),
        'h' => calendar.half_day_hour = Some(value % 12),
        'm' => calendar.millis += value * 60_000,
        's' => calendar.millis += value * 1_000,
        'S' => calendar.millis += value,
        _ => {}
    }
}

fn days(calendar: &Calendar) -> i64 {
    let (month, day) = match calendar.day_of_year {
        Some(day) => (1, day),
        None => (calendar.month, calendar.day),
    };
    let year = if calendar.bc { 1 - calendar.year } else { calendar.year };
    let year = year + (month - 1).div_euclid(12);
    let month = ((month - 1).rem_euclid(12) + 1) as u32;
    let gregorian = days_from_civil(year, month, 1) + day - 1;
    if gregorian >= GREGORIAN_START_DAYS {
        return gregorian;
    }
    // The years of the Julian calendar begin in March here, as in `days_from_civil`.
    let year = if month <= 2 { year - 1 } else { year };
    let march_month = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let julian = year * 365 + year.div_euclid(4) + day_of_year - 719_470;
    if julian < GREGORIAN_START_DAYS { julian } else { gregorian }
}
