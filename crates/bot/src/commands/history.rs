//! How does occupancy vary over time? Today or this week, beside what is usual.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use tracing::warn;

use super::{Answer, Asked, which};
use crate::chart::{Chart, drawing};
use crate::conversation::Conversation;
use crate::reply::{Content, Reply};
use crate::views::{Count, HalfHour, Park};
use crate::words;

/// How many earlier weeks "usual" is an average of.
const WEEKS_USUAL: i64 = 4;
const MINUTES_OF_DAY: f64 = 1440.0;
const HALF_HOURS_OF_DAY: usize = 48;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Today.
    Day,
    /// Monday to Sunday.
    Week,
}

impl Span {
    /// As it is typed, and the first word of a button's data.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Span::Day => "day",
            Span::Week => "week",
        }
    }
}

pub(super) async fn run(asked: Asked<'_>) -> Answer {
    let (typed, span) = match parse(asked.about) {
        Ok(parsed) => parsed,
        Err(text) => return Ok(vec![Reply::text(text)]),
    };
    let parks = asked.conversation.views.parks().await?;
    match which::choose(&parks, &typed, |id| format!("{} {id}", span.word())) {
        Ok(park) => draw(asked.conversation, park, span).await,
        Err(question) => Ok(vec![*question]),
    }
}

/// Reads `NAME [day | week]`.
fn parse(about: &str) -> Result<(String, Span), &'static str> {
    let mut words: Vec<&str> = about.split_whitespace().collect();
    let last = words.last().map(|word| word.to_lowercase()).unwrap_or_default();
    let span = match last.as_str() {
        "week" => Some(Span::Week),
        "day" | "today" => Some(Span::Day),
        "month" | "year" | "yesterday" | "tomorrow" => {
            return Err("I draw today or this week: /history NAME day, or /history NAME week.");
        }
        _ => None,
    };
    if span.is_some() {
        words.pop();
    }
    if span.is_some() && words.last().is_some_and(|word| word.eq_ignore_ascii_case("this")) {
        words.pop();
    }
    Ok((words.join(" "), span.unwrap_or(Span::Day)))
}

/// The buttons below a car park: `day ID`, `week ID`.
pub(super) async fn button(asked: Asked<'_>, span: Span) -> Answer {
    let parks = asked.conversation.views.parks().await?;
    match which::with_id(&parks, asked.about) {
        Some(park) => draw(asked.conversation, park, span).await,
        None => Ok(vec![which::gone()]),
    }
}

async fn draw(conversation: &Conversation, park: &Park, span: Span) -> Answer {
    let name = &park.name;
    let Some(count) = park.count else {
        return Ok(vec![Reply::text(format!("I have no history of {name} yet."))]);
    };
    let zone = conversation.zone(&park.city);
    let Some(period) = Period::around(count.time_ms, span, &zone) else {
        return Ok(vec![Reply::text("That car park's clock is wrong; I cannot draw its history.")]);
    };
    let history =
        conversation.views.history(&park.key, period.usual_from_ms, period.until_ms).await?;
    if history.is_empty() {
        return Ok(vec![Reply::text(format!("I have no history of {name} yet."))]);
    }
    let attribution = conversation.attribution(&park.city);
    let chart = chart(park, count, span, &period, &history, &zone, attribution);
    let age = words::age(count.time_ms, &zone, conversation.now_ms());
    let caption = caption(park, count, &chart, &age);
    match chart.png() {
        Ok(png) => {
            let drawing = drawing::draw(&chart);
            let name = format!("{name} {}", span.word());
            let content = Content::Chart { name, png, caption, drawing };
            Ok(vec![Reply { content, buttons: Vec::new() }])
        }
        Err(error) => {
            warn!(%error, "a chart failed");
            Ok(vec![Reply::text(caption)])
        }
    }
}

/// The time that is drawn, and the earlier one that is usual.
struct Period {
    start: ZonedDateTime,
    usual_from_ms: i64,
    until_ms: i64,
}

impl Period {
    /// The day or week that the data's newest time falls into.
    fn around(time_ms: i64, span: Span, zone: &TimeZone) -> Option<Self> {
        let now = Timestamp::from_millisecond(time_ms).ok()?.to_zoned_datetime(zone.clone());
        let mut start = now.start_of_day().ok()?;
        if span == Span::Week {
            let since = now.date().weekday().since(Weekday::Monday);
            start = start.checked_sub(i64::from(since).days()).ok()?;
        }
        let usual_from = start.checked_sub((7 * WEEKS_USUAL).days()).ok()?;
        Some(Self {
            usual_from_ms: usual_from.timestamp().as_millisecond(),
            until_ms: time_ms + 1,
            start,
        })
    }
}

