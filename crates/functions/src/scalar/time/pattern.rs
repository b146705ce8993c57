//! Patterns of Java's `DateTimeFormatter`, compiled once into a list of items.

use std::cell::RefCell;
use std::rc::Rc;

use super::names::Style;

/// A field of a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// 0 BC, 1 AD
    Era,
    /// Proleptic
    Year,
    YearOfEra,
    WeekYear,
    Quarter,
    Month,
    /// Of the week-based year; weeks begin on Sunday, the first one contains 1 January.
    Week,
    WeekOfMonth,
    DayOfMonth,
    DayOfYear,
    /// The position of the day within its seven days of the month.
    AlignedDay,
    /// 1 Monday to 7 Sunday
    DayOfWeek,
    /// 1 Sunday to 7 Saturday
    LocalDayOfWeek,
    ModifiedJulianDay,
    /// 0 AM, 1 PM
    AmPm,
    /// 0 to 23
    Hour,
    /// 1 to 24
    ClockHour,
    /// 0 to 11
    HourOfAmPm,
    /// 1 to 12
    ClockHourOfAmPm,
    Minute,
    Second,
    NanoOfSecond,
    MilliOfDay,
    NanoOfDay,
}

/// How many fields there are.
pub(super) const FIELDS: usize = 24;

/// When a number has a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// `-` for a negative one.
    Normal,
    /// Never.
    Never,
    /// Also `+` for one with more digits than the least.
    ExceedsPad,
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetForm {
    /// `+05:30` rather than `+0530`.
    pub(super) colon: bool,
    /// Are minutes left out when they are 0?
    pub(super) minutes_optional: bool,
    /// Are seconds written when they are not 0?
    pub(super) seconds: bool,
    /// How no offset is written.
    pub(super) zero: &'static str,
}

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A text.
    Literal(String),
    /// A number of so many digits; `reserved` are those of the numbers that follow without a gap.
    Number { field: Field, min: usize, max: usize, sign: Sign, reserved: usize },
    /// The last two digits of a year from 2000 to 2099.
    ReducedYear { field: Field, reserved: usize },
    /// So many digits behind the point of a second.
    Fraction { digits: usize },
    /// A name.
    Text { field: Field, style: Style },
    /// `Europe/London`
    ZoneId,
    /// `BST`
    ZoneName,
    /// `GMT+8`, or `GMT+08:00` in full.
    LocalizedOffset { full: bool },
    /// `+0100`
    Offset(OffsetForm),
    /// What may be missing.
    Optional(Vec<Item>),
}

/// A compiled pattern.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) items: Vec<Item>,
    /// The same for the fast reader, if the pattern is as plain as most are.
    pub(super) plain: Option<Vec<Plain>>,
}

/// A part of a plain pattern: a field of so many ASCII digits, or a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Digits(Field, u8),
    Byte(u8),
}

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1_000;

/// How many compiled patterns a thread keeps.
const PATTERNS_MAX: usize = 64;

thread_local! {
    static PATTERNS: RefCell<Vec<(String, Rc<Pattern>)>> = const { RefCell::new(Vec::new()) };
}

impl Pattern {
    /// The compiled pattern of this text, from the ones in use if it is among them.
    pub(super) fn of(text: &str) -> Result<Rc<Pattern>, String> {
        PATTERNS.with_borrow_mut(|patterns| {
            if let Some((_, pattern)) = patterns.iter().find(|(known, _)| known == text) {
                return Ok(pattern.clone());
            }
            let pattern = Rc::new(Pattern::compile(text)?);
            if patterns.len() >= PATTERNS_MAX {
                patterns.clear();
            }
            patterns.push((text.to_string(), pattern.clone()));
            Ok(pattern)
        })
    }

