//! A city's script at its first start and at later ones. CREATE … IF NOT EXISTS sees for itself
//! what is there; INSERT INTO … SELECT would be made a second time: those whose query is there
//! already are left out. What the script says otherwise than before is told, as what runs goes on
//! as it was.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, anyhow, bail};
use connect::city::Script;
use sql::ast::{Properties, Statement};
use sql::parser::parse_script;
use stream::Request;
use stream::answer::AnswerBody;
use tracing::warn;

use super::Node;
use super::statements::{self, Known};

/// What a script says otherwise than when it was carried out; each as it is called in a warning
/// (`stream GOOD`, `query MORE`).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Differences {
    /// Made by another text.
    pub(super) changed: Vec<String>,
    /// No longer in the script, and still there.
    pub(super) gone: Vec<String>,
    /// An INSERT's new name, and that of the query that does the same already.
    pub(super) renamed: Vec<(String, String)>,
}

impl Node {
    /// Runs a script of `owner` (a city, the interface of all) that may have been run before. Warns
    /// of what it says otherwise than it did then, and returns that.
    pub(super) fn run_script(&self, owner: &str, script: &Script) -> Result<Differences> {
        let failed = |error: &dyn std::fmt::Display| anyhow!("{}: {error}", script.file);
        let there = self.what_is_there()?;
        let fresh = not_yet_running(&script.text, &there).map_err(|e| failed(&e))?;
        let answers = self.engine.execute(&Request::new(fresh.text));
        let answers = answers.map_err(|e| failed(&e.message))?;
        let done = answers.into_iter().filter(|a| !matches!(a.body, AnswerBody::Warning { .. }));
        let done: BTreeSet<String> = done.map(|answer| answer.statement).collect();
        let known = statements::load(&*self.journal)?;
        let mut differences = Differences { renamed: fresh.renamed, ..Differences::default() };
        let (mut in_it, mut made_now) = (BTreeSet::new(), Vec::new());
        for parsed in parse_script(&script.text).map_err(|e| failed(&e))? {
            let Some(made) = statements::made_by(&parsed.statement) else { continue };
            in_it.insert(made.clone());
            match known.get(&made) {
                Some(before) if !done.contains(&parsed.text) => {
                    if !statements::same(&before.text, &parsed.text) {
                        differences.changed.push(made.clone());
                    }
                    if before.owner.is_none() {
                        made_now.push((made, before.text.clone()));
                    }
                }
                _ if differences.renamed.iter().any(|(new, _)| *new == made) => {}
                _ => made_now.push((made, parsed.text)),
            }
        }
        statements::remember(&*self.journal, owner, made_now, self.clock.now())?;
        let is_gone = |(made, by): &(&String, &Known)| {
            let is_renamed = differences.renamed.iter().any(|(_, old)| old == *made);
            by.owner.as_deref() == Some(owner)
                && there.contains_key(*made)
                && !in_it.contains(*made)
                && !is_renamed
        };
        differences.gone = known.iter().filter(is_gone).map(|(made, _)| made.clone()).collect();
        differences.tell(&script.file);
        Ok(differences)
    }

    /// Streams, tables and persistent queries, as they are called here, and what made them.
    fn what_is_there(&self) -> Result<BTreeMap<String, String>> {
        let catalog = self.engine.catalog();
        let queries = catalog.queries.values();
        let queries = queries.map(|q| (statements::query(&q.id), q.statement.clone()));
        let sources = catalog.sources.values();
        let sources = sources.map(|s| (statements::source(s.kind, &s.name), s.statement.clone()));
        Ok(queries.chain(sources).collect())
    }
}

impl Differences {
    fn tell(&self, file: &str) {
        for made in &self.changed {
            warn!(
                "{file}: the statement of {made} was changed since it was carried out; what is \
                 running stays as it was. To have the new one, stop and drop {made} and what reads \
                 it (TERMINATE, DROP), and start again; or start on another data directory"
            );
        }
        for made in &self.gone {
            let how = match made.split_once(' ') {
                Some(("query", id)) => format!("TERMINATE {id};"),
                _ => format!("DROP {made};"),
            };
            warn!("{file}: {made} is no longer in it and goes on as it was. To end it: {how}");
        }
        for (new, old) in &self.renamed {
            warn!(
                "{file}: {new} says what {old} does already, and was not started: each row would \
                 come twice, those of the past, too. Give it its old name again"
            );
        }
    }
}

/// What of a script is to be carried out.
#[derive(Debug, PartialEq, Eq)]
struct Fresh {
    text: String,
    /// INSERTs that run under another name, which is no longer in the script.
    renamed: Vec<(String, String)>,
}

