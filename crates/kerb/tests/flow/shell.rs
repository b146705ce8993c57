//! `kerb sql` as scripts and pipes use it.

use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::program::{Directory, Server, err, kerb, out, run};

/// A stream S of K and V, with these rows.
const SETUP: &str = "SET 'auto.offset.reset' = 'earliest'; \
    CREATE STREAM S (K VARCHAR KEY, V INT) \
    WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1); \
    INSERT INTO S VALUES ('a', 1); INSERT INTO S VALUES ('b', 2);";

async fn server(directory: &Directory) -> Server {
    let data = directory.path("data");
    Server::start(kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"])).await
}

/// The shell with these statements.
async fn execute(server: &Server, statements: &[&str]) -> Output {
    let mut arguments = vec!["sql", "--server", &server.url];
    statements.iter().for_each(|statement| arguments.extend(["-e", statement]));
    run(&arguments, "").await
}

#[tokio::test]
async fn scripts_run_scripts_and_what_they_set_stays() {
    let directory = Directory::new("scripts");
    let server = server(&directory).await;
    let script = directory.path("setup.sql");
    std::fs::write(&script, SETUP).expect("written");
    let outer = directory.path("outer.sql");
    std::fs::write(&outer, format!("RUN SCRIPT '{script}'")).expect("written");
    let run_outer = format!("RUN SCRIPT '{outer}';");
    let output = execute(&server, &[&run_outer, "SELECT V FROM S EMIT CHANGES LIMIT 2;"]).await;
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("Stream created"), "{}", out(&output));

    let endless = directory.path("endless.sql");
    std::fs::write(&endless, format!("RUN SCRIPT '{endless}';")).expect("written");
    let output = execute(&server, &[&format!("RUN SCRIPT '{endless}';")]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("does one run itself?"), "{}", err(&output));
    let output = execute(&server, &["RUN SCRIPT 'nofile';"]).await;
    assert!(err(&output).contains("nofile"), "{}", err(&output));
    assert!(server.terminate().await);
}

#[tokio::test]
async fn what_comes_by_a_pipe_is_run_and_nothing_else_is_said() {
    let directory = Directory::new("piped");
    let server = server(&directory).await;
    let shell = ["sql", "--server", &server.url, "--json"];
    let script = format!("{SETUP}\nSELECT K\nFROM S\nEMIT CHANGES LIMIT 1;\nSELECT V FROM S");
    let output = run(&shell, &script).await;
    assert!(output.status.success(), "{}", err(&output));
    let said = out(&output);
    let rows: Vec<&str> = said.lines().skip(1).collect();
    assert_eq!(rows, ["{\"K\":\"a\"}", "{\"V\":1}", "{\"V\":2}"], "{said}");
    assert_eq!(err(&output), "");

    // The first that fails ends it.
    let output = run(&shell, "DROP STREAM NOSUCH;\nDROP STREAM S;").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(out(&run(&shell, "SHOW STREAMS;").await).contains("\"S\""));
    for leave in ["exit", "\\q", "\\q;"] {
        let output = run(&shell, &format!("{leave}\nDROP STREAM S;\n")).await;
        assert!(output.status.success() && out(&output).is_empty(), "{leave}");
    }
    let output = run(&shell, "\\x\n").await;
    assert!(err(&output).contains("there is no \\x here"), "{}", err(&output));
    assert!(server.terminate().await);
}

#[tokio::test]
async fn values_of_properties_are_checked_at_once() {
    let directory = Directory::new("set");
    let server = server(&directory).await;
    let output = execute(&server, &["SET 'auto.offset.reset' = 'erliest';"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("expected earliest or latest"), "{}", err(&output));
    let output = execute(&server, &["SET 'ksql.pull.queries.enable' = 'yes';"]).await;
    assert!(err(&output).contains("expected true or false"), "{}", err(&output));
    let output = execute(&server, &["SELECT 'never closed"]).await;
    assert!(err(&output).contains("never closed") && !err(&output).contains("closed;"));
    assert!(server.terminate().await);
}

#[tokio::test]
async fn a_server_that_ends_is_an_error_of_those_who_listen() {
    let directory = Directory::new("cut");
    let server = server(&directory).await;
    execute(&server, &[SETUP]).await;
    let ask = |statement| {
        let script = ["sql", "--server", &server.url, "--json", "-e", statement];
        let mut command = kerb(&script);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("kerb starts")
    };
    let earliest = "SET 'auto.offset.reset' = 'earliest'; SELECT V FROM S EMIT CHANGES;";
    let mut children = [ask(earliest), ask("PRINT 's' FROM BEGINNING;")];
    for child in &mut children {
        // Its first row: it is being told.
        let rows = child.stdout.take().expect("standard output");
        let mut rows = BufReader::new(rows).lines();
        rows.next_line().await.expect("a row").expect("one");
        tokio::spawn(async move { while let Ok(Some(_)) = rows.next_line().await {} });
    }
    assert!(server.terminate().await);
    for (mut child, expect) in children.into_iter().zip(["shutting down", "broke off"]) {
        let mut said = String::new();
        let mut errors = child.stderr.take().expect("standard error");
        errors.read_to_string(&mut said).await.expect("text");
        assert_eq!(child.wait().await.expect("its status").code(), Some(1), "{said}");
        assert!(said.contains(expect), "{said}");
    }
}

#[tokio::test]
async fn a_reader_that_goes_ends_it_quietly() {
    let directory = Directory::new("pipe");
    let server = server(&directory).await;
    execute(&server, &[SETUP]).await;
    let url = server.url.as_str();
    let endless = "SET 'auto.offset.reset' = 'earliest'; SELECT V FROM S EMIT CHANGES LIMIT 2; \
        CREATE STREAM AFTERWARDS AS SELECT * FROM S;";
    let commands = [
        &["topics", "--all", "--server", url][..],
        &["consume", "s", "--from", "beginning", "--server", url],
        &["sql", "--json", "--server", url, "-e", endless],
        &["sql", "--server", url, "-e", "SHOW FUNCTIONS;", "-e", "SHOW TOPICS;"],
    ];
    for arguments in commands {
        let mut command = kerb(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("kerb starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().await.expect("kerb ends");
        let said = err(&output);
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
    // What is left to do is done.
    let streams = out(&execute(&server, &["SHOW STREAMS;"]).await);
    assert!(streams.contains("AFTERWARDS"), "{streams}");
    assert!(server.terminate().await);
}
