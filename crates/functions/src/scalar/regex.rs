//! Functions of regular expressions in Java's syntax.

mod pattern;

use std::cell::RefCell;
use std::sync::Arc;

use fancy_regex::Regex;
use model::Value;

use super::Eval::Rows;
use super::units::{int, text};
use super::{Call, Overload, ScalarFunction, of};
use crate::Doc;
use crate::limits::{check_bytes, check_elements};

/// Defines a function of this category.
const fn function(
    name: &'static str,
    description: &'static str,
    example: (&'static str, &'static str),
    overloads: &'static [Overload],
) -> ScalarFunction {
    let category = "REGULAR EXPRESSION";
    ScalarFunction { name, doc: Doc { description, category, example }, overloads }
}

/// How many compiled patterns a thread keeps.
const CACHE_SIZE: usize = 16;

thread_local! {
    /// The patterns used last, newest first: mostly a query has the same one for every row.
    static CACHE: RefCell<Vec<(String, Arc<Regex>)>> = const { RefCell::new(Vec::new()) };
}

/// The pattern, compiled once while it is in use.
fn compiled(pattern: &str) -> Result<Arc<Regex>, String> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(at) = cache.iter().position(|(known, _)| known == pattern) {
            cache[..=at].rotate_right(1);
            return Ok(cache[0].1.clone());
        }
        let regex = Regex::new(&pattern::translate(pattern))
            .map_err(|e| format!("'{pattern}' is not a regular expression: {e}"))?;
        cache.truncate(CACHE_SIZE - 1);
        cache.insert(0, (pattern.to_string(), Arc::new(regex)));
        Ok(cache[0].1.clone())
    })
}

/// Where groups 0, 1, … of a match lie.
type Groups = Vec<Option<(usize, usize)>>;

/// Every match from the left; after an empty one the search goes on a character further.
fn matches(regex: &Regex, input: &str) -> Result<Vec<Groups>, String> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at <= input.len() {
        check_elements(found.len())?;
        let captures = regex.captures_from_pos(input, at).map_err(|e| e.to_string())?;
        let Some(captures) = captures else { break };
        let groups: Groups = captures.iter().map(|g| g.map(|g| (g.start(), g.end()))).collect();
        let (start, end) = groups[0].unwrap_or_default();
        found.push(groups);
        at = if end > start { end } else { next_char(input, end) };
        if end == start && at - end == 4 {
            // To Java such a character is two, with a place between them.
            found.push(found[found.len() - 1].clone());
        }
    }
    Ok(found)
}

/// The position one character further; one behind the end at the end.
fn next_char(input: &str, at: usize) -> usize {
    at + input[at..].chars().next().map_or(1, char::len_utf8)
}

/// The group a call asks for (0, if none is given), or `None` if the pattern has not so many.
fn group(args: &[Value], regex: &Regex) -> Result<Option<usize>, i32> {
    let wanted = args.get(2).and_then(int).unwrap_or(0);
    let at = usize::try_from(wanted).map_err(|_| wanted)?;
    Ok(Some(at).filter(|at| *at < regex.captures_len()))
}

pub(super) const REGEXP_EXTRACT: ScalarFunction = function(
    "REGEXP_EXTRACT",
    "The first part of a text that a pattern matches, or a group of it; NULL if there is none.",
    ("REGEXP_EXTRACT('(\\w+)@', 'ann@example.com', 1)", "ann"),
    &[
        of("REGEXP_EXTRACT(pattern VARCHAR, input VARCHAR) -> VARCHAR", Rows(regexp_extract)),
        of(
            "REGEXP_EXTRACT(pattern VARCHAR, input VARCHAR, group INT) -> VARCHAR",
            Rows(regexp_extract),
        ),
    ],
);

fn regexp_extract(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(pattern), Some(input)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    if args.get(2).is_some_and(Value::is_null) {
        return Ok(Value::Null);
    }
    let regex = compiled(pattern)?;
    let group = group(args, &regex);
    let Some(captures) = regex.captures(input).map_err(|e| e.to_string())? else {
        return Ok(Value::Null);
    };
    let group = group.map_err(|group| format!("there is no group {group}"))?;
    let found = group.and_then(|at| captures.get(at));
    Ok(found.map_or(Value::Null, |found| Value::String(found.as_str().to_string())))
}

pub(super) const REGEXP_EXTRACT_ALL: ScalarFunction = function(
    "REGEXP_EXTRACT_ALL",
    "All parts of a text that a pattern matches, or a group of each.",
    ("REGEXP_EXTRACT_ALL('[0-9]+', 'a1b22')", "[1, 22]"),
    &[
        of(
            "REGEXP_EXTRACT_ALL(pattern VARCHAR, input VARCHAR) -> ARRAY<VARCHAR>",
            Rows(regexp_extract_all),
        ),
        of(
            "REGEXP_EXTRACT_ALL(pattern VARCHAR, input VARCHAR, group INT) -> ARRAY<VARCHAR>",
            Rows(regexp_extract_all),
        ),
    ],
);

