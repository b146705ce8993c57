//! Configurations read against a made-up list of keys.

use super::*;

const KEYS: &[Key] = &[
    Key { name: "url", kind: Kind::Text, fallback: Fallback::Required, help: "Where it is." },
    Key {
        name: "every",
        kind: Kind::Duration,
        fallback: Fallback::Value("3m"),
        help: "How often.",
    },
    Key { name: "size", kind: Kind::Size, fallback: Fallback::Value("1kB"), help: "How much." },
    Key { name: "pw", kind: Kind::Secret, fallback: Fallback::Absent, help: "Who." },
    Key { name: "header.*", kind: Kind::Secret, fallback: Fallback::Absent, help: "More." },
    Key { name: "way", kind: Kind::Choice(&["up", "down"]), fallback: Fallback::Absent, help: "" },
    Key { name: "keep", kind: Kind::List, fallback: Fallback::Absent, help: "" },
    Key { name: "times", kind: Kind::Integer(1, 9), fallback: Fallback::Absent, help: "" },
    Key { name: "on", kind: Kind::Flag, fallback: Fallback::Value("true"), help: "" },
];

fn properties(pairs: &[(&str, &str)]) -> Properties {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
    let environment = |name: &str| (name == "PW").then(|| "hunter2".to_owned());
    Settings::read(KEYS, &properties(pairs), &environment).map_err(|error| error.to_string())
}

fn check_error(pairs: &[(&str, &str)], expect: &str) {
    let error = read(pairs).expect_err("it must be refused");
    assert!(error.contains(expect), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn values_have_types_and_defaults() {
    let settings = read(&[
        ("url", "http://x"),
        ("pw", "${env:PW}"),
        ("header.X-Key", "k"),
        ("keep", "date, name"),
        ("way", "UP"),
    ])
    .expect("it is right");
    assert_eq!(settings.text("url"), "http://x");
    assert_eq!(settings.duration("every"), Duration::from_secs(180));
    assert_eq!(settings.number("size"), 1024);
    assert_eq!(settings.secret("pw").expect("it is given").reveal(), "hunter2");
    assert_eq!(settings.prefixed("header."), [("X-Key".to_owned(), Secret::new("k"))]);
    assert_eq!(settings.list("keep"), ["date", "name"]);
    assert_eq!(settings.text("way"), "up");
    assert!(settings.flag("on"));
    assert!(settings.optional("times").is_none());
}

#[test]
fn every_error_names_the_key() {
    check_error(&[], "'url': is needed: Where it is.");
    check_error(
        &[("url", "x"), ("evry", "3m")],
        "'evry': there is no such key; did you mean 'every'?",
    );
    check_error(&[("url", "x"), ("something", "3m")], "there are url, every");
    check_error(&[("url", "x"), ("header.", "3m")], "'header.': there is no such key");
    check_error(&[("url", "x"), ("every", "180")], "'every': \"180\" is not a time with its unit");
    check_error(&[("url", "x"), ("every", "-3m")], "'every'");
    check_error(&[("url", "x"), ("size", "0")], "'size'");
    check_error(&[("url", "x"), ("way", "left")], "'way': \"left\" is not one of up, down");
    check_error(&[("url", "x"), ("times", "10")], "from 1 to 9");
    check_error(&[("url", "x"), ("on", "yes")], "'on': \"yes\" is not true or false");
    check_error(&[("url", "x"), ("keep", "a,,b")], "'keep'");
    check_error(&[("url", "x"), ("way", "${env:PW}")], "'way': \"${env:PW}\" is not one of");
    check_error(&[("url", "x"), ("pw", "${env:GONE}")], "environment variable GONE is not set");
}

#[test]
fn secrets_are_hidden_and_references_kept() {
    let shown = redacted(
        KEYS,
        &properties(&[
            ("url", "http://x/?day=1&api_key=hunter2&token=${env:TOKEN}"),
            ("pw", "hunter2"),
            ("header.Authorization", "${env:TOKEN}"),
            ("header.X-Key", "Bearer ${env:TOKEN}"),
            ("api.token", "hunter2"),
        ]),
    );
    let shown: Vec<_> = shown.iter().map(|(name, text)| format!("{name}={text}")).collect();
    let expect = [
        "url=http://x/?day=1&api_key=********&token=${env:TOKEN}",
        "pw=********",
        "header.Authorization=${env:TOKEN}",
        "header.X-Key=********",
        "api.token=********",
    ];
    assert_eq!(shown, expect);
}

#[test]
fn times_and_sizes_are_read_with_their_units() {
    let check = |text, expect| assert_eq!(parse_duration(text), expect, "{text}");
    check("500ms", Some(Duration::from_millis(500)));
    check("1.5 s", Some(Duration::from_millis(1500)));
    check("3m", Some(Duration::from_secs(180)));
    check("2h", Some(Duration::from_secs(7200)));
    check("1e9s", None);
    check("", None);
    check("99999999999999999999d", None);
    assert_eq!(parse_size("16MB"), Some(16 << 20));
    assert_eq!(parse_size("65536"), Some(65536));
    assert_eq!(parse_size("1 light-year"), None);
}

#[test]
fn the_reference_lists_every_key() {
    let page = reference(KEYS);
    assert!(KEYS.iter().all(|key| page.contains(&format!("| `{}` |", key.name))), "{page}");
}
