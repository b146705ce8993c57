//! Rows of a CSV document to records.
//!
//! A row is a line: a cell cannot contain a line break, so that an unclosed quote costs one row and
//! not the rest of the document.

use bytes::Bytes;
use serde_json::{Map, Value as Json};

use super::parts::{Kind, Parts};
use crate::config::{ConfigError, Settings};
use crate::source::Extracted;

/// How to read rows.
#[derive(Clone, Debug)]
pub(crate) struct Csv {
    delimiter: u8,
    header: Header,
    /// The columns to keep, where each other cell is a record of its own.
    unpivot: Option<Vec<String>>,
    key: Option<String>,
}

/// What the first row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// Left out; rows stay as they are.
    Skip,
    /// The columns' names; rows become JSON objects.
    Names,
    /// A row.
    None,
}

/// The rows of a document, as its header has them.
#[derive(Debug)]
pub(crate) struct Rows {
    csv: Csv,
    names: Vec<String>,
    kept: Option<Vec<usize>>,
    key_at: Option<usize>,
}

impl Rows {
    /// The records of one row; `Err` says what is wrong with it.
    pub(crate) fn records(&self, line: &str) -> Result<Vec<Extracted>, String> {
        self.csv.row(line, &self.names, self.kept.as_deref(), self.key_at)
    }
}

