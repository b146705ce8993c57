//! The cities' pipelines: every statement is understood, alone and with all cities in one server,
//! and the views have the columns that `cities/README.md` promises to the bot and the dashboard.

use std::fs;
use std::path::PathBuf;

use crate::support::{Environment, Script};

fn read(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cities").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Runs the views of all cities, then these cities' pipelines.
fn server(cities: &[&str]) -> Script {
    let mut script = Script::new(Environment::default());
    let mut run = |path: &str| {
        script.run(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    };
    run("interface.sql");
    cities.iter().for_each(|city| run(&format!("{city}/pipeline.sql")));
    script
}

#[test]
fn every_statement_of_every_city_is_understood() {
    for city in ["jersey", "bradford", "leeds"] {
        server(&[city]);
    }
    server(&["jersey", "bradford", "leeds"]);
}

#[test]
fn the_views_have_the_columns_that_are_promised() {
    let script = server(&[]);
    let check = |name: &str, expect: &str| {
        let source = script.catalog.sources.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(source.schema.to_string(), expect, "{name}");
    };
    check(
        "PARKING_NOW",
        "`NAME` STRING KEY, `CITY` STRING, `TS` BIGINT, `FREE` INTEGER, `FREE_RAW` INTEGER, \
         `CAPACITY` INTEGER, `PCT_FULL` DOUBLE, `STATUS` STRING, `FLAG` STRING, \
         `LATITUDE` DOUBLE, `LONGITUDE` DOUBLE, `DIRECTIONS_URL` STRING, `FREE_BEFORE` INTEGER, \
         `FREE_PREVIOUS` INTEGER",
    );
    check(
        "PARKING_HISTORY",
        "`NAME` STRING KEY, `FREE_AVG` DOUBLE, `FREE_MIN` INTEGER, `FREE_MAX` INTEGER, \
         `READINGS` BIGINT, `CAPACITY` INTEGER",
    );
    check(
        "SUBSCRIPTION",
        "`ID` STRING KEY, `CHAT` BIGINT, `NAME` STRING, `DIRECTION` STRING, `THRESHOLD` INTEGER, \
         `ACTIVE` BOOLEAN, `LABEL` STRING, `SINCE` BIGINT, `REARM` INTEGER",
    );
    check("BOT_STATE", "`NAME` STRING KEY, `POSITION` BIGINT");
    let columns = |name: &str| {
        let schema = &script.catalog.sources[name].schema;
        schema.columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect::<Vec<_>>()
    };
    assert_eq!(columns("ALERT"), columns("ALERT_EDGES"));
    assert_eq!(columns("ALERT_SIGNALS"), columns("ALERT_CROSSINGS"));
}

#[test]
fn the_talks_script_still_fits_beside_bradford() {
    // What somebody who follows the talk types there: its names are taken, by its own statements.
    let mut script = server(&["bradford"]);
    script
        .run("SELECT NAME, LATEST_TS, CURRENT_EMPTY_PLACES FROM CARPARK WHERE NAME='Westgate';")
        .expect("the talk's table is there");
}
