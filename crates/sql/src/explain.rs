//! A plan as a tree of text, the sink on top, sources at the leaves: what EXPLAIN, the golden tests
//! and the dashboard show.
//!
//! ```text
//! Sink CARPARK (topic CARPARK, KAFKA/PROTOBUF, 4 partitions)
//! └─ Select NAME, AVG := KSQL_AGG_VARIABLE_0
//!    └─ Aggregate stream by NAME: AVG(EMPTY_PLACES)
//!       └─ Source CARPARK_EVENTS
//! ```

mod expression;

use std::fmt::{self, Write};

use model::{Column, Namespace, Schema};

use crate::ast::{JoinKind, SourceKind, Window, WindowKind, Within};
use crate::plan::{
    AggregateCall, Lookup, PullPlan, QueryPlan, Sink, Step, StepKind, TableCall, WindowInfo,
};
pub use expression::explain_expr;

/// The tree of a running query.
pub fn explain_query(plan: &QueryPlan) -> String {
    let mut tree = Tree::default();
    let mut depth = 0;
    let window = plan.window.map(window_info).unwrap_or_default();
    match &plan.sink {
        Some(sink) => tree.line(0, &explain_sink(sink, plan.kind, &window)),
        None => {
            let limit = plan.limit.map(|n| format!(", limit {n}")).unwrap_or_default();
            tree.line(0, &format!("Push {}{window}{limit}", kind(plan.kind)));
        }
    }
    let identity = (0..plan.root.schema.columns.len()).eq(plan.output_columns.iter().copied());
    if !identity {
        depth += 1;
        let column = |(at, column): (&usize, &Column)| {
            named(&column.name, &plan.root.schema.columns[*at].name)
        };
        let columns = plan.output_columns.iter().zip(&plan.output.columns).map(column);
        tree.line(depth, &format!("Output {}", list(columns)));
    }
    tree.step(&"   ".repeat(depth), true, &plan.root);
    tree.text
}

/// The tree of a pull query.
pub fn explain_pull(plan: &PullPlan, source: &Schema) -> String {
    let mut tree = Tree::default();
    let mut depth = 0;
    let mut line = |text: String| {
        tree.line(depth, &text);
        depth += 1;
    };
    if plan.limit.is_some() || plan.offset.is_some() {
        let limit = plan.limit.map(|n| format!(" {n}")).unwrap_or_else(|| " all".into());
        let offset = plan.offset.map(|n| format!(" offset {n}")).unwrap_or_default();
        line(format!("Limit{limit}{offset}"));
    }
    if !plan.order_by.is_empty() {
        let order = plan.order_by.iter().map(|(expr, descending)| {
            format!("{}{}", explain_expr(expr, source), if *descending { " desc" } else { "" })
        });
        line(format!("Sort {}", list(order)));
    }
    let columns = plan.output.columns.iter().zip(&plan.columns);
    let columns = columns.map(|(column, expr)| named(&column.name, &explain_expr(expr, source)));
    line(format!("Select {}", list(columns)));
    if let Some(filter) = &plan.filter {
        line(format!("Filter {}", explain_expr(filter, source)));
    }
    line(format!("{} {}{}", explain_lookup(&plan.lookup), plan.source, windows(plan)));
    tree.text
}

fn explain_lookup(lookup: &Lookup) -> String {
    match lookup {
        Lookup::Scan => "Scan".into(),
        Lookup::Keys(keys) => {
            let key = |key: &Vec<model::Value>| list(key.iter().map(expression::literal));
            let keys =
                keys.iter().map(|k| if k.len() == 1 { key(k) } else { format!("({})", key(k)) });
            format!("Lookup [{}] in", list(keys))
        }
        Lookup::Range { low, high } => {
            let end = |end: &Option<(model::Value, bool)>, closed: char, open: char| match end {
                Some((value, included)) => {
                    (expression::literal(value), if *included { closed } else { open })
                }
                None => ("".into(), open),
            };
            let ((low, opening), (high, closing)) = (end(low, '[', '('), end(high, ']', ')'));
            format!("Range {opening}{low} .. {high}{closing} in")
        }
    }
}

fn windows(plan: &PullPlan) -> String {
    let bounds = &plan.windows;
    let mut text = String::new();
    let sides = [
        ("start", bounds.start_min_ms, bounds.start_max_ms),
        ("end", bounds.end_min_ms, bounds.end_max_ms),
    ];
    for (side, min, max) in sides {
        if min.is_some() || max.is_some() {
            let bound = |ms: Option<i64>| ms.map(|ms| ms.to_string()).unwrap_or_default();
            let _ = write!(text, " window {side} {}..{}", bound(min), bound(max));
        }
    }
    text
}

fn explain_sink(sink: &Sink, of: SourceKind, window: &str) -> String {
    let Sink { name, topic, partitions, key_format, value_format, timestamp } = sink;
    let timestamp = timestamp.as_ref().map(|t| format!(", timestamp {}", t.name));
    format!(
        "Sink {} {name}{window} (topic {topic}, {}/{}, {partitions} partitions{})",
        kind(of),
        key_format.kind,
        value_format.kind,
        timestamp.unwrap_or_default()
    )
}

