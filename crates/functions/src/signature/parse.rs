//! Reads the one-line text of a signature: `TRANSFORM(array ARRAY<T>, function LAMBDA (T)=>R) ->
//! ARRAY<R>`.

use model::{Field, SqlType};

use super::{Param, ParamType, Returns, Signature};

/// Why a text is not a signature; our own mistake, found by the tests of the lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature {text:?}: expected {expected} at {rest:?}")]
pub struct SignatureTextError {
    text: String,
    expected: &'static str,
    rest: String,
}

impl Signature {
    /// Reads `NAME(param TYPE, …) -> TYPE`; `TYPE...` is a parameter that may be repeated.
    ///
    /// Types are INT, BIGINT, DOUBLE, DECIMAL (of any precision), BOOLEAN, VARCHAR, BYTES, DATE,
    /// TIME, TIMESTAMP, ARRAY<…>, MAP<…, …>, STRUCT (of any fields), STRUCT<name type, …>,
    /// LAMBDA (…)=>…, INTERVALUNIT, ANY, and single letters as type variables. A result of DECIMAL
    /// is [`Returns::Computed`] (the precision is not in the text) and must be given with
    /// [`Signature::returning`].
    ///
    /// ```
    /// let signature = functions::Signature::parse("ELT(n INT, args VARCHAR...) -> VARCHAR")?;
    /// assert_eq!(signature.describe("ELT"), "ELT(n INT, args VARCHAR[])");
    /// # Ok::<(), functions::signature::SignatureTextError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Signature, SignatureTextError> {
        let mut reader = Reader { text, rest: text };
        reader.word("a name")?;
        reader.expect("(")?;
        let mut params = Vec::new();
        let mut variadic = None;
        while !reader.eat(")") {
            if !params.is_empty() {
                reader.expect(",")?;
            }
            let name = reader.word("a parameter's name")?.to_string();
            let ty = reader.ty()?;
            if reader.eat("...") {
                variadic = Some(params.len());
            }
            params.push(Param { name, ty });
        }
        reader.expect("->")?;
        let returns = Returns::Type(reader.ty()?);
        match reader.rest.trim_start() {
            "" => Ok(Signature { params, variadic, returns }),
            _ => Err(reader.error("the end")),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn error(&self, expected: &'static str) -> SignatureTextError {
        let rest = self.rest.to_string();
        SignatureTextError { text: self.text.to_string(), expected, rest }
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

    fn expect(&mut self, token: &'static str) -> Result<(), SignatureTextError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(token)) }
    }

    fn word(&mut self, expected: &'static str) -> Result<&'a str, SignatureTextError> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error(expected));
        }
        self.rest = &rest[end..];
        Ok(&rest[..end])
    }

    fn ty(&mut self) -> Result<ParamType, SignatureTextError> {
        let word = self.word("a type")?;
        Ok(match word {
            "INT" => ParamType::Sql(SqlType::Integer),
            "BIGINT" => ParamType::Sql(SqlType::Bigint),
            "DOUBLE" => ParamType::Sql(SqlType::Double),
            "BOOLEAN" => ParamType::Sql(SqlType::Boolean),
            "VARCHAR" | "STRING" => ParamType::Sql(SqlType::String),
            "BYTES" => ParamType::Sql(SqlType::Bytes),
            "DATE" => ParamType::Sql(SqlType::Date),
            "TIME" => ParamType::Sql(SqlType::Time),
            "TIMESTAMP" => ParamType::Sql(SqlType::Timestamp),
            "DECIMAL" => ParamType::Decimal,
            "INTERVALUNIT" => ParamType::IntervalUnit,
            "ANY" => ParamType::Any,
            "ARRAY" => {
                self.expect("<")?;
                let element = self.ty()?;
                self.expect(">")?;
                ParamType::Array(Box::new(element))
            }
            "MAP" => {
                self.expect("<")?;
                let key = self.ty()?;
                self.expect(",")?;
                let value = self.ty()?;
                self.expect(">")?;
                ParamType::Map(Box::new(key), Box::new(value))
            }
            "STRUCT" if self.eat("<") => {
                let mut fields = Vec::new();
                while !self.eat(">") {
                    if !fields.is_empty() {
                        self.expect(",")?;
                    }
                    let name = self.word("a field's name")?;
                    let ParamType::Sql(ty) = self.ty()? else {
                        return Err(self.error("a plain type of a field"));
                    };
                    fields.push(Field::new(name, ty));
                }
                ParamType::Sql(SqlType::Struct(fields))
            }
            "STRUCT" => ParamType::AnyStruct,
            "LAMBDA" => {
                self.expect("(")?;
                let mut params = vec![self.ty()?];
                while self.eat(",") {
                    params.push(self.ty()?);
                }
                self.expect(")")?;
                self.expect("=>")?;
                ParamType::Lambda(params, Box::new(self.ty()?))
            }
            letter if letter.len() == 1 => ParamType::Generic(letter.to_string()),
            _ => return Err(self.error("a type")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_shown() {
        let check = |text: &str, shown: &str| {
            let signature = Signature::parse(text).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(signature.describe("F"), shown);
        };
        check("F() -> DOUBLE", "F()");
        check("F(a ARRAY<T>, b T...) -> MAP<VARCHAR,T>", "F(a ARRAY<T>, b T[])");
        let lambda = "F(list ARRAY<T>, s S, f LAMBDA (S,T)=>S) -> S";
        check(lambda, "F(list ARRAY<T>, s S, f LAMBDA (S, T) => S)");
        check("F(u INTERVALUNIT, d DATE) -> STRUCT<K STRING, V INT>", "F(u INTERVALUNIT, d DATE)");
        assert!(Signature::parse("F(a) -> INT").is_err());
        assert!(Signature::parse("F(a INT)").is_err());
        assert!(Signature::parse("F(a INT) -> NUMBER").is_err());
    }
}
