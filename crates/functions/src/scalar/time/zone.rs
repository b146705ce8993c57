//! Time zones by Java's ids, with their offsets remembered hour by hour: most rows of a batch fall
//! into few hours, and a look-up in the rules costs more than all else about a timestamp.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use model::text::civil_from_days;

const SECONDS_PER_HOUR: i64 = 3_600;
const SECONDS_PER_DAY: i64 = 86_400;

/// Seconds after which the Gregorian calendar, and so the rules of a zone, repeat.
const CYCLE_SECONDS: i64 = 146_097 * SECONDS_PER_DAY;

/// The rules are asked for times up to the year 9000 only; later ones are moved back by cycles.
const RULES_END_SECONDS: i64 = 221_845_392_000;

/// Where the rules begin: 0001-01-01.
const RULES_START_SECONDS: i64 = -62_135_596_800;

/// Where the rules of Java's old `TimeZone` begin (1900) and end, and a time (2025-01-01) whose
/// standard offset holds outside.
const OLD_RULES_START: i64 = -2_208_988_800;
const OLD_RULES_END: i64 = 9_000_000_000_000_000;
const OLD_RULES_STANDARD: i64 = 1_735_689_600;

/// How many hours a zone remembers.
const SLOTS: usize = 64;

/// A zone.
pub(super) struct Zone {
    id: String,
    rules: Rules,
    /// Offsets by hours of UTC.
    by_utc: Slots,
    /// Offsets by hours of local time, where there is only one.
    by_local: Slots,
}

enum Rules {
    /// The offset in seconds.
    Fixed(i32),
    Named(TimeZone),
}

/// Short names that Java has where the rules have a number only.
const NAMES: &[(&str, &str)] = &[
    ("America/Argentina/Buenos_Aires", "ART"),
    ("America/Bogota", "COT"),
    ("America/Lima", "PET"),
    ("America/Sao_Paulo", "BRT"),
    ("Asia/Dhaka", "BST"),
    ("Asia/Dubai", "GST"),
    ("Asia/Kathmandu", "NPT"),
    ("Asia/Singapore", "SGT"),
    ("Asia/Tehran", "IRST"),
];

/// The offsets, in seconds, that a local time may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Local {
    /// Exactly one.
    One(i32),
    /// None, for the clock was put forward: what was before, what is after.
    Gap(i32, i32),
    /// Two, for the clock was put back: the earlier time's, the later time's.
    Overlap(i32, i32),
}

/// Hours and their offsets, one hour a slot.
struct Slots([Cell<(i64, i32)>; SLOTS]);

impl Slots {
    fn new() -> Self {
        Self(std::array::from_fn(|_| Cell::new((i64::MIN, 0))))
    }

    fn get(&self, hour: i64) -> Option<i32> {
        let (known, offset) = self.slot(hour).get();
        (known == hour).then_some(offset)
    }

    fn put(&self, hour: i64, offset: i32) {
        self.slot(hour).set((hour, offset));
    }

    fn slot(&self, hour: i64) -> &Cell<(i64, i32)> {
        &self.0[hour.rem_euclid(SLOTS as i64) as usize]
    }
}

thread_local! {
    /// The zones in use.
    static ZONES: RefCell<Vec<Rc<Zone>>> = const { RefCell::new(Vec::new()) };
}

/// How many zones a thread keeps.
const ZONES_MAX: usize = 64;

impl Zone {
    /// The zone with this id: `UTC`, `Europe/London`, `+05:30`, `GMT+1`, …
    pub(super) fn of(id: &str) -> Result<Rc<Zone>, String> {
        ZONES.with_borrow_mut(|zones| {
            if let Some(zone) = zones.iter().find(|zone| zone.id == id) {
                return Ok(zone.clone());
            }
            let zone = Rc::new(Zone {
                id: id.to_string(),
                rules: rules(id)?,
                by_utc: Slots::new(),
                by_local: Slots::new(),
            });
            if zones.len() >= ZONES_MAX {
                zones.clear();
            }
            zones.push(zone.clone());
            Ok(zone)
        })
    }

    /// A zone of one offset in seconds.
    pub(super) fn fixed(offset: i32) -> Rc<Zone> {
        let id = offset_text(offset);
        let (by_utc, by_local) = (Slots::new(), Slots::new());
        Rc::new(Zone { id, rules: Rules::Fixed(offset), by_utc, by_local })
    }

