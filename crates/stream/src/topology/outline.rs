//! What a query's state is for, in words: written beside the state, and compared before it is read.
//!
//! ```text
//! [0, 1] Aggregate            the numbers of its stores, and the operator
//!   `K` STRING KEY            its columns
//!   `KSQL_AGG_VARIABLE_0` BIGINT
//!   `ROWTIME` BIGINT
//! ```

use model::Schema;

/// The operator whose state may get cells behind those it has.
const AGGREGATE: &str = "Aggregate";

/// Adds an operator.
pub(super) fn push(outline: &mut String, stores: &[u8], operator: &str, schema: &Schema) {
    outline.push_str(&format!("{stores:?} {operator}\n"));
    for column in &schema.columns {
        outline.push_str(&format!("  {}\n", Schema::new(vec![column.clone()])));
    }
}

/// An operator's first line, and those of its columns.
type Operator<'a> = (&'a str, Vec<&'a str>);

/// May operators of the outline `new` go on with state that was written for `old`? They may if they
/// are the same, but for aggregates that were added behind those there were, and for sources'
/// stores, which come and go with a filter over a table: CREATE OR REPLACE.
pub fn continues(old: &str, new: &str) -> bool {
    let is_source = |(operator, _): &Operator<'_>| operator.contains("] Source ");
    let (old_sources, old): (Vec<_>, Vec<_>) = operators(old).into_iter().partition(is_source);
    let (new_sources, new): (Vec<_>, Vec<_>) = operators(new).into_iter().partition(is_source);
    let number = |(operator, _): &Operator<'_>| operator.split(' ').next().map(str::to_owned);
    let same_where_both_are = old_sources
        .iter()
        .all(|old| new_sources.iter().all(|new| number(old) != number(new) || old == new));
    if !same_where_both_are {
        return false;
    }
    let goes_on = |((was, had), (is, has)): (&Operator<'_>, &Operator<'_>)| {
        let is_aggregate = is.rsplit(' ').next() == Some(AGGREGATE);
        was == is && (had == has || is_aggregate && is_added_to(had, has))
    };
    old.len() == new.len() && old.iter().zip(&new).all(goes_on)
}

/// The operators of an outline, in order.
fn operators(outline: &str) -> Vec<Operator<'_>> {
    let mut operators: Vec<Operator<'_>> = Vec::new();
    for line in outline.lines() {
        match operators.last_mut() {
            Some((_, columns)) if line.starts_with(' ') => columns.push(line),
            _ => operators.push((line, Vec::new())),
        }
    }
    operators
}

/// Is `new` what `old` is, with more in one place?
fn is_added_to(old: &[&str], new: &[&str]) -> bool {
    let same_first = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let same_last = old.iter().rev().zip(new.iter().rev()).take_while(|(o, n)| o == n).count();
    old.len() < new.len() && same_first + same_last >= old.len()
}

#[cfg(test)]
mod tests {
    use model::{Column, SqlType};

    use super::*;

    fn outline(operator: &str, names: &[&str]) -> String {
        let columns = names.iter().map(|name| Column::value(*name, SqlType::Bigint)).collect();
        let mut outline = String::new();
        push(&mut outline, &[0, 1], operator, &Schema::new(columns));
        outline
    }

    #[test]
    fn aggregates_may_be_added_and_nothing_else_may_change() {
        let old = outline(AGGREGATE, &["K", "A", "ROWTIME"]);
        let check = |names: &[&str], expected: bool| {
            assert_eq!(continues(&old, &outline(AGGREGATE, names)), expected, "{names:?}");
        };
        check(&["K", "A", "ROWTIME"], true);
        check(&["K", "A", "B", "C", "ROWTIME"], true);
        check(&["K", "ROWTIME"], false);
        check(&["K", "B", "ROWTIME"], false);
        check(&["A", "K", "ROWTIME"], false);
        assert!(!continues(&old, ""));
        assert!(!continues(&old, &(old.clone() + &old)));
        let source = |names: &[&str]| outline("Source T", names);
        assert!(!continues(&source(&["K", "V"]), &source(&["K", "V", "W"])));
        assert!(continues(&source(&["K", "V"]), "") && continues("", &source(&["K", "V"])));
    }
}
