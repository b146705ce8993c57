//! A city's script at a second start: CREATE … IF NOT EXISTS sees for itself, INSERT INTO … SELECT
//! would be made a second time. Those whose query is there already are left out.

use std::collections::BTreeSet;

use sql::ast::{Properties, Statement};
use sql::error::ParseError;
use sql::parser::parse_script;

/// `text` without the INSERTs whose `QUERY_ID` is among `known` (in any case).
pub(super) fn not_yet_running(text: &str, known: &BTreeSet<String>) -> Result<String, ParseError> {
    let mut rest = String::with_capacity(text.len());
    for parsed in parse_script(text)? {
        let id = match &parsed.statement {
            Statement::InsertSelect { properties, .. } => query_id(properties),
            _ => None,
        };
        if id.is_none_or(|id| !known.contains(&id)) {
            rest.push_str(&parsed.text);
            rest.push('\n');
        }
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
                      INSERT INTO T SELECT * FROM S;";
        let check = |known: &[&str], expect: &str| {
            let known = known.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(not_yet_running(script, &known).expect("it is SQL"), expect);
        };
        let (set, named, other) = (
            "SET 'a' = 'b';\n",
            "INSERT INTO T WITH (QUERY_ID = 'in_t') SELECT * FROM S;\n",
            "INSERT INTO T SELECT * FROM S;\n",
        );
        check(&["IN_T", "CTAS_X_1"], &format!("{set}{other}"));
        check(&["CTAS_X_1"], &format!("{set}{named}{other}"));
    }
}