    /// Compiles a pattern; an error says what is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Pattern, String> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("a pattern may have at most {PATTERN_BYTES_MAX} bytes"));
        }
        let mut open: Vec<Vec<Item>> = vec![Vec::new()];
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let items = open.last_mut().expect("the outermost list is never closed");
            match c {
                'a'..='z' | 'A'..='Z' => {
                    let count = rest.len() - rest.trim_start_matches(c).len();
                    rest = &rest[count..];
                    let item = letter(c, count)
                        .ok_or_else(|| format!("'{text}' is no pattern: at {count} times {c}"))?;
                    items.push(item);
                    continue;
                }
                '\'' => {
                    let (literal, after) = quoted(&rest[1..]).ok_or_else(|| {
                        format!("'{text}' is no pattern: a quoted text has no end")
                    })?;
                    push_literal(items, &literal);
                    rest = after;
                    continue;
                }
                '[' => open.push(Vec::new()),
                ']' => {
                    let inner = open.pop().unwrap_or_default();
                    let outer = open
                        .last_mut()
                        .ok_or_else(|| format!("'{text}' is no pattern: ] without ["))?;
                    outer.push(Item::Optional(inner));
                }
                '{' | '}' | '#' => {
                    return Err(format!("'{text}' is no pattern: {c} is reserved"));
                }
                c => push_literal(items, c.encode_utf8(&mut [0; 4])),
            }
            rest = &rest[c.len_utf8()..];
        }
        while open.len() > 1 {
            let inner = open.pop().unwrap_or_default();
            open.last_mut().expect("the outermost list").push(Item::Optional(inner));
        }
        let mut items = open.pop().unwrap_or_default();
        reserve_adjacent(&mut items);
        let plain = plain(&items);
        Ok(Pattern { items, plain })
    }
}

fn push_literal(items: &mut Vec<Item>, text: &str) {
    match items.last_mut() {
        Some(Item::Literal(literal)) => literal.push_str(text),
        _ => items.push(Item::Literal(text.to_string())),
    }
}

/// The text up to the closing quote, and what follows; `''` is a quote.
fn quoted(rest: &str) -> Option<(String, &str)> {
    if let Some(after) = rest.strip_prefix('\'') {
        return Some(("'".to_string(), after));
    }
    let (mut literal, mut rest) = (String::new(), rest);
    loop {
        let end = rest.find('\'')?;
        literal.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                literal.push('\'');
                rest = after;
            }
            None => return Some((literal, rest)),
        }
    }
}

/// What a letter stands for when it is there so many times.
fn letter(letter: char, count: usize) -> Option<Item> {
    use Field as F;
    let number = |field, min, max, sign| Item::Number { field, min, max, sign, reserved: 0 };
    let one_or_two = |field| match count {
        1 => Some(number(field, 1, 19, Sign::Normal)),
        2 => Some(number(field, 2, 2, Sign::Never)),
        _ => None,
    };
    let text = |field| {
        let style = match count {
            1..=3 => Style::Short,
            4 => Style::Full,
            5 => Style::Narrow,
            _ => return None,
        };
        Some(Item::Text { field, style })
    };
    let year = |field| match count {
        2 => Item::ReducedYear { field, reserved: 0 },
        1 | 3 => number(field, count, 19, Sign::Normal),
        _ => number(field, count, 19, Sign::ExceedsPad),
    };
    match letter {
        'G' => text(F::Era),
        'u' => Some(year(F::Year)),
        'y' => Some(year(F::YearOfEra)),
        'Y' => Some(year(F::WeekYear)),
        'Q' | 'q' => {
            if count < 3 {
                one_or_two(F::Quarter)
            } else {
                text(F::Quarter)
            }
        }
        'M' | 'L' => {
            if count < 3 {
                one_or_two(F::Month)
            } else {
                text(F::Month)
            }
        }
        'w' => one_or_two(F::Week),
        'W' => (count == 1).then(|| number(F::WeekOfMonth, 1, 19, Sign::Normal)),
        'd' => one_or_two(F::DayOfMonth),
        'D' => match count {
            1 => Some(number(F::DayOfYear, 1, 19, Sign::Normal)),
            2 | 3 => Some(number(F::DayOfYear, count, 3, Sign::Never)),
            _ => None,
        },
        'F' => (count == 1).then(|| number(F::AlignedDay, 1, 19, Sign::Normal)),
        'E' => text(F::DayOfWeek),
        'e' | 'c' => match count {
            2 if letter == 'c' => None,
            1 | 2 => one_or_two(F::LocalDayOfWeek),
            _ => text(F::DayOfWeek),
        },
        'g' => Some(number(F::ModifiedJulianDay, count, 19, Sign::Normal)),
        'a' => {
            if count == 1 {
                text(F::AmPm)
            } else {
                None
            }
        }
        'H' => one_or_two(F::Hour),
        'k' => one_or_two(F::ClockHour),
        'K' => one_or_two(F::HourOfAmPm),
        'h' => one_or_two(F::ClockHourOfAmPm),
        'm' => one_or_two(F::Minute),
        's' => one_or_two(F::Second),
        'S' => (count <= 9).then_some(Item::Fraction { digits: count }),
        'n' => Some(number(F::NanoOfSecond, count, 19, Sign::Never)),
        'A' => Some(number(F::MilliOfDay, count, 19, Sign::Never)),
        'N' => Some(number(F::NanoOfDay, count, 19, Sign::Never)),
        'V' => (count == 2).then_some(Item::ZoneId),
        'z' | 'v' => (count <= 4).then_some(Item::ZoneName),
        'O' => match count {
            1 | 4 => Some(Item::LocalizedOffset { full: count == 4 }),
            _ => None,
        },
        'X' => offset(count, ["Z"; 5]),
        'x' => offset(count, ["+00", "+0000", "+00:00", "+0000", "+00:00"]),
        'Z' => match count {
            1..=3 => offset(2, ["+0000"; 5]),
            4 => Some(Item::LocalizedOffset { full: true }),
            5 => offset(5, ["Z"; 5]),
            _ => None,
        },
        _ => None,
    }
}

