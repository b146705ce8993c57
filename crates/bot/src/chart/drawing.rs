//! The same chart with characters: a line of blocks for now, one for what is usual.

use super::Chart;

/// Eight heights of a block.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many columns the drawing has.
const COLUMNS: usize = 48;

/// Draws `chart` in four lines of text.
pub fn draw(chart: &Chart) -> String {
    let top = chart.top();
    let mut axis = vec![' '; COLUMNS + 8];
    for (minute, text) in &chart.ticks {
        let at = (minute / chart.minutes * COLUMNS as f64) as usize;
        for (i, c) in text.chars().enumerate() {
            if let Some(place) = axis.get_mut(at + i) {
                *place = c;
            }
        }
    }
    let axis: String = axis.into_iter().collect();
    format!(
        "now   {}\nusual {}\n      {}\n(▁ 0, █ {top:.0} free spaces)",
        line(&chart.current, chart.minutes, top),
        line(&chart.usual, chart.minutes, top),
        axis.trim_end(),
    )
}

/// A block for each column: the mean of the points that fall into it, a blank where there are none.
fn line(points: &[(f64, f64)], minutes: f64, top: f64) -> String {
    let mut sums = [(0.0, 0u32); COLUMNS];
    for (minute, value) in points {
        let at = (minute / minutes * COLUMNS as f64) as usize;
        let (sum, count) = &mut sums[at.min(COLUMNS - 1)];
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
        assert_eq!(line(&[(0.0, 0.0), (30.0, 100.0)], 1440.0, 100.0), "▁█");
        assert_eq!(line(&[], 1440.0, 100.0), "");
    }
}
