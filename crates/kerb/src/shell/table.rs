//! Rows as a table: as wide as their values if all are known, of fixed widths if they come one by
//! one. What is too wide for the terminal becomes a block of lines a row, a column each.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

/// The widest a column gets where there is no terminal; longer values are told in full but break
/// the line's order.
const WIDTH_MAX: usize = 60;
/// How wide a column is whose values are still to come.
const WIDTH_LIVE: usize = 20;
/// How narrow such a column may get to fit the terminal.
const WIDTH_LIVE_MIN: usize = 8;

/// A table in the making.
pub(crate) struct Table {
    names: Vec<String>,
    /// The names as they are shown.
    titles: Vec<String>,
    /// Numbers stand on the right.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    screen: Option<usize>,
    /// Rows told as they came.
    told: usize,
}

impl Table {
    /// A table of these columns, and their SQL types (or none), for a terminal of this width (or
    /// none).
    pub(crate) fn new(names: Vec<String>, types: &[String], screen: Option<usize>) -> Self {
        let number = |ty: &String| {
            ["INTEGER", "BIGINT", "DOUBLE", "DECIMAL"].iter().any(|n| ty.starts_with(n))
        };
        let mut right: Vec<bool> = types.iter().map(number).collect();
        right.resize(names.len(), false);
        let titles = names.iter().map(|name| shown(name)).collect();
        Self { names, titles, right, rows: Vec::new(), screen, told: 0 }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: &[Value]) {
        self.rows.push(cells.iter().map(text).collect());
    }

    /// The whole table, with a line that counts the rows.
    pub(crate) fn render(&self) -> String {
        let mut out = self.body();
        let rows = if self.rows.len() == 1 { "row" } else { "rows" };
        let _ = writeln!(out, "({} {rows})", self.rows.len());
        out
    }

    /// The whole table without that line.
    pub(crate) fn body(&self) -> String {
        let width = |i: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            cells.chain(self.titles.get(i)).map(|c| c.width()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        if !self.fits(&widths) && !self.rows.is_empty() {
            let rows = self.rows.iter().enumerate();
            return rows.map(|(at, row)| self.record(at + 1, row)).collect();
        }
        if self.screen.is_none() {
            widths.iter_mut().for_each(|width| *width = (*width).min(WIDTH_MAX));
        }
        let mut out = self.header(&widths);
        for row in &self.rows {
            out.push_str(&self.line(row, &widths));
        }
        out
    }

    /// The names, for rows that are still to come.
    pub(crate) fn live_header(&self) -> String {
        self.live_widths().map_or_else(String::new, |widths| self.header(&widths))
    }

    /// One row as it comes.
    pub(crate) fn live_row(&mut self, cells: &[Value]) -> String {
        self.told += 1;
        let cells: Vec<String> = cells.iter().map(text).collect();
        match self.live_widths() {
            Some(widths) => self.line(&cells, &widths),
            None => self.record(self.told, &cells),
        }
    }

    /// One row as a JSON object.
    pub(crate) fn json(&self, cells: &[Value]) -> Value {
        let fields = self.names.iter().cloned().zip(cells.iter().cloned());
        Value::Object(fields.collect::<Map<_, _>>())
    }

    /// Nothing if the terminal is too narrow for columns.
    fn live_widths(&self) -> Option<Vec<usize>> {
        let of_width = |least: usize| self.titles.iter().map(|n| n.width().max(least)).collect();
        let widths: Vec<usize> = of_width(WIDTH_LIVE);
        let Some(screen) = self.screen.filter(|_| !self.fits(&widths)) else {
            return Some(widths);
        };
        let share = (screen / self.names.len().max(1)).saturating_sub(3);
        let widths = of_width(share.clamp(WIDTH_LIVE_MIN, WIDTH_LIVE));
        self.fits(&widths).then_some(widths)
    }

    fn fits(&self, widths: &[usize]) -> bool {
        let line = widths.iter().map(|width| width + 3).sum::<usize>().saturating_sub(1);
        self.screen.is_none_or(|screen| line <= screen)
    }

    fn header(&self, widths: &[usize]) -> String {
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat(w + 2)).collect();
        format!("{}{}\n", self.line(&self.titles, widths), rule.join("+"))
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cells = cells.iter().zip(widths).zip(&self.right).map(|((cell, width), right)| {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            if *right { format!(" {blanks}{cell} ") } else { format!(" {cell}{blanks} ") }
        });
        let line = cells.collect::<Vec<_>>().join("|");
        format!("{}\n", line.trim_end())
    }

