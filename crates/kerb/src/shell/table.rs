//! Rows as a table: as wide as their values if all are known, of fixed widths if they come one by
//! one.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The widest a column gets; longer values are told in full but break the line's order.
const WIDTH_MAX: usize = 60;
/// How wide a column is whose values are still to come.
const WIDTH_LIVE: usize = 20;

/// A table in the making.
pub(crate) struct Table {
    names: Vec<String>,
    /// Numbers stand on the right.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these columns, and their SQL types (or none).
    pub(crate) fn new(names: Vec<String>, types: &[String]) -> Self {
        let number = |ty: &String| {
            ["INTEGER", "BIGINT", "DOUBLE", "DECIMAL"].iter().any(|n| ty.starts_with(n))
        };
        let mut right: Vec<bool> = types.iter().map(number).collect();
        right.resize(names.len(), false);
        Self { names, right, rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, cells: &[Value]) {
        self.rows.push(cells.iter().map(text).collect());
    }

    /// The whole table, with a line that counts the rows.
    pub(crate) fn render(&self) -> String {
        let width = |i: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            let widths = cells.chain(self.names.get(i)).map(|c| c.chars().count());
            widths.max().unwrap_or(0).min(WIDTH_MAX)
        };
        let widths: Vec<usize> = (0..self.names.len()).map(width).collect();
        let mut out = self.line(&self.names, &widths);
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat(w + 2)).collect();
        let _ = writeln!(out, "{}", rule.join("+"));
        for row in &self.rows {
            out.push_str(&self.line(row, &widths));
        }
        let rows = if self.rows.len() == 1 { "row" } else { "rows" };
        let _ = writeln!(out, "({} {rows})", self.rows.len());
        out
    }

    /// The names, for rows that are still to come.
    pub(crate) fn live_header(&self) -> String {
        let widths = self.live_widths();
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat(w + 2)).collect();
        format!("{}{}\n", self.line(&self.names, &widths), rule.join("+"))
    }

    /// One row as it comes.
    pub(crate) fn live_row(&self, cells: &[Value]) -> String {
        let cells: Vec<String> = cells.iter().map(text).collect();
        self.line(&cells, &self.live_widths())
    }

    /// One row as a JSON object.
    pub(crate) fn json(&self, cells: &[Value]) -> Value {
        let fields = self.names.iter().cloned().zip(cells.iter().cloned());
        Value::Object(fields.collect::<Map<_, _>>())
    }

    fn live_widths(&self) -> Vec<usize> {
        self.names.iter().map(|n| n.chars().count().max(WIDTH_LIVE)).collect()
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let cells = cells.iter().zip(widths).zip(&self.right).map(|((cell, width), right)| {
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            if *right { format!(" {blanks}{cell} ") } else { format!(" {cell}{blanks} ") }
        });
        let line = cells.collect::<Vec<_>>().join("|");
        format!("{}\n", line.trim_end())
    }
}

/// A cell as people read it. Control characters are shown, not sent to the terminal.
fn text(cell: &Value) -> String {
    let text = match cell {
        Value::Null => "NULL".to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.chars().any(char::is_control) {
        true => text.escape_debug().to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_table_is_as_wide_as_its_values() {
        let types = ["STRING".to_string(), "INTEGER".to_string()];
        let mut table = Table::new(vec!["NAME".into(), "FREE".into()], &types);
        table.push(&[json!("Pier Road"), json!(7)]);
        table.push(&[json!("a\u{1b}b"), Value::Null]);
        assert_eq!(
            table.render(),
            " NAME      | FREE\n-----------+------\n Pier Road |    7\n a\\u{1b}b  | NULL\n(2 rows)\n"
        );
    }
}