fn chart(
    park: &Park,
    count: Count,
    span: Span,
    period: &Period,
    history: &[HalfHour],
    zone: &TimeZone,
    attribution: &str,
) -> Chart {
    let start_ms = period.start.timestamp().as_millisecond();
    let days = if span == Span::Week { 7 } else { 1 };
    let minute = |h: &HalfHour| (h.start_ms - start_ms) as f64 / 60_000.0;
    let mut current: Vec<(f64, f64)> =
        history.iter().filter(|h| h.start_ms >= start_ms).map(|h| (minute(h), h.free)).collect();
    // The newest half hour is still an average of few readings: the last point is the last reading.
    current.push(((count.time_ms - start_ms) as f64 / 60_000.0, count.free as f64));
    let earlier: Vec<&HalfHour> = history.iter().filter(|h| h.start_ms < start_ms).collect();
    let (ticks, what) = match span {
        Span::Day => {
            let ticks = (0..=8).map(|i| (f64::from(i) * 180.0, format!("{}:00", i * 3))).collect();
            (ticks, words::time(count.time_ms, zone, "%A, %-d %B %Y"))
        }
        Span::Week => {
            let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
            let tick = |(i, day): (usize, &&str)| (MINUTES_OF_DAY * i as f64, day.to_string());
            let monday = period.start.strftime("%-d %B %Y").to_string();
            (days.iter().enumerate().map(tick).collect(), format!("the week of {monday}"))
        }
    };
    let attribution =
        if attribution.is_empty() { String::new() } else { format!(". {attribution}") };
    Chart {
        title: park.name.clone(),
        subtitle: format!("Free spaces, {what}{attribution}"),
        capacity: park.capacity.map(|c| c as f64),
        minutes: MINUTES_OF_DAY * f64::from(days),
        ticks,
        current,
        usual: usual(&earlier, span, &period.start, zone),
    }
}

/// The average of earlier weeks, by local time: the same weekday for a day (all days if that
/// weekday was never seen), each weekday for a week.
fn usual(
    earlier: &[&HalfHour],
    span: Span,
    start: &ZonedDateTime,
    zone: &TimeZone,
) -> Vec<(f64, f64)> {
    let mut slots = vec![(0.0, 0u32); HALF_HOURS_OF_DAY * 7];
    let mut any_day = vec![(0.0, 0u32); HALF_HOURS_OF_DAY];
    for half_hour in earlier {
        let Ok(time) = Timestamp::from_millisecond(half_hour.start_ms) else { continue };
        let local = time.to_zoned_datetime(zone.clone());
        let slot = local.hour() as usize * 2 + usize::from(local.minute() >= 30);
        let day = local.date().weekday().to_monday_zero_offset() as usize;
        for (sum, count) in [&mut slots[day * HALF_HOURS_OF_DAY + slot], &mut any_day[slot]] {
            *sum += half_hour.free;
            *count += 1;
        }
    }
    let points = |slots: &[(f64, u32)]| -> Vec<(f64, f64)> {
        let known = slots.iter().enumerate().filter(|(_, (_, count))| *count > 0);
        known.map(|(i, (sum, count))| (i as f64 * 30.0, sum / f64::from(*count))).collect()
    };
    match span {
        Span::Week => points(&slots),
        Span::Day => {
            let day = start.date().weekday().to_monday_zero_offset() as usize;
            let same_day = points(&slots[day * HALF_HOURS_OF_DAY..][..HALF_HOURS_OF_DAY]);
            if same_day.is_empty() { points(&any_day) } else { same_day }
        }
    }
}

/// What the chart shows, in words.
fn caption(park: &Park, count: Count, chart: &Chart, age: &str) -> String {
    let mut text = format!("{}: {}", park.name, words::spaces(count.free, park.capacity));
    let minute = chart.current.last().map_or(0.0, |p| p.0);
    let usual = chart.usual.iter().rev().find(|p| p.0 <= minute);
    if let Some((_, usual)) = usual {
        text.push_str(&format!("; {usual:.0} free is usual at this time"));
    }
    let lowest = chart.current.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    if lowest.is_finite() {
        text.push_str(&format!("; fewest so far: {lowest:.0}"));
    }
    text.push_str(&format!(". {age}\n{}", chart.subtitle));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_is_the_mean_of_the_same_weekday_and_time() {
        let zone = TimeZone::get("Europe/London").expect("a zone");
        let ms = |text: &str| -> i64 {
            let time: ZonedDateTime = format!("{text}[Europe/London]").parse().expect("a time");
            time.timestamp().as_millisecond()
        };
        let at = |text: &str, free: f64| HalfHour { start_ms: ms(text), free };
        // Two Mondays at half past eight, one of them in summer time, and a Tuesday.
        let history = [
            at("2024-10-21T08:30", 10.0),
            at("2024-10-28T08:30", 20.0),
            at("2024-10-29T08:30", 99.0),
        ];
        let earlier: Vec<&HalfHour> = history.iter().collect();
        let monday = Period::around(ms("2024-11-04T12:00"), Span::Day, &zone).expect("a day");
        assert_eq!(usual(&earlier, Span::Day, &monday.start, &zone), vec![(510.0, 15.0)]);
    }

    #[test]
    fn what_is_drawn_is_the_last_word() {
        let check = |about: &str, name: &str, span: Span| {
            assert_eq!(parse(about), Ok((name.to_string(), span)), "{about}");
        };
        check("Pier Road", "Pier Road", Span::Day);
        check("Pier Road WEEK", "Pier Road", Span::Week);
        check("pier this week", "pier", Span::Week);
        check("pier today", "pier", Span::Day);
        check("week", "", Span::Week);
        assert!(parse("pier month").is_err());
    }

    #[test]
    fn a_week_begins_on_monday() {
        let zone = TimeZone::UTC;
        let period = Period::around(1_730_000_000_000, Span::Week, &zone).expect("a week");
        assert_eq!(period.start.date().to_string(), "2024-10-21");
    }
}