fn offset(count: usize, zero: [&'static str; 5]) -> Option<Item> {
    let form = OffsetForm {
        colon: matches!(count, 3 | 5),
        minutes_optional: count == 1,
        seconds: count >= 4,
        zero: zero.get(count - 1)?,
    };
    Some(Item::Offset(form))
}

/// Numbers of fixed width that follow a number without a gap keep their digits to themselves.
fn reserve_adjacent(items: &mut [Item]) {
    for at in (0..items.len()).rev() {
        if let Item::Optional(inner) = &mut items[at] {
            reserve_adjacent(inner);
        }
        let follows: usize = items[at + 1..].iter().map_while(fixed_width).sum();
        if let Item::Number { reserved, .. } | Item::ReducedYear { reserved, .. } = &mut items[at] {
            *reserved = follows;
        }
    }
}

fn fixed_width(item: &Item) -> Option<usize> {
    match item {
        Item::Number { min, max, sign: Sign::Never, .. } if min == max => Some(*min),
        Item::ReducedYear { .. } => Some(2),
        Item::Fraction { digits } => Some(*digits),
        _ => None,
    }
}

/// The pattern for the fast reader: `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, `SSS`, in any order, and
/// ASCII.
fn plain(items: &[Item]) -> Option<Vec<Plain>> {
    let mut plain = Vec::new();
    for item in items {
        match item {
            Item::Literal(text) if text.is_ascii() => {
                plain.extend(text.bytes().map(Plain::Byte));
            }
            Item::Number { field: field @ (Field::Year | Field::YearOfEra), min: 4, .. } => {
                plain.push(Plain::Digits(*field, 4));
            }
            Item::Number {
                field:
                    field @ (Field::Month
                    | Field::DayOfMonth
                    | Field::Hour
                    | Field::Minute
                    | Field::Second),
                min: 2,
                max: 2,
                ..
            } => plain.push(Plain::Digits(*field, 2)),
            Item::Fraction { digits: 3 } => plain.push(Plain::Digits(Field::NanoOfSecond, 3)),
            _ => return None,
        }
    }
    let has = |wanted| plain.iter().any(|p| matches!(p, Plain::Digits(f, _) if *f == wanted));
    let year = has(Field::Year) || has(Field::YearOfEra);
    let once = |wanted| {
        plain.iter().filter(|p| matches!(p, Plain::Digits(f, _) if *f == wanted)).count() < 2
    };
    let all = [Field::Month, Field::DayOfMonth, Field::Hour, Field::Minute, Field::Second];
    let whole = year && has(Field::Month) && has(Field::DayOfMonth);
    (whole && all.into_iter().all(once)).then_some(plain)
}
