//! The bot's wording: how a car park, an age, a distance and an alert are said.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::reply::Location;
use crate::views::{Alert, Direction, Park};

/// A change of more than this share of the capacity in half an hour is a trend.
const TREND_SHARE: f64 = 0.02;
/// Without a capacity: a change of more spaces than this.
const TREND_SPACES: f64 = 5.0;
/// Data older than this is warned about.
const OLD_MINUTES: i64 = 30;

/// `Pier Road: 123 of 790 spaces free (84 % full), filling up.` and the age of the data.
pub fn park(park: &Park, zone: &TimeZone, now_ms: i64) -> String {
    let state = match park.closed {
        true => "closed".to_string(),
        false => free_now(park),
    };
    let mut text = format!("{}: {state}.", park.name);
    if let Some(count) = park.count {
        text.push('\n');
        text.push_str(&age(count.time_ms, zone, now_ms));
    }
    if let Some(flag) = &park.flag {
        text.push_str(&format!("\nNote: {flag}."));
    }
    text
}

/// `123 of 790 spaces free (84 % full), filling up`
pub fn free_now(park: &Park) -> String {
    let Some(count) = park.count else {
        return "the feed has not told yet how many spaces are free".to_string();
    };
    let spaces = spaces(count.free, park.capacity);
    match trend(park) {
        Some(trend) => format!("{spaces}, {trend}"),
        None => spaces,
    }
}

/// `123 of 790 spaces free (84 % full)`
pub fn spaces(free: i64, capacity: Option<i64>) -> String {
    match capacity {
        Some(capacity) => {
            let full = 100.0 * (1.0 - free as f64 / capacity as f64);
            let full = full.clamp(0.0, 100.0).round();
            format!("{free} of {capacity} spaces free ({full} % full)")
        }
        None => format!("{} free", number_of_spaces(free)),
    }
}

/// `1 space`, `2 spaces`
fn number_of_spaces(number: i64) -> String {
    format!("{number} {}", if number == 1 { "space" } else { "spaces" })
}

/// `filling up`, `emptying`, `steady`; nothing if the past is unknown.
pub fn trend(park: &Park) -> Option<&'static str> {
    let change = (park.count?.free - park.free_before?) as f64;
    let matters = park.capacity.map_or(TREND_SPACES, |c| (c as f64 * TREND_SHARE).max(2.0));
    Some(match change {
        c if c <= -matters => "filling up",
        c if c >= matters => "emptying",
        _ => "steady",
    })
}

/// `Counted at 14:55 (3 min ago).`, with a warning if that is long ago.
pub fn age(time_ms: i64, zone: &TimeZone, now_ms: i64) -> String {
    let minutes = (now_ms - time_ms).max(0) / 60_000;
    let ago = match minutes {
        0 => "just now".to_string(),
        1..=119 => format!("{minutes} min ago"),
        120..=2879 => format!("{} h ago", minutes / 60),
        2880..=1_051_199 => format!("{} days ago", minutes / 1440),
        _ => format!("{} years ago", minutes / (1440 * 365)),
    };
    let pattern = if minutes < 12 * 60 { "%H:%M" } else { "%-d %B %Y %H:%M" };
    let warning = if minutes > OLD_MINUTES { " This is old: it may have changed." } else { "" };
    format!("Counted at {} ({ago}).{warning}", time(time_ms, zone, pattern))
}

/// A time in a zone, by a `strftime` pattern.
pub fn time(time_ms: i64, zone: &TimeZone, pattern: &str) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(time) => time.to_zoned_datetime(zone.clone()).strftime(pattern).to_string(),
        Err(_) => "an unknown time".to_string(),
    }
}

/// `350 m`, `1.2 km`
pub fn distance(metres: f64) -> String {
    match metres {
        ..950.0 => format!("{:.0} m", (metres / 10.0).round() * 10.0),
        ..9_950.0 => format!("{:.1} km", metres / 1000.0),
        _ => format!("{:.0} km", metres / 1000.0),
    }
}

/// Where directions to a car park are.
pub fn directions(park: &Park) -> Option<String> {
    park.directions_url.clone().or_else(|| park.location.map(directions_url))
}

