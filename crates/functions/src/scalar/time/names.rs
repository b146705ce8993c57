//! The English names of months, days and eras.

/// How long a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `Jan`
    Short,
    /// `January`
    Full,
    /// `J`
    Narrow,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The names of a field that has some, in order; the first stands for the value that is returned
/// too.
pub(super) fn names(
    field: super::pattern::Field,
    style: Style,
) -> Option<(i64, Vec<&'static str>)> {
    use super::pattern::Field;
    let cut = |names: &[&'static str], short: usize| -> Vec<&'static str> {
        let length = |name: &str| match style {
            Style::Short => short.min(name.len()),
            Style::Full => name.len(),
            Style::Narrow => 1,
        };
        names.iter().map(|name| &name[..length(name)]).collect()
    };
    Some(match field {
        Field::Month => (1, cut(&MONTHS, 3)),
        Field::DayOfWeek => (1, cut(&DAYS, 3)),
        Field::AmPm => (0, vec!["AM", "PM"]),
        Field::Era => match style {
            Style::Short => (0, vec!["BC", "AD"]),
            Style::Full => (0, vec!["Before Christ", "Anno Domini"]),
            Style::Narrow => (0, vec!["B", "A"]),
        },
        Field::Quarter => match style {
            Style::Short => (1, vec!["Q1", "Q2", "Q3", "Q4"]),
            Style::Full => (1, vec!["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"]),
            Style::Narrow => (1, vec!["1", "2", "3", "4"]),
        },
        _ => return None,
    })
}
