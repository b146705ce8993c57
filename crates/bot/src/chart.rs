//! How full a car park was over time, drawn twice: as a PNG for Telegram, with characters for the
//! terminal.
//!
//! A [`Chart`] comes from the windowed history view; [`Chart::svg`] is the one drawing, which
//! `resvg` turns into pixels with the one font that is built in, so the same data gives the same
//! picture on every machine.

pub mod drawing;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use resvg::{tiny_skia, usvg};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 420.0;
/// The plot's margins: left, top, right, bottom.
const MARGIN: (f64, f64, f64, f64) = (64.0, 64.0, 24.0, 64.0);

const INK: &str = "#1f2933";
const GRID: &str = "#d9dee4";
const NOW: &str = "#0b6bcb";
const USUAL: &str = "#9aa5b1";

static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../fonts/DejaVuSans.ttf").to_vec());
    Arc::new(fonts)
});

/// Free spaces over a day or a week, beside what is usual.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// The car park.
    pub title: String,
    /// Which day or week, and whose data.
    pub subtitle: String,
    /// How many spaces there are, if known: the top of the scale.
    pub capacity: Option<f64>,
    /// Length of the time axis in minutes: a day or a week.
    pub minutes: f64,
    /// What stands below the axis: minute and text.
    pub ticks: Vec<(f64, String)>,
    /// Minute and free spaces, in order.
    pub current: Vec<(f64, f64)>,
    /// The same for an average day or week.
    pub usual: Vec<(f64, f64)>,
}

/// The picture could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the chart cannot be drawn: {0}")]
pub struct ChartError(String);

impl Chart {
    /// Where the scale ends: at the capacity, so that an empty car park looks empty; where that is
    /// unknown or exceeded, at the highest value.
    fn top(&self) -> f64 {
        let values = self.current.iter().chain(&self.usual).map(|p| p.1);
        values.fold(self.capacity.unwrap_or(0.0), f64::max).max(1.0)
    }

    fn x(&self, minute: f64) -> f64 {
        MARGIN.0 + minute / self.minutes * (WIDTH - MARGIN.0 - MARGIN.2)
    }

    fn y(&self, value: f64, top: f64) -> f64 {
        HEIGHT - MARGIN.3 - value / top * (HEIGHT - MARGIN.1 - MARGIN.3)
    }

    fn path(&self, points: &[(f64, f64)], top: f64) -> String {
        let mut path = String::new();
        for (i, (minute, value)) in points.iter().enumerate() {
            let command = if i == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1} ", self.x(*minute), self.y(*value, top));
        }
        path
    }

    /// The drawing as SVG.
    pub fn svg(&self) -> String {
        let top = self.top();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             font-family=\"DejaVu Sans\" fill=\"{INK}\"><rect width=\"100%\" height=\"100%\" \
             fill=\"#ffffff\"/><text x=\"{x}\" y=\"30\" font-size=\"20\">{title}</text>\
             <text x=\"{x}\" y=\"50\" font-size=\"13\">{subtitle}</text>",
            x = MARGIN.0,
            title = escaped(&self.title),
            subtitle = escaped(&self.subtitle),
        );
        for value in scale(top) {
            let y = self.y(value, top);
            let _ = write!(
                svg,
                "<path d=\"M{} {y:.1} H{}\" stroke=\"{GRID}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"end\">{value:.0}</text>",
                MARGIN.0,
                WIDTH - MARGIN.2,
                MARGIN.0 - 8.0,
                y + 4.0,
            );
        }
        for (minute, text) in &self.ticks {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" text-anchor=\"middle\">{}</text>",
                self.x(*minute),
                HEIGHT - MARGIN.3 + 20.0,
                escaped(text),
            );
        }
        for (points, colour, style) in
            [(&self.usual, USUAL, "stroke-dasharray=\"6 5\""), (&self.current, NOW, "")]
        {
            let _ = write!(
                svg,
                "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" \
                 stroke-linejoin=\"round\" {style}/>",
                self.path(points, top),
            );
        }
        if let Some((minute, value)) = self.current.last() {
            let (x, y) = (self.x(*minute), self.y(*value, top));
            let _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{NOW}\"/>");
        }
        let y = HEIGHT - 16.0;
        let _ = write!(
            svg,
            "<path d=\"M64 {y} h28\" stroke=\"{NOW}\" stroke-width=\"2.5\"/>\
             <text x=\"98\" y=\"{ty}\" font-size=\"12\">free spaces</text>\
             <path d=\"M200 {y} h28\" stroke=\"{USUAL}\" stroke-width=\"2.5\" \
             stroke-dasharray=\"6 5\"/><text x=\"234\" y=\"{ty}\" font-size=\"12\">usual</text></svg>",
            ty = y + 4.0,
        );
        svg
    }

    /// The drawing as PNG.
    pub fn png(&self) -> Result<Bytes, ChartError> {
        let options = usvg::Options { fontdb: Arc::clone(&FONTS), ..usvg::Options::default() };
        let tree =
            usvg::Tree::from_str(&self.svg(), &options).map_err(|e| ChartError(e.to_string()))?;
        let mut pixels = tiny_skia::Pixmap::new(WIDTH as u32, HEIGHT as u32)
            .ok_or_else(|| ChartError("no memory for its pixels".into()))?;
        resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
        pixels.encode_png().map(Bytes::from).map_err(|e| ChartError(e.to_string()))
    }
}

/// The values that are marked on a scale up to `top`: round ones, and `top` itself.
fn scale(top: f64) -> Vec<f64> {
    let power = 10f64.powf((top / 5.0).log10().floor());
    // Spaces are whole ones.
    let mut steps = [1.0, 2.0, 5.0, 10.0].map(|step| (step * power).max(1.0)).into_iter();
    let step = steps.find(|step| top / step <= 5.0).unwrap_or(top);
    // A label needs some room below that of the top.
    let round = (0..).map(|i| f64::from(i) * step).take_while(|value| *value < 0.94 * top);
    round.chain([top]).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        Chart {
            title: "Pier & <Road>".into(),
            subtitle: "Tuesday".into(),
            capacity: Some(790.0),
            minutes: 1440.0,
            ticks: vec![(0.0, "0:00".into()), (720.0, "12:00".into())],
            current: vec![(0.0, 700.0), (600.0, 20.0)],
            usual: vec![(0.0, 650.0), (600.0, 90.0), (1440.0, 640.0)],
        }
    }

    #[test]
    fn the_scale_ends_at_the_capacity_or_what_is_more() {
        assert_eq!(chart().top(), 790.0);
        assert_eq!(Chart { capacity: None, ..chart() }.top(), 700.0);
        assert_eq!(Chart { capacity: Some(600.0), ..chart() }.top(), 700.0);
        assert_eq!(scale(790.0), [0.0, 200.0, 400.0, 600.0, 790.0]);
        assert_eq!(scale(836.0), [0.0, 200.0, 400.0, 600.0, 836.0]);
        assert_eq!(scale(1.0), [0.0, 1.0]);
        assert_eq!(scale(100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
    }

    #[test]
    fn a_chart_becomes_the_same_png_each_time() {
        let png = chart().png().expect("a picture");
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(png, chart().png().expect("a picture"));
    }

    #[test]
    fn names_cannot_break_the_drawing() {
        assert!(chart().svg().contains("Pier &amp; &lt;Road&gt;"));
    }

    #[test]
    fn an_empty_history_is_drawn_too() {
        let empty = Chart { current: vec![], usual: vec![], ..chart() };
        assert!(empty.png().is_ok());
    }
}
