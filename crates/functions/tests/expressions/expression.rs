//! A small reader of expressions, which evaluates as it reads: calls, columns, literals, CASTs,
//! constructors, lambdas, and the operators between numbers that examples and vectors use.

use std::collections::BTreeMap;

use arrow_array::{Array, ArrayRef};
use functions::scalar::{Arg, Call, IntervalUnit, Lambda, ScalarFunction, scalar};
use functions::{ArgType, Evaluated, RowErrors};
use model::column::{column_of, value_at};
use model::text::{parse_date, parse_time, parse_timestamp, value_text};
use model::{ColumnBuilder, Decimal, Field, SqlType, Value};

/// Why an expression has no value.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This test cannot read it.
    Unread,
    /// It is refused.
    Plan(String),
    /// The row fails.
    Row(String),
}

/// A value and its type.
pub(crate) type Typed = (ArgType, Value);

/// The columns of a row.
pub(crate) type Columns = BTreeMap<String, (SqlType, Value)>;

/// An argument of a call: a value, or the text of a lambda.
enum Argument<'a> {
    Value(Typed),
    Lambda(Vec<String>, &'a str),
}

/// Reads one expression over the columns of one row.
pub(crate) struct Reader<'a> {
    rest: &'a str,
    columns: &'a Columns,
}

impl<'a> Reader<'a> {
    /// A reader of this text.
    pub(crate) fn new(rest: &'a str, columns: &'a Columns) -> Self {
        Self { rest, columns }
    }