    /// A row as a line a column.
    fn record(&self, number: usize, cells: &[String]) -> String {
        let width = self.titles.iter().map(|name| name.width()).max().unwrap_or(0);
        let mut out = format!("-[ {number} ]{}\n", "-".repeat(width.saturating_sub(2).max(1)));
        for (name, cell) in self.titles.iter().zip(cells) {
            let blanks = " ".repeat(width - name.width());
            let _ = writeln!(out, "{}", format!(" {name}{blanks} | {cell}").trim_end());
        }
        out
    }
}

/// A cell as people read it: the text NULL is in quotes, null is not.
fn text(cell: &Value) -> String {
    match cell {
        Value::Null => "NULL".to_string(),
        Value::String(text) if text == "NULL" => "'NULL'".to_string(),
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    }
}

/// A text whose control characters are shown, not sent to the terminal; nor those that turn what
/// stands behind them around.
fn shown(text: &str) -> String {
    let is_hidden = |c: char| {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}');
        c.is_control() || turns || matches!(c, '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_hidden) {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(screen: Option<usize>, rows: &[[Value; 2]]) -> Table {
        let types = ["STRING".to_string(), "INTEGER".to_string()];
        let mut table = Table::new(vec!["NAME".into(), "FREE".into()], &types, screen);
        rows.iter().for_each(|row| table.push(row));
        table
    }

    #[test]
    fn a_table_is_as_wide_as_its_values() {
        let rows = [[json!("Pier Road"), json!(7)], [json!("a\u{1b}\"b"), Value::Null]];
        assert_eq!(
            table(None, &rows).render(),
            " NAME      | FREE\n-----------+------\n Pier Road |    7\n a\\u{1b}\"b | NULL\n(2 rows)\n"
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = [[json!("東京駅"), json!(7)], [json!("Zürich"), json!(8)]];
        assert_eq!(
            table(Some(80), &rows).render(),
            " NAME   | FREE\n--------+------\n 東京駅 |    7\n Zürich |    8\n(2 rows)\n"
        );
    }

    #[test]
    fn null_is_not_the_text_null() {
        let rows = [[json!("NULL"), Value::Null], [json!("null"), json!(0)]];
        assert!(table(None, &rows).render().contains(" 'NULL' | NULL\n null   |    0\n"));
    }

    #[test]
    fn what_is_too_wide_for_the_terminal_becomes_a_block_a_row() {
        let rows = [[json!("Pier Road"), json!(7)]];
        assert_eq!(
            table(Some(15), &rows).render(),
            "-[ 1 ]--\n NAME | Pier Road\n FREE | 7\n(1 row)\n"
        );
        assert!(table(Some(18), &rows).render().starts_with(" NAME      | FREE\n"));
        let mut live = table(Some(15), &[]);
        assert_eq!(live.live_header(), "");
        assert_eq!(live.live_row(&rows[0]), "-[ 1 ]--\n NAME | Pier Road\n FREE | 7\n");
    }

    #[test]
    fn columns_to_come_share_the_terminal() {
        let live = table(Some(40), &[]);
        assert_eq!(
            live.live_header().lines().last(),
            Some("-------------------+-------------------")
        );
        let live = table(None, &[]);
        assert_eq!(live.live_header().lines().last().map(str::len), Some(45));
    }
}
