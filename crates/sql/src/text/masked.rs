//! Statements that hold people's data or passwords, without them.

use model::Value;

use crate::ast::Statement;

use super::format_statement;

/// The only property of a connector that is told.
const CONNECTOR_CLASS: &str = "connector.class";

pub(super) fn masked(statement: &Statement) -> Option<String> {
    match statement {
        Statement::InsertValues { target, columns, values } => {
            let columns: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
            let columns = match columns.is_empty() {
                true => String::new(),
                false => format!(" ({})", columns.join(", ")),
            };
            let values = vec!["'[value]'"; values.len()].join(", ");
            Some(format!("INSERT INTO {}{columns} VALUES ({values});", quoted(target)))
        }
        Statement::CreateConnector { .. } => {
            let mut masked = statement.clone();
            if let Statement::CreateConnector { properties, .. } = &mut masked {
                let secret = properties.0.iter_mut().filter(|p| p.name != CONNECTOR_CLASS);
                secret.for_each(|property| property.value = Value::String("[string]".to_owned()));
            }
            Some(format_statement(&masked))
        }
        _ => None,
    }
}

/// Here the server quotes all names.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