    /// The id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The offset in seconds at a moment, in seconds since the epoch.
    pub(super) fn offset_at(&self, utc: i64) -> i32 {
        let zone = match &self.rules {
            Rules::Fixed(offset) => return *offset,
            Rules::Named(zone) => zone,
        };
        let hour = utc.div_euclid(SECONDS_PER_HOUR);
        if let Some(offset) = self.by_utc.get(hour) {
            return offset;
        }
        let offset = |at| zone.to_offset(timestamp(at)).seconds();
        let at = offset(utc);
        let start = hour * SECONDS_PER_HOUR;
        if offset(start) == offset(start.saturating_add(SECONDS_PER_HOUR - 1)) {
            self.by_utc.put(hour, at);
        }
        at
    }

    /// The offset in seconds as Java's old `TimeZone` knows it: before 1900 and in the far future
    /// today's standard offset, and none for the ids `UTC+3` and `UT+3`.
    pub(super) fn modern_offset_at(&self, utc: i64) -> i32 {
        match &self.rules {
            Rules::Fixed(_) if self.id.starts_with("UT") => 0,
            Rules::Named(zone) if !(OLD_RULES_START..OLD_RULES_END).contains(&utc) => {
                let months = (0..12).map(|month| OLD_RULES_STANDARD + month * 30 * SECONDS_PER_DAY);
                let mut infos = months.map(|at| zone.to_offset_info(timestamp(at)));
                let standard = infos.find(|info| !info.dst().is_dst());
                standard.map_or_else(|| self.offset_at(utc), |info| info.offset().seconds())
            }
            _ => self.offset_at(utc),
        }
    }

    /// The offsets that a local time may have, in seconds since 1970-01-01T00:00 on the clock
    /// there.
    pub(super) fn offsets_of(&self, local: i64) -> Local {
        let zone = match &self.rules {
            Rules::Fixed(offset) => return Local::One(*offset),
            Rules::Named(zone) => zone,
        };
        let hour = local.div_euclid(SECONDS_PER_HOUR);
        if let Some(offset) = self.by_local.get(hour) {
            return Local::One(offset);
        }
        let at = ambiguous(zone, local);
        let start = hour * SECONDS_PER_HOUR;
        let end = ambiguous(zone, start.saturating_add(SECONDS_PER_HOUR - 1));
        if let (Local::One(first), Local::One(last)) = (ambiguous(zone, start), end)
            && first == last
        {
            self.by_local.put(hour, first);
        }
        at
    }

    /// The moment, in seconds since the epoch, of a local time: the earlier of two, and as much
    /// later as the clock was put forward if there is none.
    pub(super) fn utc_of(&self, local: i64) -> i64 {
        let offset = match self.offsets_of(local) {
            Local::One(offset) | Local::Gap(offset, _) | Local::Overlap(offset, _) => offset,
        };
        local - i64::from(offset)
    }

    /// The short English name at a moment: `GMT`, `BST`.
    pub(super) fn short_name(&self, utc: i64) -> String {
        let name =
            |zone: &TimeZone, at| zone.to_offset_info(timestamp(at)).abbreviation().to_string();
        match &self.rules {
            Rules::Fixed(_) => self.id.clone(),
            // Local mean time has no name of its own: take the one of today.
            Rules::Named(zone) => match name(zone, utc) {
                mean if mean == "LMT" => name(zone, 0),
                number if number.starts_with(['+', '-']) => {
                    let known = NAMES.iter().find(|(id, _)| *id == self.id);
                    known.map_or(number, |(_, name)| (*name).to_string())
                }
                name => name,
            },
        }
    }
}