/// `text` without the INSERTs whose query is there (made, and by which text), under its `QUERY_ID`
/// (in any case) or another name.
///
/// Fails on text that is no SQL, and on INSERTs without a `QUERY_ID`: nobody could tell at the next
/// start that they run already, and each row would come twice.
fn not_yet_running(text: &str, there: &BTreeMap<String, String>) -> Result<Fresh> {
    let mut fresh = Fresh { text: String::with_capacity(text.len()), renamed: Vec::new() };
    let script = parse_script(text)?;
    let in_it: BTreeSet<String> =
        script.iter().filter_map(|parsed| statements::made_by(&parsed.statement)).collect();
    for parsed in &script {
        if let Statement::InsertSelect { target, properties, .. } = &parsed.statement {
            let Some(id) = query_id(properties) else {
                bail!(
                    "line {}: INSERT INTO {target} has no QUERY_ID, and would run a second time \
                     after a restart, each row twice. Give it a name of its own: INSERT INTO \
                     {target} WITH (QUERY_ID = 'NAME_to_{}') SELECT …",
                    1 + text[..parsed.span.start].matches('\n').count(),
                    target.to_lowercase(),
                )
            };
            let new = statements::query(&id);
            if there.contains_key(&new) {
                continue;
            }
            let does_the_same = |old: &(&String, &String)| {
                !in_it.contains(old.0) && inserts_the_same(old.1, &parsed.statement)
            };
            if let Some((old, _)) = there.iter().find(does_the_same) {
                fresh.renamed.push((new, old.clone()));
                continue;
            }
        }
        fresh.text.push_str(&parsed.text);
        fresh.text.push('\n');
    }
    Ok(fresh)
}

/// Is `text` an INSERT of the same rows into the same stream, whatever it is called?
fn inserts_the_same(text: &str, insert: &Statement) -> bool {
    let rows = |statement: &Statement| match statement {
        Statement::InsertSelect { target, query, .. } => Some((target.clone(), query.clone())),
        _ => None,
    };
    let other = parse_script(text).ok().and_then(|parsed| rows(&parsed.first()?.statement));
    other.is_some() && other == rows(insert)
}

pub(super) fn query_id(properties: &Properties) -> Option<String> {
    let property = properties.0.iter().find(|property| property.name == "QUERY_ID")?;
    Some(property.value.as_str()?.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "SET 'a' = 'b'; INSERT INTO T WITH (QUERY_ID = 'in_t') SELECT * FROM S; \
                          INSERT INTO T WITH (QUERY_ID = 'also') SELECT * FROM S;";
    const SET: &str = "SET 'a' = 'b';\n";
    const NAMED: &str = "INSERT INTO T WITH (QUERY_ID = 'in_t') SELECT * FROM S;\n";
    const OTHER: &str = "INSERT INTO T WITH (QUERY_ID = 'also') SELECT * FROM S;\n";

    fn fresh(there: &[(&str, &str)]) -> Fresh {
        let there = there.iter().map(|(made, by)| ((*made).to_owned(), (*by).to_owned()));
        not_yet_running(SCRIPT, &there.collect()).expect("it is SQL")
    }

    #[test]
    fn an_insert_that_runs_is_not_made_again() {
        let running = ("query CTAS_X_1", "CREATE TABLE X AS SELECT * FROM S;");
        let check = |there: &[(&str, &str)], expect: &str| {
            assert_eq!(fresh(there), Fresh { text: expect.to_owned(), renamed: Vec::new() });
        };
        check(&[("query IN_T", NAMED), running], &format!("{SET}{OTHER}"));
        check(&[running], &format!("{SET}{NAMED}{OTHER}"));
    }

    #[test]
    fn an_insert_that_runs_under_another_name_is_not_made_a_second_time() {
        let old = ("query OLD", "insert into T with (query_id='old') select *\n from S;");
        let renamed = |new: &str| (new.to_owned(), "query OLD".to_owned());
        assert_eq!(
            fresh(&[old]),
            Fresh {
                text: SET.to_owned(),
                renamed: vec![renamed("query IN_T"), renamed("query ALSO")]
            }
        );
        let others = ["INSERT INTO T SELECT * FROM U;", "INSERT INTO U SELECT * FROM S;"];
        for other in others {
            assert_eq!(fresh(&[("query OLD", other)]).renamed, []);
        }
    }

    #[test]
    fn an_insert_must_have_a_name() {
        let script = "SET 'a' = 'b';\n\nINSERT INTO T SELECT * FROM S;";
        let refused = not_yet_running(script, &BTreeMap::new()).expect_err("it would run twice");
        let refused = refused.to_string();
        assert!(refused.starts_with("line 3: INSERT INTO T has no QUERY_ID"), "{refused}");
        assert!(
            refused.contains("INSERT INTO T WITH (QUERY_ID = 'NAME_to_t') SELECT"),
            "{refused}"
        );
    }
}
