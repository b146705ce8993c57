//! The cities of this project, with all their files, in the order they are offered.

/// A file by its path within the city's folder.
type File = (&'static str, &'static [u8]);

macro_rules! city {
    ($name:literal, $($file:literal),+) => {
        ($name, &[$(($file, include_bytes!(concat!("../../../../cities/", $name, "/", $file)))),+])
    };
}

static CITIES: &[(&str, &[File])] = &[
    city!(
        "jersey",
        "city.toml",
        "pipeline.sql",
        "recorded/carparks.json",
        "recorded/parking-spaces.csv"
    ),
    city!("bradford", "city.toml", "pipeline.sql"),
    city!("leeds", "city.toml", "pipeline.sql"),
];

pub(super) fn files(name: &str) -> Option<&'static [File]> {
    CITIES.iter().find(|(other, _)| *other == name).map(|(_, files)| *files)
}

pub(super) fn names() -> Vec<&'static str> {
    CITIES.iter().map(|(name, _)| *name).collect()
}