    /// The value of the whole text.
    pub(crate) fn whole(mut self) -> Result<Typed, Stop> {
        let result = self.expression()?;
        if self.rest.trim().is_empty() { Ok(result) } else { Err(Stop::Unread) }
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), Stop> {
        if self.eat(token) { Ok(()) } else { Err(Stop::Unread) }
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('`') {
            let (word, rest) = quoted.split_once('`')?;
            self.rest = rest;
            return Some(word);
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if !rest.starts_with(|c: char| c.is_alphabetic()) {
            return None;
        }
        self.rest = &rest[end..];
        Some(&rest[..end])
    }

    /// A type.
    pub(crate) fn ty(&mut self) -> Result<SqlType, Stop> {
        let word = self.word().ok_or(Stop::Unread)?;
        Ok(match word {
            "BOOLEAN" => SqlType::Boolean,
            "INT" | "INTEGER" => SqlType::Integer,
            "BIGINT" => SqlType::Bigint,
            "DOUBLE" => SqlType::Double,
            "VARCHAR" | "STRING" => SqlType::String,
            "BYTES" => SqlType::Bytes,
            "DATE" => SqlType::Date,
            "TIME" => SqlType::Time,
            "TIMESTAMP" => SqlType::Timestamp,
            "DECIMAL" => {
                self.expect("(")?;
                let (inner, rest) = self.rest.split_once(')').ok_or(Stop::Unread)?;
                self.rest = rest;
                let (p, s) = inner.split_once(',').ok_or(Stop::Unread)?;
                let digits = |text: &str| text.trim().parse().map_err(|_| Stop::Unread);
                SqlType::decimal(digits(p)?, digits(s)?)
            }
            "ARRAY" => {
                self.expect("<")?;
                let element = self.ty()?;
                self.expect(">")?;
                SqlType::array(element)
            }
            "MAP" => {
                self.expect("<")?;
                let key = self.ty()?;
                self.expect(",")?;
                let value = self.ty()?;
                self.expect(">")?;
                SqlType::map(key, value)
            }
            "STRUCT" => {
                self.expect("<")?;
                let mut fields = Vec::new();
                while !self.eat(">") {
                    self.eat(",");
                    let name = self.word().ok_or(Stop::Unread)?;
                    fields.push(Field::new(name, self.ty()?));
                }
                SqlType::Struct(fields)
            }
            _ => return Err(Stop::Unread),
        })
    }

    /// An operand, or two and a comparison.
    fn expression(&mut self) -> Result<Typed, Stop> {
        let left = self.sum()?;
        if self.eat("IS NOT NULL") {
            return Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(!left.1.is_null())));
        }
        if self.eat("IS NULL") {
            return Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(left.1.is_null())));
        }
        let found = ["<>", "<=", ">=", "<", ">", "="].into_iter().find(|token| self.eat(token));
        let Some(token) = found else { return Ok(left) };
        let right = self.sum()?;
        let (Some(left_type), Some(right_type)) = (left.0.sql(), right.0.sql()) else {
            return Err(Stop::Unread);
        };
        if left_type != right_type {
            return Err(Stop::Unread);
        }
        let truth = left.1.sql_cmp(&right.1).is_some_and(|order| match token {
            "<>" => order.is_ne(),
            "<=" => order.is_le(),
            ">=" => order.is_ge(),
            "<" => order.is_lt(),
            ">" => order.is_gt(),
            _ => order.is_eq(),
        });
        Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(truth)))
    }

    /// INTs with operators between them, from the left: what has other types or wants precedence is
    /// not read.
    fn sum(&mut self) -> Result<Typed, Stop> {
        let mut left = self.operand()?;
        let mut seen = None;
        loop {
            let rest = self.rest.trim_start();
            let token = rest.chars().next().filter(|c| "+-*/%".contains(*c));
            let Some(token) = token else { return Ok(left) };
            if seen.is_some_and(|seen| seen != token) {
                return Err(Stop::Unread);
            }
            seen = Some(token);
            self.rest = &rest[1..];
            let right = self.operand()?;
            let ints = ArgType::Sql(SqlType::Integer);
            if left.0 != ints || right.0 != ints {
                return Err(Stop::Unread);
            }
            let (Value::Integer(a), Value::Integer(b)) = (&left.1, &right.1) else {
                return Err(Stop::Row("null in arithmetic".to_string()));
            };
            let value = match token {
                '+' => Some(a.wrapping_add(*b)),
                '-' => Some(a.wrapping_sub(*b)),
                '*' => Some(a.wrapping_mul(*b)),
                '/' if *b != 0 => Some(a.wrapping_div(*b)),
                '%' if *b != 0 => Some(a.wrapping_rem(*b)),
                _ => None,
            };
            let value = value.ok_or_else(|| Stop::Row("division by zero".to_string()))?;
            left = (ints, Value::Integer(value));
        }
    }

    fn operand(&mut self) -> Result<Typed, Stop> {
        let rest = self.rest.trim_start();
        let first = rest.chars().next().ok_or(Stop::Unread)?;
        if first == '\'' {
            return self.text();
        }
        if first.is_ascii_digit() || first == '-' {
            return self.number();
        }
        let word = self.word().ok_or(Stop::Unread)?;
        match word.to_ascii_uppercase().as_str() {
            "NULL" => Ok((ArgType::Null, Value::Null)),
            "TRUE" => Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(true))),
            "FALSE" => Ok((ArgType::Sql(SqlType::Boolean), Value::Boolean(false))),
            "ARRAY" if self.eat("[") => self.array(),
            "CAST" if self.eat("(") => {
                let (from, value) = self.expression()?;
                self.expect("AS")?;
                let ty = self.ty()?;
                self.expect(")")?;
                let value = cast(&from, &value, &ty)?;
                Ok((ArgType::Sql(ty), value))
            }
            "MAP" if self.eat("(") => self.map(),
            "STRUCT" | "CASE" | "NOT" => Err(Stop::Unread),
            _ if self.eat("(") => self.call(&word.to_ascii_uppercase()),
            "DAYS" | "HOURS" | "MINUTES" | "SECONDS" | "MILLISECONDS" | "MILLISECOND" => {
                Ok((ArgType::IntervalUnit, Value::String(word.to_ascii_uppercase())))
            }
            name => match self.columns.get(name) {
                Some((ty, value)) => Ok((ArgType::Sql(ty.clone()), value.clone())),
                None => Err(Stop::Plan(format!("no column {name}"))),
            },
        }
    }

    fn text(&mut self) -> Result<Typed, Stop> {
        let rest = &self.rest.trim_start()[1..];
        let (mut text, mut at) = (String::new(), 0);
        loop {
            let end = rest[at..].find('\'').ok_or(Stop::Unread)?;
            text.push_str(&rest[at..at + end]);
            at += end + 1;
            if !rest[at..].starts_with('\'') {
                break;
            }
            text.push('\'');
            at += 1;
        }
        self.rest = &rest[at..];
        Ok((ArgType::Sql(SqlType::String), Value::String(text)))
    }

    fn number(&mut self) -> Result<Typed, Stop> {
        let rest = self.rest.trim_start();
        let mut end = 1;
        let bytes = rest.as_bytes();
        while let Some(b) = bytes.get(end) {
            let sign = matches!(b, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
            if !(b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E') || sign) {
                break;
            }
            end += 1;
        }
        let (text, rest) = rest.split_at(end);
        self.rest = rest;
        if text.contains(['e', 'E']) {
            let number = text.parse().map_err(|_| Stop::Unread)?;
            return Ok((ArgType::Sql(SqlType::Double), Value::Double(number)));
        }
        if text.contains('.') {
            let decimal: Decimal = text.parse().map_err(|_| Stop::Unread)?;
            let precision = decimal.precision().max(decimal.scale + 1);
            let ty = SqlType::decimal(precision, decimal.scale);
            return Ok((ArgType::Sql(ty), Value::Decimal(decimal)));
        }
        let number: i64 = text.parse().map_err(|_| Stop::Unread)?;
        Ok(match i32::try_from(number) {
            Ok(small) => (ArgType::Sql(SqlType::Integer), Value::Integer(small)),
            Err(_) => (ArgType::Sql(SqlType::Bigint), Value::Bigint(number)),
        })
    }

    fn array(&mut self) -> Result<Typed, Stop> {
        let mut items = Vec::new();
        while !self.eat("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(self.expression()?);
        }
        let element = items.iter().find_map(|(ty, _)| ty.sql().cloned());
        let element = element.ok_or(Stop::Plan("an empty array".to_string()))?;
        if items.iter().any(|(ty, _)| ty.sql().is_some_and(|ty| *ty != element)) {
            return Err(Stop::Unread);
        }
        let values = items.into_iter().map(|(_, value)| value).collect();
        Ok((ArgType::Sql(SqlType::array(element)), Value::Array(values)))
    }

    fn map(&mut self) -> Result<Typed, Stop> {
        let (mut entries, mut types) = (Vec::new(), Vec::new());
        while !self.eat(")") {
            if !entries.is_empty() {
                self.expect(",")?;
            }
            let (key_type, key) = self.expression()?;
            self.expect(":=")?;
            let (value_type, value) = self.expression()?;
            if value_type != ArgType::Null {
                types.push((key_type, value_type));
            }
            entries.push((key, value));
        }
        let (ArgType::Sql(key), ArgType::Sql(value)) = types.first().ok_or(Stop::Unread)? else {
            return Err(Stop::Unread);
        };
        if types.iter().any(|ty| ty != &types[0]) {
            return Err(Stop::Unread);
        }
        Ok((ArgType::Sql(SqlType::map(key.clone(), value.clone())), Value::Map(entries)))
    }

    /// A lambda, if there is one: its parameters, and the text of its body up to the next comma or
    /// bracket.
    fn lambda(&mut self) -> Option<(Vec<String>, &'a str)> {
        let (head, body) = self.rest.split_once("=>")?;
        let names = head.trim();
        let bracketed = names.strip_prefix('(').and_then(|n| n.strip_suffix(')'));
        if bracketed.is_none() && names.contains(',') {
            return None;
        }
        let inner = bracketed.unwrap_or(names);
        let params: Vec<_> = inner.split(',').map(|p| p.trim().to_ascii_uppercase()).collect();
        let is_name =
            |p: &String| !p.is_empty() && p.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !params.iter().all(is_name) {
            return None;
        }
        let (mut depth, mut quoted, mut end) = (0, false, body.len());
        for (at, c) in body.char_indices() {
            match c {
                '\'' => quoted = !quoted,
                _ if quoted => {}
                '(' | '[' => depth += 1,
                ',' | ')' if depth == 0 => {
                    end = at;
                    break;
                }
                ')' | ']' => depth -= 1,
                _ => {}
            }
        }
        let (body, rest) = body.split_at(end);
        self.rest = rest;
        Some((params, body))
    }

    fn call(&mut self, name: &str) -> Result<Typed, Stop> {
        let function = scalar(name).ok_or(Stop::Unread)?;
        let mut args: Vec<Argument<'a>> = Vec::new();
        while !self.eat(")") {
            if !args.is_empty() {
                self.expect(",")?;
            }
            args.push(match self.lambda() {
                Some((params, body)) => Argument::Lambda(params, body),
                None => Argument::Value(self.expression()?),
            });
        }
        evaluate(function, &args, self.columns)
    }
}