/// Moves a time to where the rules are known.
fn within_rules(seconds: i64) -> i64 {
    if seconds < RULES_END_SECONDS {
        return seconds.max(RULES_START_SECONDS);
    }
    let cycles = (seconds - RULES_END_SECONDS) / CYCLE_SECONDS + 1;
    seconds - cycles * CYCLE_SECONDS
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(within_rules(seconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn ambiguous(zone: &TimeZone, local: i64) -> Local {
    let local = within_rules(local);
    let civil = civil_from_days(local.div_euclid(SECONDS_PER_DAY));
    let second = local.rem_euclid(SECONDS_PER_DAY);
    let date_time = DateTime::new(
        civil.year as i16,
        civil.month as i8,
        civil.day as i8,
        (second / 3_600) as i8,
        (second / 60 % 60) as i8,
        (second % 60) as i8,
        0,
    );
    let Ok(date_time) = date_time else { return Local::One(0) };
    match zone.to_ambiguous_timestamp(date_time).offset() {
        AmbiguousOffset::Unambiguous { offset } => Local::One(offset.seconds()),
        AmbiguousOffset::Gap { before, after } => Local::Gap(before.seconds(), after.seconds()),
        AmbiguousOffset::Fold { before, after } => {
            Local::Overlap(before.seconds(), after.seconds())
        }
    }
}

/// The rules for an id.
fn rules(id: &str) -> Result<Rules, String> {
    let unknown = || format!("unknown time zone '{id}'");
    if matches!(id, "Z" | "UTC" | "GMT" | "UT") {
        return Ok(Rules::Fixed(0));
    }
    let bare = id.strip_prefix("UTC").or(id.strip_prefix("GMT")).or(id.strip_prefix("UT"));
    let offset = bare.unwrap_or(id);
    if offset.starts_with(['+', '-']) {
        return parse_offset(offset).map(Rules::Fixed).ok_or_else(unknown);
    }
    // Java keeps to the case, and knows no abbreviations.
    let abbreviation = matches!(id, "EST" | "MST" | "HST" | "ROC" | "localtime" | "posixrules");
    let zone = TimeZone::get(id).ok().filter(|zone| !abbreviation && zone.iana_name() == Some(id));
    zone.map(Rules::Named).ok_or_else(unknown)
}

/// Reads `+5`, `+05`, `+0530`, `+05:30`, `+05:30:15` and `+053015` as seconds.
pub(super) fn parse_offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let parts: Vec<&str> = if digits.contains(':') {
        digits.split(':').collect()
    } else {
        match digits.len() {
            1 | 2 => vec![digits],
            4 => vec![&digits[..2], &digits[2..]],
            6 => vec![&digits[..2], &digits[2..4], &digits[4..]],
            _ => return None,
        }
    };
    let mut seconds = 0;
    for (i, part) in parts.iter().enumerate() {
        let whole = part.len() == 2 || (parts.len() == 1 && part.len() == 1);
        if !whole || !part.bytes().all(|b| b.is_ascii_digit()) || i > 2 {
            return None;
        }
        let value: i32 = part.parse().ok()?;
        if value > 59 {
            return None;
        }
        seconds += value * [3_600, 60, 1][i];
    }
    (seconds <= 18 * 3_600).then_some(sign * seconds)
}

/// An offset as an id: `Z`, `+05:30`.
fn offset_text(offset: i32) -> String {
    if offset == 0 {
        return "Z".to_string();
    }
    let (sign, all) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let mut text = format!("{sign}{:02}:{:02}", all / 3_600, all / 60 % 60);
    if all % 60 != 0 {
        text.push_str(&format!(":{:02}", all % 60));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_java() {
        for id in ["UTC", "GMT", "Z", "Europe/London", "+05:30", "-0330", "GMT+1", "Etc/GMT+5"] {
            assert!(Zone::of(id).is_ok(), "{id}");
        }
        for id in ["PST", "EST", "utc", "BST", "america/new_york", "+25:00", "", "Nope/Zone"] {
            assert!(Zone::of(id).is_err(), "{id}");
        }
    }

    #[test]
    fn a_local_time_has_one_offset_none_or_two() {
        let london = Zone::of("Europe/London").expect("a zone");
        // 2021-03-28T01:30 was skipped, 2021-10-31T01:30 came twice.
        assert_eq!(london.offsets_of(1_616_895_000), Local::Gap(0, 3_600));
        assert_eq!(london.offsets_of(1_635_643_800), Local::Overlap(3_600, 0));
        assert_eq!(london.offsets_of(1_625_000_000), Local::One(3_600));
        assert_eq!(london.offset_at(1_616_893_199), 0);
        assert_eq!(london.offset_at(1_616_893_200), 3_600);
        assert_eq!(london.offset_at(9_223_372_036_854_775), 3_600);
        assert_eq!(london.short_name(1_625_000_000), "BST");
    }
}
