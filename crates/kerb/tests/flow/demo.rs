//! `kerb demo` against answers worked out from the recording by other means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::program::{Directory, err, kerb, out, run, run_command};

/// The moment at which the demo starts; see `cities/jersey/city.toml`.
const START: &str = "2024-11-08 08:15:00";

fn recorded(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cities/jersey/recorded");
    std::fs::read_to_string(folder.join(file)).expect("the recording")
}

/// Name to free spaces and time of day, of the newest row at the start.
fn free_at_start() -> BTreeMap<String, (i64, String)> {
    let text = recorded("parking-spaces.csv");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a header").split(',').skip(1).collect();
    let mut newest: BTreeMap<String, (i64, String)> = BTreeMap::new();
    let mut newest_stamp: BTreeMap<&str, String> = BTreeMap::new();
    for line in lines {
        let mut cells = line.split(',');
        let stamp = cells.next().expect("a time").to_string();
        if stamp.as_str() > START {
            continue;
        }
        for (name, cell) in names.iter().zip(cells) {
            let Ok(free) = cell.trim().parse() else { continue };
            if newest_stamp.get(name).is_none_or(|known| *known < stamp) {
                newest_stamp.insert(name, stamp.clone());
                newest.insert((*name).to_string(), (free, stamp[11..16].to_string()));
            }
        }
    }
    newest
}

struct Place {
    capacity: i64,
    latitude: f64,
    longitude: f64,
}

fn places() -> BTreeMap<String, Place> {
    let document: serde_json::Value =
        serde_json::from_str(&recorded("carparks.json")).expect("JSON");
    let results = document["results"].as_array().expect("results");
    let counted = results.iter().filter(|r| !r["liveTrackingCode"].is_null());
    counted
        .map(|r| {
            let name = r["name"].as_str().expect("a name").replace(" MS", "");
            let place = Place {
                capacity: r["spaces"].as_i64().expect("spaces"),
                latitude: r["latitude"].as_f64().expect("latitude"),
                longitude: r["longitude"].as_f64().expect("longitude"),
            };
            (name, place)
        })
        .collect()
}

/// On a plane: good enough for some kilometres, and not the bot's own formula.
fn distance(place: &Place, latitude: f64, longitude: f64) -> f64 {
    let north = (place.latitude - latitude) * 111_195.0;
    let east = (place.longitude - longitude) * 111_195.0 * latitude.to_radians().cos();
    north.hypot(east)
}

#[tokio::test]
async fn the_demo_answers_what_the_recording_says() {
    let here = (49.1858, -2.1100);
    let input = format!(
        "Pier Road\nminden\n/nearest {},{}\n/history Pier Road\n/alert pier below 5\n/alerts\n\
         '; DROP TABLE PARKING_NOW; --\nPier Road\n",
        here.0, here.1
    );
    // So slow that the clock of the data all but stands still.
    let output = run(&["demo", "--speed", "0.001", "--listen", "127.0.0.1:0"], &input).await;
    let answers = out(&output);
    assert!(output.status.success(), "{answers}");

    let (free, places) = (free_at_start(), places());
    let said = |name: &str| {
        let (spaces, _) = &free[name];
        format!("{name}: {spaces} of {} spaces free", places[name].capacity)
    };
    for name in ["Pier Road", "Minden Place"] {
        assert!(answers.contains(&said(name)), "{} is missing in\n{answers}", said(name));
        let counted = format!("Counted at {}", free[name].1);
        assert!(answers.contains(&counted), "{counted} is missing in\n{answers}");
    }

    let mut near: Vec<(&String, f64)> = places
        .iter()
        .filter(|(name, _)| free.get(*name).is_some_and(|(spaces, _)| *spaces >= 5))
        .map(|(name, place)| (name, distance(place, here.0, here.1)))
        .collect();
    near.sort_by(|a, b| a.1.total_cmp(&b.1));
    let at = |text: &str| answers.find(text).unwrap_or_else(|| panic!("{text} in\n{answers}"));
    let order: Vec<usize> = (0..3).map(|i| at(&format!("{}. {}, ", i + 1, near[i].0))).collect();
    assert!(order.is_sorted(), "{answers}");

    assert!(answers.contains("fewer than 5 spaces free in Pier Road"), "{answers}");
    assert!(answers.contains("Picture: "), "{answers}");
    assert!(answers.contains("I do not know a car park of that name"), "{answers}");
    // What was typed as SQL was a name, and the view is still there: the first answer, the chart's
    // words, the alert's, and the last answer.
    assert_eq!(answers.matches(&said("Pier Road")).count(), 4, "{answers}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_no_obstacle_and_a_free_one_is_taken_as_asked() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let elsewhere = run(&["demo", "--listen", &address], "").await;
    assert!(elsewhere.status.success(), "{}", err(&elsewhere));
    assert!(err(&elsewhere).contains("is taken"), "{}", err(&elsewhere));
    drop(taken);
    let there = run(&["demo", "--listen", &address], "").await;
    assert!(there.status.success(), "{}", err(&there));
    assert!(err(&there).contains(&format!("http://{address}")), "{}", err(&there));
}

#[tokio::test]
async fn a_demo_that_goes_on_plays_nothing_twice() {
    let directory = Directory::new("demo-again");
    let data = directory.path("data");
    for _ in 0..2 {
        let arguments = ["demo", "--speed", "600", "--data", &data, "--listen", "127.0.0.1:0"];
        let output = run(&arguments, "Pier Road\n").await;
        assert!(output.status.success() && out(&output).contains("Pier Road: "), "{output:?}");
    }
    let arguments = ["consume", "jersey_spaces", "--data", &data, "--from", "beginning", "--exit"];
    let all = out(&run(&arguments, "").await);
    let rows: Vec<&str> = all.lines().collect();
    let different: BTreeSet<&str> = rows.iter().copied().collect();
    assert!(rows.len() > 1000, "{}", rows.len());
    assert_eq!(rows.len(), different.len());
}

#[cfg(unix)]
#[tokio::test]
async fn pictures_stay_in_a_directory_of_the_demos_own_and_the_rest_goes() {
    use std::os::unix::fs::PermissionsExt;

    let temporary = Directory::new("demo-pictures");
    let demo = async |input| {
        let mut command = kerb(&["demo", "--listen", "127.0.0.1:0"]);
        command.env("TMPDIR", &temporary.0);
        run_command(command, input).await
    };
    let left = || {
        let left = std::fs::read_dir(&temporary.0).expect("a directory");
        left.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    assert!(demo("pier\n").await.status.success());
    assert!(left().is_empty(), "{:?}", left());

    let output = demo("/history pier\n").await;
    assert!(output.status.success());
    let [own] = &left()[..] else { panic!("one directory, not {:?}", left()) };
    let mode = std::fs::metadata(own).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let picture = own.join("charts");
    assert!(out(&output).contains(&format!("Picture: {}/", picture.display())), "{output:?}");
    assert!(err(&output).contains(&format!("The charts are in {}", picture.display())));
    assert_eq!(std::fs::read_dir(&picture).expect("charts").count(), 1);
    assert!(!own.join("data").exists());
}
