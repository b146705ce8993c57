//! Tables read with each setting, and with what is wrong with tables.

use super::*;
use crate::config::Properties;
use crate::sources::http::keys;

fn settings(extra: &[(&str, &str)]) -> Settings {
    let given =
        [("connector.class", "http"), ("url", "http://x/"), ("topic", "t"), ("format", "csv")];
    let properties: Properties =
        given.iter().chain(extra).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::read(keys::KEYS, &properties, &|_| None).expect("the settings are right")
}

/// Reads `text` and tells its records as `key=value` or `value`, and what was rejected.
fn read(extra: &[(&str, &str)], text: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let csv = Csv::from_settings(&settings(extra)).map_err(|error| error.to_string())?;
    let parts = csv.read(Bytes::copy_from_slice(text.as_bytes()))?;
    let told = |record: &Extracted| {
        let value = String::from_utf8_lossy(&record.value);
        match &record.key {
            Some(key) => format!("{}={value}", String::from_utf8_lossy(key)),
            None => value.into_owned(),
        }
    };
    let (mut records, mut reasons) = (Vec::new(), Vec::new());
    for at in 0..parts.len() {
        match parts.part(at).records {
            Ok(made) => records.extend(made.iter().map(told)),
            Err(reason) => reasons.push(reason),
        }
    }
    Ok((records, reasons))
}

fn check(extra: &[(&str, &str)], text: &str, expect: &[&str], rejected: &[&str]) {
    let (records, reasons) = read(extra, text).expect("the document is read");
    assert_eq!(records, expect);
    assert_eq!(reasons, rejected);
}

#[test]
fn rows_stay_as_they_are_below_a_skipped_header() {
    let text = "Date,Name\r\n2020-07-28,\"Burnett, St\"\r\n\r\n2020-07-28,Westgate\r\n";
    check(&[], text, &["2020-07-28,\"Burnett, St\"", "2020-07-28,Westgate"], &[]);
}

#[test]
fn rows_that_are_passed_on_are_noted_where_they_are_odd() {
    let check = |text: &str, expect: Option<&str>| {
        let csv = Csv::from_settings(&settings(&[])).expect("the settings are right");
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let parts = csv.read(bytes).expect("the document is read");
        assert_eq!(parts.note.as_deref(), expect, "{text:?}");
    };
    check("name,free\na,1\nb,2\n", None);
    check("Car parks\na,1\nb,2\n", None);
    let ragged = "2 of 3 rows are odd, the first: 3 cells where others have 2";
    check("name,free\na,1,2\nb,2\nc\n", Some(ragged));
    let unclosed = "1 of 2 rows are odd, the first: a quote is not closed";
    check("name,free\na,1\n\"b,2\n", Some(unclosed));
}

#[test]
fn a_document_without_header_gives_all_its_rows() {
    check(&[("csv.header", "none")], "a,1\nb,2", &["a,1", "b,2"], &[]);
    check(&[("csv.header", "none"), ("record.key", "2")], "a,1\nb,2", &["1=a,1", "2=b,2"], &[]);
}

#[test]
fn named_columns_give_objects() {
    let extra = [("csv.header", "names"), ("csv.delimiter", ";"), ("record.key", "name")];
    check(
        &extra,
        "\u{feff}name;free\nWest \"\"gate;7\nEast;\n",
        &[
            r#"West ""gate={"name":"West \"\"gate","free":"7"}"#,
            r#"East={"name":"East","free":""}"#,
        ],
        &[],
    );
}

#[test]
fn a_wide_row_gives_a_record_for_each_cell() {
    let text = "date,Sand Street,\"Pier, Road\",\n2024-10-27 01:04:42,395,,x\n";
    check(
        &[("csv.unpivot", "date")],
        text,
        &["2024-10-27 01:04:42,Sand Street,395", "2024-10-27 01:04:42,\"Pier, Road\","],
        &[],
    );
    let extra = [("csv.unpivot", "date"), ("csv.header", "names"), ("record.key", "column")];
    check(&extra, "date,A\nd1,5\n", &[r#"A={"date":"d1","column":"A","value":"5"}"#], &[]);
}

#[test]
fn a_broken_row_costs_only_itself() {
    let text = "date,A,B\nd1,1,2\nd2,1\nd3,\"1,2\nd4,3,4,5\nd5,6,7\n";
    check(
        &[("csv.unpivot", "date")],
        text,
        &["d1,A,1", "d1,B,2", "d5,A,6", "d5,B,7"],
        &[
            "2 cells where the header has 3",
            "a quote is not closed",
            "4 cells where the header has 3",
        ],
    );
}

#[test]
fn a_header_that_lost_a_column_is_told() {
    let error = read(&[("csv.unpivot", "date")], "day,A\nd1,1\n").expect_err("no such column");
    assert_eq!(error, "the document has no column 'date' to keep; it has day, A");
    let error = read(&[("record.key", "id")], "day,A\nd1,1\n").expect_err("no such column");
    assert!(error.contains("no column 'id' for the key"), "{error}");
}

#[test]
fn settings_that_do_not_go_together_are_refused() {
    let error = |extra: &[(&str, &str)]| read(extra, "").expect_err("it is refused");
    assert!(error(&[("csv.delimiter", ",,")]).contains("'csv.delimiter'"));
    assert!(error(&[("csv.header", "none"), ("csv.unpivot", "a")]).contains("'csv.unpivot'"));
    assert!(error(&[("csv.header", "none"), ("record.key", "a")]).contains("'record.key'"));
}

#[test]
fn a_header_alone_is_no_rows() {
    let csv = Csv::from_settings(&settings(&[])).expect("right");
    assert_eq!(
        csv.read(Bytes::from_static(b"Date,Name\n")).expect("read").note.as_deref(),
        Some("the document has no rows below its header")
    );
}

proptest::proptest! {
    #[test]
    fn rows_that_are_written_are_read_back(
        cells in proptest::collection::vec("[^\n\u{feff}]{0,12}", 2..6),
    ) {
        let csv = Csv::from_settings(&settings(&[])).expect("right");
        let row = csv.joined(cells.iter().map(String::as_str));
        proptest::prop_assert_eq!(csv.cells(&row), Some(cells), "{}", row);
    }

    #[test]
    fn no_text_is_too_much(text in "[\\PC\r\n\",]{0,200}") {
        for extra in [&[][..], &[("csv.header", "names")], &[("csv.unpivot", "a")]] {
            let csv = Csv::from_settings(&settings(extra)).expect("right");
            let lines = text.lines().filter(|line| !line.trim().is_empty()).count();
            if let Ok(parts) = csv.read(Bytes::copy_from_slice(text.as_bytes())) {
                proptest::prop_assert_eq!(parts.len(), lines.saturating_sub(1));
                for at in 0..parts.len() {
                    drop(parts.part(at));
                }
            }
        }
    }
}
