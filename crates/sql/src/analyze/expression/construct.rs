//! ARRAY[…], MAP(…) and STRUCT(…).

use std::collections::HashSet;

use model::{Field, SqlType, Value};

use super::super::error::{AnalyzeError, ExpressionError};
use super::super::limits;
use super::{Binder, Bound, coerce};
use crate::ast::{self, Span};
use crate::expr::{Expr, ExprKind};

type Result<T> = std::result::Result<T, AnalyzeError>;

impl Binder<'_> {
    fn bind_items(&mut self, items: &[ast::Expr]) -> Result<Vec<(Bound, Span)>> {
        items.iter().map(|item| Ok((self.bind_any(item)?, item.span))).collect()
    }

    pub(super) fn bind_array(&mut self, items: &[ast::Expr], span: Span) -> Result<Expr> {
        if items.is_empty() {
            return Err(AnalyzeError::at(span, ExpressionError::EmptyArray));
        }
        let items = self.bind_items(items)?;
        let Some(ty) = coerce::common_type(&items)? else {
            let kind = ExpressionError::AllNull("an array with all NULL elements");
            return Err(AnalyzeError::at(span, kind));
        };
        self.scope.count(&ty, items.len() + 1, span)?;
        let items = coerce::convert_all(items, &ty)?;
        Ok(Expr { kind: ExprKind::MakeArray(items), ty: SqlType::array(ty) })
    }

    pub(super) fn bind_map(
        &mut self,
        entries: &[(ast::Expr, ast::Expr)],
        span: Span,
    ) -> Result<Expr> {
        if entries.is_empty() {
            return Err(AnalyzeError::at(span, ExpressionError::EmptyMap));
        }
        for (i, (key, _)) in entries.iter().enumerate() {
            let twice = matches!(key.kind, ast::ExprKind::Literal(_))
                && entries[..i].iter().any(|(earlier, _)| earlier == key);
            if let (ast::ExprKind::Literal(value), true) = (&key.kind, twice) {
                let key_text = value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned);
                let kind = ExpressionError::DuplicateKey(key_text);
                return Err(AnalyzeError::at(key.span, kind));
            }
        }
        let mut keys = Vec::new();
        let mut values = Vec::new();
        for (key, value) in entries {
            keys.push((self.bind_any(key)?, key.span));
            values.push((self.bind_any(value)?, value.span));
        }
        let all_null = |what| AnalyzeError::at(span, ExpressionError::AllNull(what));
        let key =
            coerce::common_type(&keys)?.ok_or_else(|| all_null("a map with all NULL keys"))?;
        let value =
            coerce::common_type(&values)?.ok_or_else(|| all_null("a map with all NULL values"))?;
        self.scope.count(&key, keys.len() + 1, span)?;
        self.scope.count(&value, values.len() + 1, span)?;
        let keys = coerce::convert_all(keys, &key)?;
        let values = coerce::convert_all(values, &value)?;
        let kind = ExprKind::MakeMap(keys.into_iter().zip(values).collect());
        Ok(Expr { kind, ty: SqlType::map(key, value) })
    }

    pub(super) fn bind_struct(
        &mut self,
        fields: &[(String, ast::Expr)],
        span: Span,
    ) -> Result<Expr> {
        let mut types: Vec<Field> = Vec::new();
        let mut values = Vec::new();
        let mut names = HashSet::new();
        let mut left = limits::TYPE_SIZE_MAX - 1;
        for (name, value) in fields {
            if !names.insert(name) {
                return Err(AnalyzeError::at(span, ExpressionError::DuplicateField(name.clone())));
            }
            let value = self.bind(value)?;
            limits::check_depth(value.ty.depth() + 1, span)?;
            limits::spend(&mut left, value.ty.size() + name.len() / 64, span)?;
            self.scope.count(&value.ty, 1, span)?;
            types.push(Field::new(name, value.ty.clone()));
            values.push(value);
        }
        Ok(Expr { kind: ExprKind::MakeStruct(values), ty: SqlType::Struct(types) })
    }

    /// `NULL AS ty`
    pub(super) fn null_of(ty: &SqlType) -> Expr {
        Expr::literal(Value::Null, ty.clone())
    }
}