impl Csv {
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let delimiter = match settings.text("csv.delimiter") {
            "tab" | "\t" | "\\t" => b'\t',
            text => match text.as_bytes() {
                [byte] if byte.is_ascii_graphic() && *byte != b'"' => *byte,
                _ => {
                    let problem = format!("{text:?} is not one ASCII character or 'tab'");
                    return Err(ConfigError::new("csv.delimiter", problem));
                }
            },
        };
        let header = match settings.text("csv.header") {
            "names" => Header::Names,
            "none" => Header::None,
            _ => Header::Skip,
        };
        let unpivot = settings.list("csv.unpivot").to_vec();
        let key = settings.optional("record.key").map(str::to_owned);
        let is_number = |text: &String| text.parse::<usize>().is_ok_and(|n| n > 0);
        if header == Header::None {
            if !unpivot.is_empty() {
                let problem = "needs the columns' names, which 'csv.header' = 'none' has not";
                return Err(ConfigError::new("csv.unpivot", problem));
            }
            if key.as_ref().is_some_and(|key| !is_number(key)) {
                let problem = "must be a column's number where 'csv.header' is 'none'";
                return Err(ConfigError::new("record.key", problem));
            }
        }
        Ok(Self { delimiter, header, unpivot: (!unpivot.is_empty()).then_some(unpivot), key })
    }

    /// Takes a document apart.
    pub(crate) fn read(&self, text: Bytes) -> Result<Parts, String> {
        let whole = std::str::from_utf8(&text).map_err(|error| error.to_string())?;
        let body = whole.trim_start_matches('\u{feff}');
        let mut start = whole.len() - body.len();
        let mut names = Vec::new();
        if self.header != Header::None {
            let header = body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            names = self.cells(header).ok_or("the header row has a quote that is not closed")?;
            names.iter_mut().for_each(|name| *name = name.trim().to_owned());
            if !header.is_empty() {
                start = header.as_ptr() as usize - whole.as_ptr() as usize + header.len();
            }
        }
        let (kept, key_at) = (self.kept(&names)?, self.key_at(&names)?);
        let passed_on = self.header == Header::Skip && kept.is_none() && key_at.is_none();
        let odd = if passed_on { self.odd_rows(&whole[start..], names.len()) } else { None };
        let rows = Rows { kept, key_at, csv: self.clone(), names };
        let mut parts = Parts::lines(text, start, Kind::Rows(rows))?
            .or_note(|| "the document has no rows below its header".to_owned());
        parts.note = parts.note.or(odd);
        Ok(parts)
    }

    /// What is odd about rows that are passed on as they stand, whatever they are: they are not as
    /// long as the header or, should that be a mere title, as the first of them.
    fn odd_rows(&self, rows: &str, header: usize) -> Option<String> {
        let rows = rows.lines().filter(|line| !line.trim().is_empty());
        let rows: Vec<_> = rows.map(|line| self.cells(line).map(|cells| cells.len())).collect();
        let is_title = !rows.contains(&Some(header));
        let usual = if is_title { rows.iter().flatten().copied().next() } else { Some(header) };
        let mut odd = rows.iter().filter(|cells| cells.is_none() || **cells != usual);
        let first = match (odd.next()?, usual) {
            (Some(cells), Some(usual)) => format!("{cells} cells where others have {usual}"),
            _ => "a quote is not closed".to_owned(),
        };
        Some(format!("{} of {} rows are odd, the first: {first}", 1 + odd.count(), rows.len()))
    }

    /// The positions of the columns that every record keeps, if rows are to be unpivoted.
    fn kept(&self, names: &[String]) -> Result<Option<Vec<usize>>, String> {
        let Some(unpivot) = &self.unpivot else { return Ok(None) };
        let at = |name: &String| {
            names.iter().position(|other| other == name).ok_or_else(|| {
                format!("the document has no column '{name}' to keep; it has {}", names.join(", "))
            })
        };
        unpivot.iter().map(at).collect::<Result<_, _>>().map(Some)
    }

    fn key_at(&self, names: &[String]) -> Result<Option<usize>, String> {
        let Some(key) = &self.key else { return Ok(None) };
        if self.unpivot.is_some() && key == "column" {
            return Ok(None);
        }
        let by_name = names.iter().position(|name| name == key);
        let by_number = || key.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        by_name.or_else(by_number).map(Some).ok_or_else(|| {
            format!("the document has no column '{key}' for the key; it has {}", names.join(", "))
        })
    }

    /// The records of one row; `Err` says what is wrong with it.
    fn row(
        &self,
        line: &str,
        names: &[String],
        kept: Option<&[usize]>,
        key_at: Option<usize>,
    ) -> Result<Vec<Extracted>, String> {
        let needs_cells = kept.is_some() || key_at.is_some() || self.header == Header::Names;
        if !needs_cells {
            return Ok(vec![Extracted { key: None, value: copy(line) }]);
        }
        let cells = self.cells(line).ok_or("a quote is not closed")?;
        if self.header != Header::None && cells.len() != names.len() {
            return Err(format!("{} cells where the header has {}", cells.len(), names.len()));
        }
        let key = key_at.and_then(|at| cells.get(at)).map(|cell| copy(cell));
        match kept {
            Some(kept) => Ok(self.unpivoted(&cells, names, kept, key)),
            None if self.header == Header::Names => {
                let object: Map<_, _> =
                    names.iter().cloned().zip(cells.into_iter().map(Json::from)).collect();
                Ok(vec![Extracted { key, value: Bytes::from(Json::from(object).to_string()) }])
            }
            None => Ok(vec![Extracted { key, value: copy(line) }]),
        }
    }

    /// A record for each cell that is not kept in all of them. Columns without a name are left out.
    fn unpivoted(
        &self,
        cells: &[String],
        names: &[String],
        kept: &[usize],
        key: Option<Bytes>,
    ) -> Vec<Extracted> {
        let is_value = |at: &usize| !kept.contains(at) && !names[*at].is_empty();
        let record = |at: usize| {
            let (name, cell) = (&names[at], &cells[at]);
            let value = if self.header == Header::Names {
                let mut object: Map<String, Json> = Map::new();
                for at in kept {
                    object.insert(names[*at].clone(), cells[*at].as_str().into());
                }
                object.insert("column".to_owned(), name.as_str().into());
                object.insert("value".to_owned(), cell.as_str().into());
                Json::from(object).to_string()
            } else {
                let kept = kept.iter().map(|at| cells[*at].as_str());
                self.joined(kept.chain([name.as_str(), cell.as_str()]))
            };
            let key =
                if self.key.as_deref() == Some("column") { Some(copy(name)) } else { key.clone() };
            Extracted { key, value: Bytes::from(value) }
        };
        (0..cells.len()).filter(is_value).map(record).collect()
    }

    /// Cells as a row, quoted where they must be.
    fn joined<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let delimiter = char::from(self.delimiter);
        let mut row = String::new();
        for (i, cell) in cells.enumerate() {
            if i > 0 {
                row.push(delimiter);
            }
            if cell.contains([delimiter, '"']) {
                row.push('"');
                row.push_str(&cell.replace('"', "\"\""));
                row.push('"');
            } else {
                row.push_str(cell);
            }
        }
        row
    }

    /// The cells of a line; none if a quote is not closed.
    fn cells(&self, line: &str) -> Option<Vec<String>> {
        if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
            return None;
        }
        let mut reader = csv_core::ReaderBuilder::new()
            .delimiter(self.delimiter)
            // A line is a row, whatever is in it.
            .terminator(csv_core::Terminator::Any(b'\n'))
            .build();
        let mut output = vec![0; line.len() + 1];
        let mut ends = vec![0; line.len() + 2];
        let (mut at, mut written, mut count) = (0, 0, 0);
        loop {
            let (result, read, wrote, ended) = reader.read_record(
                &line.as_bytes()[at..],
                &mut output[written..],
                &mut ends[count..],
            );
            (at, written, count) = (at + read, written + wrote, count + ended);
            if !matches!(result, csv_core::ReadRecordResult::InputEmpty) {
                break;
            }
        }
        let mut start = 0;
        let cell = |end: &usize| {
            let cell = String::from_utf8_lossy(&output[start..*end]).into_owned();
            start = *end;
            cell
        };
        Some(ends[..count].iter().map(cell).collect())
    }
}

fn copy(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[cfg(test)]
mod tests;
