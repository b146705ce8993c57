//! `help` in the shell.

/// What `help` prints.
pub(crate) const HELP: &str = "\
Statements end with a semicolon and may span lines.
  SHOW STREAMS; SHOW TABLES; SHOW TOPICS; SHOW QUERIES; SHOW CONNECTORS; SHOW FUNCTIONS;
  DESCRIBE name [EXTENDED];  DESCRIBE FUNCTION name;  EXPLAIN statement;
  SELECT … FROM name WHERE key = …;        a view's rows as they are now
  SELECT … FROM name EMIT CHANGES;         every change as it comes; Ctrl-C ends it
  PRINT 'topic' FROM BEGINNING LIMIT 5;    what is in a topic
  SET 'auto.offset.reset' = 'earliest';    read from the beginning, for this session
  DEFINE name = 'value';                   then ${name} stands for it
  RUN SCRIPT 'file';
Also: help or \\?, exit or \\q (or Ctrl-D). Ctrl-C drops what is typed.
";

/// What is said to a word with a backslash that means nothing here.
pub(crate) fn unknown(word: &str) -> String {
    format!("there is no {word} here; help tells what there is, SHOW TABLES; lists tables")
}