fn kind(kind: SourceKind) -> &'static str {
    match kind {
        SourceKind::Stream => "stream",
        SourceKind::Table => "table",
    }
}

fn window_info(window: WindowInfo) -> String {
    match window {
        WindowInfo::Tumbling { size_ms } => format!(" tumbling {size_ms} ms"),
        WindowInfo::Hopping { size_ms } => format!(" hopping {size_ms} ms"),
        WindowInfo::Session => " session".into(),
    }
}

/// `name`, or `name := expression` where they differ.
fn named(name: &str, expression: &str) -> String {
    if name == expression { name.into() } else { format!("{name} := {expression}") }
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[derive(Default)]
struct Tree {
    text: String,
}

impl Tree {
    /// A line that hangs on the one above it.
    fn line(&mut self, depth: usize, line: &str) {
        if depth > 0 {
            self.text.push_str(&"   ".repeat(depth - 1));
            self.text.push_str("└─ ");
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A step and all below it; `indent` is what stands in front of its lines.
    fn step(&mut self, indent: &str, is_last: bool, step: &Step) {
        let branch = if is_last { "└─ " } else { "├─ " };
        self.text.push_str(&format!("{indent}{branch}{}\n", describe(step)));
        let below = format!("{indent}{}", if is_last { "   " } else { "│  " });
        let inputs = step.inputs();
        for (i, input) in inputs.iter().enumerate() {
            self.step(&below, i + 1 == inputs.len(), input);
        }
    }
}

fn describe(step: &Step) -> String {
    let input = step.inputs().first().map(|input| &input.schema);
    let empty = Schema::default();
    let input = input.unwrap_or(&empty);
    let expressions =
        |list_of: &[crate::expr::Expr]| list(list_of.iter().map(|expr| explain_expr(expr, input)));
    match &step.kind {
        StepKind::Source { name, alias } if name == alias => format!("Source {name}"),
        StepKind::Source { name, alias } => format!("Source {name} as {alias}"),
        StepKind::Filter { predicate, .. } => format!("Filter {}", explain_expr(predicate, input)),
        StepKind::Select { columns, .. } => {
            let columns = step.schema.columns.iter().zip(columns);
            let column = |(column, expr): (&Column, &crate::expr::Expr)| {
                let key = if column.namespace == Namespace::Key { " key" } else { "" };
                format!("{}{key}", named(&column.name, &explain_expr(expr, input)))
            };
            format!("Select {}", list(columns.map(column)))
        }
        StepKind::FlatMap { functions, .. } => {
            let call = |call: &TableCall| expression::call(call.function.name, &call.args, input);
            format!("FlatMap {}", list(functions.iter().map(call)))
        }
        StepKind::Rekey { keys, .. } if keys.is_empty() => "Rekey to no key".into(),
        StepKind::Rekey { keys, .. } => format!("Rekey by {}", expressions(keys)),
        StepKind::Aggregate { input_kind, keys, aggregates, window, .. } => {
            let call = |call: &AggregateCall| {
                let args = call.args.iter().map(|arg| explain_expr(arg, input));
                let literals = call.literals.iter().map(expression::literal);
                format!("{}({})", call.function.name, list(args.chain(literals)))
            };
            let window = window.as_ref().map(explain_window).unwrap_or_default();
            let calls = list(aggregates.iter().map(call));
            format!("Aggregate {}{window} by {}: {calls}", kind(*input_kind), expressions(keys))
        }
        StepKind::StreamStreamJoin { kind, within, .. } => {
            format!("StreamStreamJoin {}{}", join_kind(*kind), explain_within(within))
        }
        StepKind::StreamTableJoin { kind, .. } => format!("StreamTableJoin {}", join_kind(*kind)),
        StepKind::TableTableJoin { kind, .. } => format!("TableTableJoin {}", join_kind(*kind)),
        StepKind::ForeignKeyJoin { kind, foreign_key, .. } => {
            format!("ForeignKeyJoin {} on {}", join_kind(*kind), explain_expr(foreign_key, input))
        }
        StepKind::Suppress { .. } => "Suppress until windows close".into(),
    }
}

fn join_kind(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Inner => "inner",
        JoinKind::Left => "left",
        JoinKind::Right => "right",
        JoinKind::Full => "full",
    }
}

fn explain_within(within: &Within) -> String {
    let Within { before, after, grace } = within;
    let grace = grace.map(|grace| format!(" grace {} ms", grace.millis()));
    format!(
        " within {} ms before, {} ms after{}",
        before.millis(),
        after.millis(),
        grace.unwrap_or_default()
    )
}

fn explain_window(window: &Window) -> String {
    let kind = match window.kind {
        WindowKind::Tumbling { size } => format!(" tumbling {} ms", size.millis()),
        WindowKind::Hopping { size, advance } => {
            format!(" hopping {} ms every {} ms", size.millis(), advance.millis())
        }
        WindowKind::Session { gap } => format!(" session {} ms", gap.millis()),
    };
    let grace = window.grace.map(|grace| format!(" grace {} ms", grace.millis()));
    let retention = window.retention.map(|time| format!(" kept {} ms", time.millis()));
    format!("{kind}{}{}", grace.unwrap_or_default(), retention.unwrap_or_default())
}

impl fmt::Display for QueryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&explain_query(self))
    }
}