fn evaluate(
    function: &ScalarFunction,
    args: &[Argument<'_>],
    columns: &Columns,
) -> Result<Typed, Stop> {
    let plan = |e: functions::ResolveError| Stop::Plan(e.to_string());
    let mut types: Vec<_> = (args.iter())
        .map(|arg| match arg {
            Argument::Value((ty, _)) => ty.clone(),
            Argument::Lambda(params, _) => ArgType::UntypedLambda(params.len()),
        })
        .collect();
    let mut lambdas = BTreeMap::new();
    for (at, params) in function.lambda_params(&types).map_err(plan)?.into_iter().enumerate() {
        let (Some(params), Argument::Lambda(names, body)) = (params, &args[at]) else { continue };
        if names.iter().any(|name| columns.contains_key(name)) {
            return Err(Stop::Plan("a parameter is named like a column".to_string()));
        }
        let lambda = TextLambda::new(names, &params, body, columns)?;
        types[at] = ArgType::Lambda(params, lambda.returns.clone());
        lambdas.insert(at, lambda);
    }
    let resolved = function.resolve(&types).map_err(plan)?;
    let mut cells = Vec::new();
    for (at, (arg, to)) in args.iter().zip(&resolved.args).enumerate() {
        cells.push(match (arg, to) {
            (Argument::Value((from, value)), ArgType::Sql(ty)) => {
                let value = match cast(from, value, ty) {
                    Err(Stop::Row(_)) => Value::Null,
                    other => other?,
                };
                // Two rows, so that nothing depends on there being one.
                Arg::Column(column_of(ty, [&value, &value]))
            }
            (Argument::Value((_, unit)), ArgType::IntervalUnit) => {
                Arg::Unit(Some(match unit.as_str() {
                    Some("DAYS") => IntervalUnit::Days,
                    Some("HOURS") => IntervalUnit::Hours,
                    Some("MINUTES") => IntervalUnit::Minutes,
                    Some("SECONDS") => IntervalUnit::Seconds,
                    _ => IntervalUnit::Milliseconds,
                }))
            }
            (Argument::Value(_), _) => Arg::Unit(None),
            (Argument::Lambda(..), _) => Arg::Lambda(&lambdas[&at]),
        });
    }
    let call = Call {
        args: &cells,
        arg_types: &resolved.args,
        returns: &resolved.returns,
        rows: 2,
        now_ms: 1_700_000_000_000,
    };
    let Evaluated { column, errors } = function.evaluate(resolved.signature, &call);
    if let Some((_, reason)) = errors.iter().next() {
        return Err(Stop::Row(reason.to_string()));
    }
    let value = value_at(&resolved.returns, &column, 1);
    Ok((ArgType::Sql(resolved.returns), value))
}

/// A lambda that reads its body again for every element.
struct TextLambda<'a> {
    params: Vec<(String, SqlType)>,
    body: &'a str,
    columns: &'a Columns,
    returns: SqlType,
}