/// `49.18,-2.11`: a place as it is typed, to about a kilometre.
pub fn place(place: Location) -> String {
    format!("{:.2},{:.2}", place.latitude, place.longitude)
}

/// An address that opens directions by car in whatever map the device has.
pub fn directions_url(to: Location) -> String {
    format!(
        "https://www.google.com/maps/dir/?api=1&travelmode=driving&destination={},{}",
        to.latitude, to.longitude
    )
}

/// A text with a line of whose data it is: the licences want it shown wherever the data is.
pub fn with_attribution<'a>(
    mut text: String,
    attributions: impl IntoIterator<Item = &'a str>,
) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for attribution in attributions {
        if !attribution.is_empty() && !shown.contains(&attribution) {
            shown.push(attribution);
            text.push('\n');
            text.push_str(attribution);
        }
    }
    text
}

/// `more than 10 spaces free`
pub fn wish(direction: Direction, threshold: i64) -> String {
    let than = match direction {
        Direction::Above => "more than",
        Direction::Below => "fewer than",
    };
    format!("{than} {} free", number_of_spaces(threshold))
}

/// `more than 10 spaces free in Pier Road`
pub fn wish_in(park: &str, direction: Direction, threshold: i64) -> String {
    format!("{} in {park}", wish(direction, threshold))
}

/// What is said when a threshold was crossed.
pub fn alert(alert: &Alert, zone: &TimeZone, now_ms: i64) -> String {
    let s = &alert.subscription;
    let head = match s.direction {
        Direction::Above => "There is space",
        Direction::Below => "It is filling up",
    };
    format!(
        "{head}: {}, {} (you asked for {}).\n{}",
        s.park,
        spaces(alert.count.free, alert.capacity),
        wish(s.direction, s.threshold),
        age(alert.count.time_ms, zone, now_ms),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::Count;

    fn pier_road() -> Park {
        Park {
            key: "Pier Road".into(),
            name: "Pier Road".into(),
            city: "jersey".into(),
            count: Some(Count { free: 123, time_ms: 1_730_000_000_000 }),
            capacity: Some(790),
            free_before: Some(160),
            closed: false,
            flag: None,
            location: None,
            directions_url: None,
        }
    }

    #[test]
    fn a_car_park_is_told_with_the_age_of_its_data() {
        let now = 1_730_000_000_000 + 180_000;
        assert_eq!(
            park(&pier_road(), &TimeZone::UTC, now),
            "Pier Road: 123 of 790 spaces free (84 % full), filling up.\n\
             Counted at 03:33 (3 min ago)."
        );
    }

    #[test]
    fn a_number_that_is_not_known_is_said_to_be_so() {
        let unknown = Park { count: None, ..pier_road() };
        let text = "Pier Road: the feed has not told yet how many spaces are free.";
        assert_eq!(park(&unknown, &TimeZone::UTC, 0), text);
    }

    #[test]
    fn one_space_is_not_called_spaces() {
        assert_eq!(wish_in("it", Direction::Below, 1), "fewer than 1 space free in it");
        assert_eq!(spaces(1, None), "1 space free");
    }

    #[test]
    fn old_data_is_warned_about() {
        let now = 1_730_000_000_000 + 45 * 60_000;
        assert!(park(&pier_road(), &TimeZone::UTC, now).ends_with("it may have changed."));
        let days = |days: i64| age(0, &TimeZone::UTC, days * 1440 * 60_000);
        assert!(days(729).contains("(729 days ago)"), "{}", days(729));
        assert!(days(4346).contains("(11 years ago)"), "{}", days(4346));
    }

    #[test]
    fn distances_are_rounded_for_people() {
        assert_eq!(distance(347.0), "350 m");
        assert_eq!(distance(1234.0), "1.2 km");
        assert_eq!(distance(12_340.0), "12 km");
    }

    #[test]
    fn a_small_change_is_no_trend() {
        let steady = Park { free_before: Some(125), ..pier_road() };
        assert_eq!(trend(&steady), Some("steady"));
        assert_eq!(trend(&Park { free_before: None, ..pier_road() }), None);
    }
}
