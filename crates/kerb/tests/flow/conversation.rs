//! What the bot says, word for word: `conversation.txt` holds questions (lines that begin with `>
//! `) and what the demo answers. With `ACCEPT=1` in the environment what came out is written.

use std::path::Path;

use crate::program::{Directory, out, run};

/// What a line that is too long is answered: it stands between the answers.
const TOO_LONG: &str = "That is too long for me. Send a car park's name, or /help.\n";

/// The transcript of these questions, by a demo whose data all but stands still.
async fn transcript(questions: &[&str]) -> String {
    let between = "=".repeat(5000);
    let lines = questions.iter().map(|question| format!("{question}\n{between}\n"));
    let input: String = lines.collect();
    let directory = Directory::new("conversation");
    let data = directory.path("data");
    let arguments = ["demo", "--speed", "0.001", "--data", &data, "--listen", "127.0.0.1:0"];
    let output = run(&arguments, &input).await;
    assert!(output.status.success());
    // Where pictures are is this machine's affair.
    let answers = out(&output).replace(&data, "DATA");
    let answers: Vec<&str> = answers.split_terminator(TOO_LONG).collect();
    assert_eq!(answers.len(), questions.len(), "an answer for each question");
    let pairs = questions.iter().zip(answers);
    pairs.map(|(question, answer)| format!("> {question}\n{answer}\n")).collect()
}

#[tokio::test]
async fn the_conversation_is_as_it_was_agreed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flow/conversation.txt");
    let agreed = std::fs::read_to_string(&path).expect("conversation.txt");
    let questions: Vec<&str> = agreed.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    let said = transcript(&questions).await;
    if std::env::var_os("ACCEPT").is_some() {
        std::fs::write(&path, said).expect("written");
        return;
    }
    for (agreed, said) in agreed.split("\n> ").zip(said.split("\n> ")) {
        assert_eq!(said, agreed, "if this is better, run the test with ACCEPT=1");
    }
}

#[tokio::test]
async fn any_length_and_any_byte_is_answered() {
    let input = format!("{}\n\n   \n{}\n/help\n", "a".repeat(5000), "🚗".repeat(100));
    let output = run(&["demo", "--listen", "127.0.0.1:0"], &input).await;
    assert!(output.status.success());
    let answers = out(&output);
    assert!(answers.starts_with(TOO_LONG), "{answers}");
    assert!(answers.contains("I do not know a car park of that name"), "{answers}");
    assert!(answers.contains("/history NAME [day | week]"), "{answers}");
}