impl<'a> TextLambda<'a> {
    fn new(
        names: &[String],
        types: &[SqlType],
        body: &'a str,
        columns: &'a Columns,
    ) -> Result<Self, Stop> {
        let params: Vec<_> = names.iter().cloned().zip(types.iter().cloned()).collect();
        let mut lambda = Self { params, body, columns, returns: SqlType::Boolean };
        // The body's type is that of its value for some arguments.
        let samples: Vec<_> = types.iter().map(sample).collect();
        match lambda.value(&samples) {
            Ok((ArgType::Sql(ty), _)) => lambda.returns = ty,
            Err(Stop::Plan(reason)) => return Err(Stop::Plan(reason)),
            Err(_) => return Err(Stop::Unread),
            Ok(_) => return Err(Stop::Plan("the lambda has no type".to_string())),
        }
        Ok(lambda)
    }

    fn value(&self, args: &[Value]) -> Result<Typed, Stop> {
        let mut columns = self.columns.clone();
        for ((name, ty), value) in self.params.iter().zip(args) {
            columns.insert(name.clone(), (ty.clone(), value.clone()));
        }
        Reader::new(self.body, &columns).whole()
    }
}

fn sample(ty: &SqlType) -> Value {
    match ty {
        SqlType::Integer => Value::Integer(1),
        SqlType::String => Value::String("a".to_string()),
        SqlType::Boolean => Value::Boolean(true),
        SqlType::Array(element) => Value::Array(vec![sample(element)]),
        _ => Value::Null,
    }
}

