//! Cities read from texts, and those of this project.

use std::sync::Arc;

use super::*;

const PIPELINE: &str = "SELECT 1;";
const GOOD: &str = r#"title = "Test"
zone = "Europe/London"
centre = { latitude = 53.8, longitude = -1.5 }
attribution = "Test Council"
licence = "OGL"
pipeline = "pipeline.sql"

[feed.spaces]
connector.class = "http"
url = "http://x/"
topic = "spaces"
format = "csv"
csv.unpivot = ["date", "time"]
auth.user = "${env:USER_OF_X}"
document.max = 1000
"#;

fn environment() -> Environment {
    Arc::new(|name: &str| (name == "USER_OF_X").then(|| "me".to_owned()))
}

fn read(text: &str) -> Result<City, CityError> {
    let files = |path: &str| match path {
        "city.toml" => Ok(text.as_bytes().to_vec()),
        "pipeline.sql" => Ok(PIPELINE.as_bytes().to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    City::read("test", "cities/test", &files, &environment())
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_text() {
    let files = |path: &str| match path {
        "city.toml" => Ok(format!("\u{feff}{GOOD}").into_bytes()),
        _ => Ok(format!("\u{feff}{PIPELINE}").into_bytes()),
    };
    let city = City::read("test", "cities/test", &files, &environment()).expect("it is right");
    assert_eq!((&*city.title, &*city.pipeline.text), ("Test", PIPELINE));
}

fn check_error(from: &str, to: &str, expect: &str) {
    assert!(GOOD.contains(from), "{from}");
    let error = read(&GOOD.replacen(from, to, 1)).expect_err("it is refused").to_string();
    assert!(error.starts_with("cities/test/"), "{error}");
    assert!(error.contains(expect), "{error}");
}

#[test]
fn a_city_is_read_with_its_feeds() {
    let city = read(GOOD).expect("it is right");
    assert_eq!((city.name.as_str(), city.title.as_str()), ("test", "Test"));
    assert_eq!(city.centre, (53.8, -1.5));
    assert_eq!(city.pipeline.text, PIPELINE);
    assert_eq!(city.pipeline.file, "cities/test/pipeline.sql");
    assert!(city.demo.is_none());
    let properties: Vec<_> =
        city.feeds[0].properties.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let expect = [
        "connector.class=http",
        "url=http://x/",
        "topic=spaces",
        "format=csv",
        "csv.unpivot=date,time",
        "auth.user=${env:USER_OF_X}",
        "document.max=1000",
    ];
    assert_eq!(properties, expect);
}

#[test]
fn every_error_names_file_line_and_key() {
    check_error(
        "zone = \"Europe/London\"",
        "zone = \"Europe/Leeds\"",
        ":2: 'zone': \"Europe/Leeds\"",
    );
    check_error("title = \"Test\"", "titel = \"Test\"", ":1: 'titel': there is no such key");
    check_error("title = \"Test\"", "title = 7", ":1: 'title': must be a text in quotes");
    check_error("licence = \"OGL\"\n", "", ":1: 'licence': is needed");
    check_error("latitude = 53.8", "latitude = 153.8", ":3: 'centre.latitude': is not from -90");
    check_error("\"OGL\"", "\"OGL", "city.toml:5: ");
    check_error(
        "format = \"csv\"",
        "format = \"cvs\"",
        ":12: 'feed.spaces.format': \"cvs\" is not one",
    );
    check_error("csv.unpivot", "csv.unpivots", ":13: 'feed.spaces.csv.unpivots': there is no such");
    check_error("topic = \"spaces\"\n", "", ":8: 'feed.spaces.topic': is needed");
    check_error(
        "\"http\"",
        "\"ftp\"",
        ":9: 'feed.spaces.connector.class': no such connector class",
    );
    check_error("USER_OF_X", "PW_OF_X", ":14: 'feed.spaces.auth.user': the environment variable");
    check_error("feed.spaces", "feed.'sp ces'", ":8: 'feed.sp ces': use letters");
    check_error("\"pipeline.sql\"", "\"gone.sql\"", "cities/test/gone.sql");
}

#[test]
fn the_cities_of_this_project_are_right() {
    let all: Environment = Arc::new(|_: &str| Some("x".to_owned()));
    for name in built_in::names() {
        let city = City::built_in(name, &all).expect("it is right");
        assert_eq!(city.name, name);
        assert!(city.pipeline.text.contains("INSERT INTO PARKING_EVENTS"), "{name}");
        assert!(city.pipeline.text.contains(&format!("'{name}' AS CITY")), "{name}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cities").join(name);
        let loaded = City::load(&folder, &all).expect("the folder is right");
        assert_eq!((loaded.name, loaded.feeds), (city.name, city.feeds));
    }
    let jersey = City::built_in("jersey", &all).expect("it is right").data_and_licence();
    assert!(jersey.starts_with("Car park data: Government of Jersey (Open"), "{jersey}");
    assert!(jersey.contains("https://www.gov.je/"), "{jersey}");
    let unknown = City::built_in("atlantis", &all).expect_err("there is none").to_string();
    assert!(unknown.contains("there are jersey, bradford, leeds"), "{unknown}");
}

#[test]
fn a_city_that_needs_an_account_says_which_variable_is_missing() {
    let error = City::built_in("leeds", &environment()).expect_err("no account").to_string();
    assert!(error.contains("'feed.leeds_carparks.auth.user'"), "{error}");
    assert!(error.contains("LEEDS_USER is not set"), "{error}");
}

#[test]
fn the_demo_plays_its_recordings_from_another_server() {
    let city = City::built_in("jersey", &environment()).expect("it is right");
    let demo = city.demo.as_ref().expect("jersey is the demo");
    assert_eq!(demo.start, TimestampMs(1_731_053_700_000));
    assert_eq!(demo.speed, 60.0);
    let feeds = city.demo_feeds("http://127.0.0.1:4711");
    let urls: Vec<_> = feeds.iter().map(|feed| feed.properties["url"].as_str()).collect();
    assert_eq!(
        urls,
        ["http://127.0.0.1:4711/carparks.json", "http://127.0.0.1:4711/parking-spaces.csv"]
    );
    assert_eq!(feeds[0].properties["poll.interval"], "1s");
}
