//! A city's script at a second start: CREATE … IF NOT EXISTS sees for itself, INSERT INTO … SELECT
//! would be made a second time. Those whose query is there already are left out.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use sql::ast::{Properties, Statement};
use sql::parser::parse_script;

/// `text` without the INSERTs whose `QUERY_ID` is among `known` (in any case).
///
/// Fails on text that is no SQL, and on INSERTs without a `QUERY_ID`: nobody could tell at the next
/// start that they run already, and each row would come twice.
pub(super) fn not_yet_running(text: &str, known: &BTreeSet<String>) -> Result<String> {
    let mut rest = String::with_capacity(text.len());
    for parsed in parse_script(text)? {
        if let Statement::InsertSelect { target, properties, .. } = &parsed.statement {
            match query_id(properties) {
                Some(id) if known.contains(&id) => continue,
                Some(_) => {}
                None => bail!(
                    "line {}: INSERT INTO {target} has no QUERY_ID, and would run a second time \
                     after a restart, each row twice. Give it a name of its own: INSERT INTO \
                     {target} WITH (QUERY_ID = 'NAME_to_{}') SELECT …",
                    1 + text[..parsed.span.start].matches('\n').count(),
                    target.to_lowercase(),
                ),
            }
        }
        rest.push_str(&parsed.text);
        rest.push('\n');
    }
    Ok(rest)
}

pub(super) fn query_id(properties: &Properties) -> Option<String> {
    let property = properties.0.iter().find(|property| property.name == "QUERY_ID")?;
    Some(property.value.as_str()?.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_that_runs_is_not_made_again() {
        let script = "SET 'a' = 'b'; INSERT INTO T WITH (QUERY_ID = 'in_t') SELECT * FROM S; \
                      INSERT INTO T WITH (QUERY_ID = 'also') SELECT * FROM S;";
        let check = |known: &[&str], expect: &str| {
            let known = known.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(not_yet_running(script, &known).expect("it is SQL"), expect);
        };
        let (set, named, other) = (
            "SET 'a' = 'b';\n",
            "INSERT INTO T WITH (QUERY_ID = 'in_t') SELECT * FROM S;\n",
            "INSERT INTO T WITH (QUERY_ID = 'also') SELECT * FROM S;\n",
        );
        check(&["IN_T", "CTAS_X_1"], &format!("{set}{other}"));
        check(&["CTAS_X_1"], &format!("{set}{named}{other}"));
    }

    #[test]
    fn an_insert_must_have_a_name() {
        let script = "SET 'a' = 'b';\n\nINSERT INTO T SELECT * FROM S;";
        let refused = not_yet_running(script, &BTreeSet::new()).expect_err("it would run twice");
        let refused = refused.to_string();
        assert!(refused.starts_with("line 3: INSERT INTO T has no QUERY_ID"), "{refused}");
        assert!(
            refused.contains("INSERT INTO T WITH (QUERY_ID = 'NAME_to_t') SELECT"),
            "{refused}"
        );
    }
}
