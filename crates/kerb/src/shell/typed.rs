//! What is typed, line by line, becomes statements and the shell's own few words.

use sql::lexer::Unclosed;

/// Lines that are not a whole statement yet.
#[derive(Default)]
pub(crate) struct Typed(String);

/// What a line comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// More is to come.
    Nothing,
    /// These statements, each with its semicolon.
    Statements(Vec<String>),
    /// `help`
    Help,
    /// `exit`
    Leave,
    /// A word with a backslash that means nothing.
    Unknown(String),
}

impl Typed {
    /// Takes a line in.
    pub(crate) fn line(&mut self, line: &str) -> Said {
        if self.0.is_empty() {
            let word = line.trim().trim_end_matches(';').trim_end().to_ascii_lowercase();
            match word.as_str() {
                "" => return Said::Nothing,
                "exit" | "quit" | "\\q" | "\\quit" => return Said::Leave,
                "help" | "\\h" | "\\?" | "\\help" => return Said::Help,
                _ if word.starts_with('\\') => return Said::Unknown(line.trim().to_owned()),
                _ => {}
            }
        }
        self.0.push_str(line);
        self.0.push('\n');
        // Most lines of a long statement need no second look at all of it.
        if !line.contains(';') {
            return Said::Nothing;
        }
        let pieces = sql::parser::split_statements(&self.0);
        let Some(last) = pieces.complete.last() else { return Said::Nothing };
        let complete = pieces.complete.iter().map(|span| self.0[span.start..span.end].to_owned());
        let said = Said::Statements(complete.collect());
        self.0 = match pieces.rest {
            Some(_) => self.0[last.end..].trim_start().to_owned(),
            // A comment behind the last semicolon, or nothing.
            None => String::new(),
        };
        said
    }

    /// What is left at the end: it may go without its semicolon.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        statements(&std::mem::take(&mut self.0))
    }

    /// Drops what is not whole.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What to show before the next line: it tells what must be closed first.
    pub(crate) fn prompt(&self) -> &'static str {
        if self.0.is_empty() {
            return "kerb> ";
        }
        match sql::parser::split_statements(&self.0).rest.and_then(|rest| rest.unclosed) {
            None => "  ... ",
            Some(Unclosed::Text) => "  '.. ",
            Some(Unclosed::Name) => "  `.. ",
            Some(Unclosed::Comment) => "  /*. ",
        }
    }
}

/// The statements of a script, each with its semicolon; the last may go without.
pub(crate) fn statements(script: &str) -> Vec<String> {
    let pieces = sql::parser::split_statements(script);
    let complete = pieces.complete.iter().map(|span| script[span.start..span.end].to_owned());
    let rest = pieces.rest.map(|rest| {
        let text = &script[rest.span.start..rest.span.end];
        match rest.unclosed {
            None => format!("{text};"),
            Some(_) => text.to_owned(),
        }
    });
    complete.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expect: &[&str], prompt: &str) {
        let mut typed = Typed::default();
        let mut all = Vec::new();
        for line in lines {
            if let Said::Statements(mut statements) = typed.line(line) {
                all.append(&mut statements);
            }
        }
        assert_eq!(
            (all.iter().map(String::as_str).collect::<Vec<_>>(), typed.prompt()),
            (expect.to_vec(), prompt)
        );
    }

    #[test]
    fn statements_end_with_a_semicolon() {
        check(
            &["SHOW", "TABLES; SHOW", "TOPICS ;"],
            &["SHOW\nTABLES;", "SHOW\nTOPICS ;"],
            "kerb> ",
        );
        check(&["SELECT ';", "';"], &["SELECT ';\n';"], "kerb> ");
        check(&["", "A; -- a remark"], &["A;"], "kerb> ");
    }

    #[test]
    fn the_prompt_tells_what_is_open() {
        check(&["SHOW"], &[], "  ... ");
        check(&["SELECT 'a;"], &[], "  '.. ");
        check(&["A; SELECT `a;"], &["A;"], "  `.. ");
        check(&["/* a;"], &[], "  /*. ");
    }

    #[test]
    fn words_of_the_shell_stand_alone() {
        let mut typed = Typed::default();
        for leave in ["exit", " QUIT; ", "\\q", "\\q;"] {
            assert_eq!(typed.line(leave), Said::Leave, "{leave}");
        }
        assert_eq!(typed.line("\\?"), Said::Help);
        assert_eq!(typed.line("\\dt"), Said::Unknown("\\dt".into()));
        assert_eq!(typed.line("SELECT"), Said::Nothing);
        assert_eq!(typed.line("exit"), Said::Nothing, "a column's name, perhaps");
        assert_eq!(typed.rest(), ["SELECT\nexit;"]);
    }

    #[test]
    fn what_is_not_closed_gets_no_semicolon() {
        assert_eq!(statements("A; SELECT 'x"), ["A;", "SELECT 'x"]);
        assert_eq!(statements("A; SELECT x"), ["A;", "SELECT x;"]);
    }
}