fn regexp_extract_all(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(pattern), Some(input)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    if args.get(2).is_some_and(Value::is_null) {
        return Ok(Value::Null);
    }
    let regex = compiled(pattern)?;
    let group = group(args, &regex);
    if group == Ok(None) {
        return Ok(Value::Null);
    }
    let found = matches(&regex, input)?;
    if found.is_empty() {
        return Ok(Value::Array(Vec::new()));
    }
    let group = group.map_err(|group| format!("there is no group {group}"))?.unwrap_or(0);
    let part = |groups: &Groups| match groups[group] {
        Some((start, end)) => Value::String(input[start..end].to_string()),
        None => Value::Null,
    };
    // Groups of a look-ahead may overlap: all together they can be far longer than the text.
    check_bytes(found.iter().filter_map(|groups| groups[group]).map(|(s, e)| e - s).sum())?;
    Ok(Value::Array(found.iter().map(part).collect()))
}

pub(super) const REGEXP_REPLACE: ScalarFunction = function(
    "REGEXP_REPLACE",
    "The text with every part that a pattern matches replaced; `$1` stands for a group.",
    ("REGEXP_REPLACE('2020-02', '(\\d+)-(\\d+)', '$2/$1')", "02/2020"),
    &[of(
        "REGEXP_REPLACE(str VARCHAR, regexp VARCHAR, newStr VARCHAR) -> VARCHAR",
        Rows(regexp_replace),
    )],
);

fn regexp_replace(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(input), Some(pattern), Some(new)) = (text(&args[0]), text(&args[1]), text(&args[2]))
    else {
        return Ok(Value::Null);
    };
    let regex = compiled(pattern)?;
    let (mut out, mut done) = (String::new(), 0);
    for groups in matches(&regex, input)? {
        let (start, end) = groups[0].unwrap_or_default();
        out.push_str(&input[done..start]);
        push_replacement(&mut out, new, input, &groups, &regex)?;
        check_bytes(out.len())?;
        done = end;
    }
    out.push_str(&input[done..]);
    Ok(Value::String(out))
}

/// Appends a replacement: `$1` and `${name}` are groups, `\` quotes the next character.
fn push_replacement(
    out: &mut String,
    new: &str,
    input: &str,
    groups: &Groups,
    regex: &Regex,
) -> Result<(), String> {
    let mut chars = new.chars().peekable();
    while let Some(c) = chars.next() {
        let at = match c {
            '\\' => {
                out.push(chars.next().ok_or("nothing follows the \\ of the replacement")?);
                continue;
            }
            '$' if chars.peek() == Some(&'{') => {
                chars.next();
                let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let at = regex.capture_names().position(|n| n == Some(name.as_str()));
                at.ok_or_else(|| format!("there is no group {{{name}}}"))?
            }
            '$' => {
                let digit = chars.next().and_then(|c| c.to_digit(10));
                let mut at = digit.ok_or("a number must follow the $ of the replacement")? as usize;
                // More digits belong to the number as long as there is such a group.
                while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                    if at * 10 + digit as usize >= groups.len() {
                        break;
                    }
                    at = at * 10 + digit as usize;
                    chars.next();
                }
                at
            }
            c => {
                out.push(c);
                continue;
            }
        };
        let group = groups.get(at).ok_or_else(|| format!("there is no group {at}"))?;
        if let Some((start, end)) = group {
            check_bytes(out.len() + end - start)?;
            out.push_str(&input[*start..*end]);
        }
    }
    Ok(())
}

pub(super) const REGEXP_SPLIT_TO_ARRAY: ScalarFunction = function(
    "REGEXP_SPLIT_TO_ARRAY",
    "The parts between those that a pattern matches; with one that matches nothing at all, every \
     character by itself.",
    ("REGEXP_SPLIT_TO_ARRAY('a1b22c', '[0-9]+')", "[a, b, c]"),
    &[of(
        "REGEXP_SPLIT_TO_ARRAY(string VARCHAR, regexp VARCHAR) -> ARRAY<VARCHAR>",
        Rows(regexp_split),
    )],
);

fn regexp_split(args: &[Value], _: &Call<'_>) -> Result<Value, String> {
    let (Some(input), Some(pattern)) = (text(&args[0]), text(&args[1])) else {
        return Ok(Value::Null);
    };
    let regex = compiled(pattern)?;
    let texts = |parts: Vec<&str>| {
        Value::Array(parts.into_iter().map(|part| Value::String(part.to_string())).collect())
    };
    if input.is_empty() {
        return Ok(texts(vec![""]));
    }
    if regex.is_match("").map_err(|e| e.to_string())? {
        check_elements(super::units::utf16_len(input))?;
        return Ok(texts(input.split("").filter(|part| !part.is_empty()).collect()));
    }
    let (mut parts, mut start, mut search) = (Vec::new(), 0, Some(0));
    while let Some(at) = search {
        let found = regex.find_from_pos(input, at).map_err(|e| e.to_string())?;
        let (end, next) = found.map_or((input.len(), None), |f| (f.start(), Some(f.end())));
        if next == Some(start) {
            // An empty match where a part begins separates nothing.
            search = Some(next_char(input, start)).filter(|at| *at <= input.len());
            continue;
        }
        parts.push(&input[start..end]);
        check_elements(parts.len())?;
        start = next.unwrap_or(start);
        search = next;
    }
    Ok(texts(parts))
}
