//! What goes wrong before anything runs is said clearly, with the right exit code.

use crate::program::{Directory, Server, err, kerb, out, run};

#[tokio::test]
async fn wrong_use_is_code_two_and_names_what_is_wrong() {
    let output = run(&["up", "--nonsense"], "").await;
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["up", "--set", "novalue"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("--set"), "{}", err(&output));
    let output = run(&["up", "--set", "foo=bar"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("'foo'"), "{}", err(&output));
    let output = run(&["up", "--set", "auto.offset.reset=erliest"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("earliest or latest"), "{}", err(&output));
    for command in [&["sql"][..], &["topics"], &["consume", "t"], &["produce", "t"]] {
        for server in ["nonsense", "127.0.0.1:8099"] {
            let output = run(&[command, &["--server", server]].concat(), "").await;
            assert_eq!(output.status.code(), Some(2), "{command:?} {server}");
            assert!(err(&output).contains(server), "{}", err(&output));
        }
    }
    for arguments in [&["sql", "--file", "nofile"][..], &["produce", "t", "--file", "nofile"]] {
        let output = run(arguments, "").await;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(err(&output).matches("No such file").count(), 1, "{}", err(&output));
    }
    let output = run(&["demo", "--speed", "-1"], "").await;
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["up", "--server", "http://127.0.0.1:1"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("token"), "{}", err(&output));
    let output = run(&["up", "--server", "http://127.0.0.1:1", "--data", "x"], "").await;
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["sql", "--server", "nowhere", "-e", "SHOW STREAMS;"], "").await;
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("--server: 'nowhere'"), "{}", err(&output));
    let output = run(&["bench", "nonsense"], "").await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_server_of_the_environment_is_no_obstacle_to_a_directory() {
    let directory = Directory::new("environment");
    let data = directory.path("data");
    let made = run(&["produce", "t", "--data", &data], "1\n").await;
    assert!(made.status.success(), "{}", err(&made));
    let mut command = kerb(&["consume", "t", "--data", &data, "--from", "beginning", "--exit"]);
    let output = command.env("KERB_SERVER", "http://127.0.0.1:1").output().await.expect("kerb");
    assert_eq!(out(&output), "1\n", "{}", err(&output));
    let nowhere = run(&["topics", "--data", &directory.path("nowhere")], "").await;
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(err(&nowhere).contains("no such data directory"), "{}", err(&nowhere));
    assert!(!directory.0.join("nowhere").exists(), "looking makes nothing");
}

#[tokio::test]
async fn every_command_has_help() {
    for command in ["demo", "up", "sql", "topics", "produce", "consume", "bench", "test"] {
        let output = run(&[command, "--help"], "").await;
        assert!(output.status.success() && out(&output).contains("Usage"), "{command}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_so() {
    let output = run(&["sql", "--server", "http://127.0.0.1:1", "-e", "SHOW STREAMS;"], "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("no server answers"), "{}", err(&output));
}

#[tokio::test]
async fn a_data_directory_that_is_not_there_is_not_made() {
    let directory = Directory::new("nodir");
    std::fs::create_dir(directory.0.join("empty")).expect("a directory");
    for name in ["nodir", "empty"] {
        let data = directory.path(name);
        for command in [&["topics"][..], &["consume", "t"]] {
            let output = run(&[command, &["--data", &data]].concat(), "x\n").await;
            assert_eq!(output.status.code(), Some(1), "{command:?}");
            let said = err(&output);
            assert!(said.contains("no such data directory") && said.contains(&data), "{said}");
        }
    }
    assert!(!directory.0.join("nodir").exists());
    let files = std::fs::read_dir(directory.0.join("empty")).expect("a directory");
    assert_eq!(files.count(), 0);
}

#[tokio::test]
async fn a_missing_city_is_said_once() {
    let output = run(&["up", "--city", "nocity"], "").await;
    assert_eq!(err(&output).matches("No such file").count(), 1, "{}", err(&output));
}

#[tokio::test]
async fn a_city_that_makes_no_sense_names_file_and_key() {
    let directory = Directory::new("city");
    std::fs::write(directory.0.join("city.toml"), "titel = 'x'\n").expect("written");
    let city = directory.path("");
    let data = directory.path("data");
    let output = run(&["up", "--city", &city, "--data", &data], "").await;
    assert_eq!(output.status.code(), Some(1));
    let said = err(&output);
    assert!(said.contains("city.toml:1") && said.contains("titel"), "{said}");
}

#[tokio::test]
async fn two_processes_cannot_share_a_directory_or_a_port() {
    let directory = Directory::new("twice");
    let data = directory.path("data");
    let server = Server::start(kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"])).await;

    let output = run(&["up", "--data", &data, "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("in use by another kerb process"), "{}", err(&output));

    let address = server.url.trim_start_matches("http://").to_string();
    let other = directory.path("other");
    let output = run(&["up", "--data", &other, "--listen", &address], "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("--listen"), "{}", err(&output));

    assert!(server.terminate().await, "it ends with code 0");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_said_so() {
    let directory = Directory::new("file");
    let file = directory.path("file");
    std::fs::write(&file, "not a directory").expect("written");
    let output = run(&["up", "--data", &file, "--listen", "127.0.0.1:0"], "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("--data"), "{}", err(&output));
}

#[tokio::test]
async fn a_standard_error_that_is_full_stops_nothing() {
    let directory = Directory::new("full");
    let data = directory.path("data");
    let mut command = kerb(&["up", "-vv", "--data", &data, "--listen", "127.0.0.1:0"]);
    command.stderr(std::fs::File::create("/dev/full").expect("the device that is always full"));
    let server = Server::start_telling(command).await;
    let create = "CREATE STREAM S (K INT KEY) WITH (KAFKA_TOPIC='s', FORMAT='JSON', PARTITIONS=1); \
                  INSERT INTO S VALUES (1);";
    let output = run(&["sql", "--server", &server.url, "-e", create], "").await;
    assert!(output.status.success(), "{}", err(&output));
    assert!(server.terminate().await, "it ends with code 0");
}

#[tokio::test]
async fn the_log_is_read_by_readers_at_their_own_pace() {
    let directory = Directory::new("log");
    let data = directory.path("data");
    let server = Server::start(kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"])).await;
    let url = server.url.clone();
    let produced =
        run(&["produce", "t", "--server", &url, "--key-delim", "|"], "a|1\nb|2\n3\n").await;
    assert!(produced.status.success(), "{}", err(&produced));
    let read = async |arguments: &[&str]| {
        let mut all = vec!["consume", "t", "--server", &url, "--exit"];
        all.extend_from_slice(arguments);
        out(&run(&all, "").await)
    };
    assert_eq!(read(&["--group", "slow", "--count", "1"]).await, "1\n");
    assert_eq!(read(&["--group", "fast"]).await, "1\n2\n3\n");
    assert_eq!(read(&["--group", "slow"]).await, "2\n3\n");
    assert_eq!(read(&["--group", "fast"]).await, "");
    assert_eq!(read(&["--from", "beginning"]).await, "1\n2\n3\n", "a third one, later");
    assert_eq!(read(&["--from", "2"]).await, "3\n");
    assert_eq!(read(&["--from", "beginning", "--key-delim", "|"]).await, "a|1\nb|2\n3\n");
    let remark = async |arguments: &[&str]| {
        let mut all = vec!["consume", "t", "--server", &url, "--exit"];
        all.extend_from_slice(arguments);
        let output = run(&all, "").await;
        assert!(output.status.success() && out(&output).is_empty(), "{}", out(&output));
        err(&output)
    };
    let said = remark(&[]).await;
    assert!(said.contains("from its end") && said.contains("the 3 there are"), "{said}");
    let said = remark(&["--from", "99"]).await;
    assert!(said.contains("ends at 3, ahead of 99"), "{said}");
    assert_eq!(remark(&["--from", "end"]).await, "");
    let topics = out(&run(&["topics", "--server", &url, "--json"], "").await);
    assert!(topics.contains("\"topic\":\"t\""), "{topics}");
    assert!(server.terminate().await);
    // And the same from the directory, when no server runs on it.
    let local = run(&["consume", "t", "--data", &data, "--from", "beginning", "--exit"], "").await;
    assert_eq!(out(&local), "1\n2\n3\n");
}

#[tokio::test]
async fn sql_runs_from_the_command_line_and_a_killed_server_remembers() {
    let directory = Directory::new("sql");
    let data = directory.path("data");
    let start = || kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"]);
    let server = Server::start(start()).await;
    let script = "SET 'auto.offset.reset' = 'earliest'; \
        CREATE STREAM S (K VARCHAR KEY, V INT) \
        WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1); \
        CREATE TABLE T AS SELECT K, SUM(V) AS TOTAL FROM S GROUP BY K; \
        INSERT INTO S (K, V) VALUES ('a', 1); INSERT INTO S (K, V) VALUES ('a', 2); \
        SELECT K, V FROM S EMIT CHANGES LIMIT 2;";
    let output = run(&["sql", "--server", &server.url, "--json", "-e", script], "").await;
    assert!(output.status.success(), "{}{}", out(&output), err(&output));
    assert!(
        out(&output).ends_with("{\"K\":\"a\",\"V\":1}\n{\"K\":\"a\",\"V\":2}\n"),
        "{}",
        out(&output)
    );
    server.kill().await;

    let server = Server::start(start()).await;
    let watch = "SELECT K, TOTAL FROM T EMIT CHANGES LIMIT 1;";
    let insert = "INSERT INTO S (K, V) VALUES ('a', 4);";
    let (watched, inserted) = tokio::join!(
        async {
            let arguments = ["sql", "--server", &server.url, "--json", "-e", watch];
            run(&arguments, "").await
        },
        async { run(&["sql", "--server", &server.url, "-e", insert], "").await },
    );
    assert!(inserted.status.success(), "{}", err(&inserted));
    assert!(watched.status.success(), "{}", err(&watched));
    let pull = ["sql", "--server", &server.url, "--json", "-e", "SELECT * FROM S;"];
    assert_eq!(out(&run(&pull, "").await).lines().count(), 3, "no row lost or doubled");
    assert!(server.terminate().await);
}

#[tokio::test]
async fn bad_sql_gets_a_caret() {
    let directory = Directory::new("caret");
    let data = directory.path("data");
    let server = Server::start(kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"])).await;
    let output = run(&["sql", "--server", &server.url, "-e", "SELECT * FORM S;"], "").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains('^'), "{}", err(&output));
    let few = "CREATE STREAM S (A INT, B INT) WITH \
        (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1); INSERT INTO S VALUES (1);";
    let output = run(&["sql", "--server", &server.url, "-e", few], "").await;
    assert!(err(&output).contains('^'), "{}", err(&output));
    let sink = "CREATE SINK CONNECTOR X WITH ('connector.class'='elastic');";
    let output = run(&["sql", "--server", &server.url, "-e", sink], "").await;
    assert!(err(&output).contains("no such connector class"), "{}", err(&output));
    assert!(server.terminate().await);
}

#[tokio::test]
async fn the_servers_own_topics_are_nobody_elses() {
    let directory = Directory::new("internal");
    let data = directory.path("data");
    let server = Server::start(kerb(&["up", "--data", &data, "--listen", "127.0.0.1:0"])).await;
    let steal = "CREATE STREAM X (A VARCHAR) WITH (KAFKA_TOPIC='_kerb_commands', \
        VALUE_FORMAT='JSON', PARTITIONS=1);";
    let output = run(&["sql", "--server", &server.url, "-e", steal], "").await;
    assert!(err(&output).contains("belongs to the server"), "{}", err(&output));
    let output = run(&["produce", "_kerb_commands", "--server", &server.url], "x\n").await;
    assert!(err(&output).contains("belongs to the server"), "{}", err(&output));
    assert!(server.terminate().await);
}