impl Lambda for TextLambda<'_> {
    fn call(&self, parents: &[u32], args: &[ArrayRef]) -> Evaluated {
        let mut builder = ColumnBuilder::new(&self.returns, parents.len());
        let mut errors = RowErrors::none();
        for element in 0..parents.len() {
            let cells: Vec<_> = (self.params.iter().zip(args))
                .map(|((_, ty), column)| value_at(ty, column, element))
                .collect();
            match self.value(&cells) {
                Ok((_, value)) => builder.append(&value),
                Err(stop) => {
                    errors.add(element, format!("{stop:?}"));
                    builder.append_null();
                }
            }
        }
        let column = builder.finish();
        assert_eq!(column.len(), parents.len());
        Evaluated { column, errors }
    }

    fn returns(&self) -> &SqlType {
        &self.returns
    }
}

/// The casts that the vectors of functions need.
fn cast(from: &ArgType, value: &Value, to: &SqlType) -> Result<Value, Stop> {
    let failed = |what: &str| Stop::Row(what.to_string());
    if value.is_null() || from.sql() == Some(to) {
        return Ok(value.clone());
    }
    Ok(match (value, to) {
        (Value::Integer(n), SqlType::Bigint) => Value::Bigint(i64::from(*n)),
        (Value::Integer(_) | Value::Bigint(_) | Value::Decimal(_), SqlType::Double) => {
            Value::Double(value.as_f64().unwrap_or_default())
        }
        (Value::Integer(_) | Value::Bigint(_), SqlType::Decimal { scale, .. }) => {
            let n = value.as_i64().unwrap_or_default();
            let decimal = Decimal::new(n, 0);
            let scaled = decimal.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.ok_or(failed("too large"))?)
        }
        (Value::Decimal(n), SqlType::Decimal { scale, .. }) => {
            let scaled = n.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.ok_or(failed("too large"))?)
        }
        (Value::String(text), SqlType::Date) => {
            Value::Date(parse_date(text).map_err(|e| failed(&e.to_string()))?)
        }
        (Value::String(text), SqlType::Time) => {
            Value::Time(parse_time(text).map_err(|e| failed(&e.to_string()))?)
        }
        (Value::String(text), SqlType::Timestamp) => {
            Value::Timestamp(parse_timestamp(text).map_err(|e| failed(&e.to_string()))?)
        }
        (Value::String(text), SqlType::Bytes) => {
            let bytes = model::text::base64_bytes(text).ok_or(failed("no base64"))?;
            Value::Bytes(bytes.into())
        }
        (Value::String(text), SqlType::Decimal { scale, .. }) => {
            let decimal: Decimal = text.parse().map_err(|_| failed("no decimal"))?;
            let scaled = decimal.with_scale(*scale, model::decimal::Rounding::HalfUp);
            Value::Decimal(scaled.ok_or(failed("too large"))?)
        }
        (Value::String(text), SqlType::Double) => match text.parse::<f64>() {
            Ok(n) if n.is_finite() => Value::Double(n),
            Ok(_) => return Ok(Value::Null),
            Err(_) => return Err(Stop::Unread),
        },
        (value, SqlType::String) => {
            let ty = from.sql().ok_or(Stop::Unread)?;
            Value::String(value_text(ty, value))
        }
        _ => return Err(Stop::Unread),
    })
}
