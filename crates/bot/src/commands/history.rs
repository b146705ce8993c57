//! How does occupancy vary over time? Today or this week, beside what is usual.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use tracing::warn;

use super::{Answer, spaces};
use crate::chart::{Chart, drawing};
use crate::conversation::Conversation;
use crate::reply::{Content, Reply};
use crate::views::{HalfHour, Park};
use crate::words;

/// How many earlier weeks "usual" is an average of.
const WEEKS_USUAL: i64 = 4;
const MINUTES_OF_DAY: f64 = 1440.0;
const HALF_HOURS_OF_DAY: usize = 48;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Today.
    Day,
    /// Monday to Sunday.
    Week,
}

pub(super) async fn run(conversation: &Conversation, arguments: &str) -> Answer {
    let (typed, span) = match arguments.rsplit_once(char::is_whitespace) {
        Some((name, "week")) => (name, Span::Week),
        Some((name, "day" | "today")) => (name, Span::Day),
        _ => (arguments, Span::Day),
    };
    let parks = conversation.views.parks().await?;
    match spaces::choose(&parks, typed) {
        Ok(park) => draw(conversation, park, span).await,
        Err(question) => Ok(vec![question]),
    }
}

/// The buttons below a car park.
pub(super) async fn by_id(conversation: &Conversation, id: &str, span: Span) -> Answer {
    let parks = conversation.views.parks().await?;
    match spaces::with_id(&parks, id) {
        Some(park) => draw(conversation, park, span).await,
        None => Ok(vec![spaces::gone()]),
    }
}

async fn draw(conversation: &Conversation, park: &Park, span: Span) -> Answer {
    let zone = conversation.zone(&park.city);
    let Some(period) = Period::around(park.time_ms, span, &zone) else {
        return Ok(vec![Reply::text("That car park's clock is wrong; I cannot draw its history.")]);
    };
    let name = &park.name;
    let history = conversation.views.history(name, period.usual_from_ms, period.until_ms).await?;
    if history.is_empty() {
        return Ok(vec![Reply::text(format!("I have no history of {name} yet."))]);
    }
    let chart = chart(park, span, &period, &history, &zone, conversation.attribution(&park.city));
    let caption = caption(park, &chart);
    match chart.png() {
        Ok(png) => {
            let content = Content::Chart { png, caption, drawing: drawing::draw(&chart) };
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
    current.push(((park.time_ms - start_ms) as f64 / 60_000.0, park.free as f64));
    let earlier: Vec<&HalfHour> = history.iter().filter(|h| h.start_ms < start_ms).collect();
    let (ticks, what) = match span {
        Span::Day => {
            let ticks = (0..=8).map(|i| (f64::from(i) * 180.0, format!("{}:00", i * 3))).collect();
            (ticks, words::time(park.time_ms, zone, "%A, %-d %B %Y"))
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
fn caption(park: &Park, chart: &Chart) -> String {
    let mut text = format!("{}: {} now", park.name, words::spaces(park.free, park.capacity));
    let minute = chart.current.last().map_or(0.0, |p| p.0);
    let usual = chart.usual.iter().rev().find(|p| p.0 <= minute);
    if let Some((_, usual)) = usual {
        text.push_str(&format!("; {usual:.0} free is usual at this time"));
    }
    let lowest = chart.current.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    if lowest.is_finite() {
        text.push_str(&format!("; fewest so far: {lowest:.0}"));
    }
    text.push_str(&format!(". {}", chart.subtitle));
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
    fn a_week_begins_on_monday() {
        let zone = TimeZone::UTC;
        let period = Period::around(1_730_000_000_000, Span::Week, &zone).expect("a week");
        assert_eq!(period.start.date().to_string(), "2024-10-21");
    }
}
