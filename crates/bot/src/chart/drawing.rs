//! The same chart with characters: a line of blocks for now, one for what is usual.

use super::Chart;

/// Eight heights of a block.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many columns the drawing has at least.
const COLUMNS_MIN: usize = 48;
const MINUTES_OF_DAY: f64 = 1440.0;

/// Draws `chart` in four lines of text.
pub fn draw(chart: &Chart) -> String {
    let top = chart.top();
    let columns = columns(chart.minutes);
    let mut axis = vec![' '; columns + 8];
    for (minute, text) in &chart.ticks {
        let at = (minute / chart.minutes * columns as f64) as usize;
        for (i, c) in text.chars().enumerate() {
            if let Some(place) = axis.get_mut(at + i) {
                *place = c;
            }
        }
    }
    let axis: String = axis.into_iter().collect();
    format!(
        "now   {}\nusual {}\n      {}\n(▁ 0, █ {top:.0} free spaces)",
        line(&chart.current, chart.minutes, top, columns),
        line(&chart.usual, chart.minutes, top, columns),
        axis.trim_end(),
    )
}

/// How many columns a time has: as many for each of its days.
fn columns(minutes: f64) -> usize {
    let days = (minutes / MINUTES_OF_DAY).round().max(1.0) as usize;
    days * COLUMNS_MIN.div_ceil(days)
}

/// A block for each column: the mean of the points that fall into it, a blank where there are none.
fn line(points: &[(f64, f64)], minutes: f64, top: f64, columns: usize) -> String {
    let mut sums = vec![(0.0, 0u32); columns];
    for (minute, value) in points {
        let at = (minute / minutes * columns as f64) as usize;
        let (sum, count) = &mut sums[at.min(columns - 1)];
        *sum += value;
        *count += 1;
    }
    let block = |(sum, count): (f64, u32)| match count {
        0 => ' ',
        _ => {
            let height = sum / f64::from(count) / top * 8.0;
            BLOCKS[(height as usize).min(7)]
        }
    };
    sums.into_iter().map(block).collect::<String>().trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_empty_are_told_apart() {
        assert_eq!(line(&[(0.0, 0.0), (30.0, 100.0)], 1440.0, 100.0, 48), "▁█");
        assert_eq!(line(&[], 1440.0, 100.0, 48), "");
    }

    #[test]
    fn an_empty_car_park_reaches_the_top_and_every_day_is_as_wide() {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let tick = |(i, day): (usize, &&str)| (1440.0 * i as f64, (*day).to_string());
        let chart = Chart {
            title: "Pier Road".into(),
            subtitle: String::new(),
            capacity: Some(836.0),
            minutes: 7.0 * 1440.0,
            ticks: days.iter().enumerate().map(tick).collect(),
            current: (0..7 * 48).map(|i| (f64::from(i) * 30.0, 836.0)).collect(),
            usual: vec![],
        };
        let drawn = draw(&chart);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines[0], format!("now   {}", "█".repeat(49)));
        assert_eq!(lines[2], "      Mon    Tue    Wed    Thu    Fri    Sat    Sun");
        assert_eq!(lines[3], "(▁ 0, █ 836 free spaces)");
    }
}
