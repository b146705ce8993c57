//! Finding a car park by what somebody typed, and how far away one is.

use crate::reply::Location;

/// How alike (0 to 1, Jaro-Winkler) a name must be to what was typed to count as a typing error.
const TYPO_SIMILARITY_MIN: f64 = 0.88;
/// How alike it must be to be worth suggesting.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.65;
/// How many names are offered.
const OFFERED_MAX: usize = 6;

/// What a typed name may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// Exactly this one (its position among the names).
    One(usize),
    /// Any of these.
    Several(Vec<usize>),
    /// None; these are the nearest.
    None(Vec<usize>),
}

/// Which of `names` was meant by `typed`: the same letters first, then a beginning, then parts,
/// then small typing errors.
pub fn find<S: AsRef<str>>(names: &[S], typed: &str) -> Match {
    let wanted = simplified(typed);
    let simple: Vec<String> = names.iter().map(|n| simplified(n.as_ref())).collect();
    if wanted.is_empty() {
        return Match::None(Vec::new());
    }
    let words: Vec<&str> = wanted.split(' ').collect();
    let tests: [&dyn Fn(&str) -> bool; 4] = [
        &|name| name == wanted,
        &|name| name.starts_with(&wanted),
        &|name| words.iter().all(|w| name.split(' ').any(|part| part.starts_with(w))),
        &|name| similarity(name, &wanted) >= TYPO_SIMILARITY_MIN,
    ];
    for test in tests {
        let found: Vec<usize> = (0..simple.len()).filter(|i| test(&simple[*i])).collect();
        match found.len() {
            0 => {}
            1 => return Match::One(found[0]),
            _ => return Match::Several(found.into_iter().take(OFFERED_MAX).collect()),
        }
    }
    let mut near: Vec<(f64, usize)> = (0..simple.len())
        .map(|i| (similarity(&simple[i], &wanted), i))
        .filter(|(s, _)| *s >= SUGGESTION_SIMILARITY_MIN)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    Match::None(near.into_iter().take(OFFERED_MAX).map(|(_, i)| i).collect())
}

/// How alike a name is to what was typed: as a whole, or in one of its words.
fn similarity(name: &str, wanted: &str) -> f64 {
    let whole = strsim::jaro_winkler(name, wanted);
    let word = name
        .split(' ')
        .filter(|w| w.len() >= 4)
        .map(|w| strsim::jaro_winkler(w, wanted))
        .fold(0.0, f64::max);
    whole.max(word)
}

/// Lower case, letters and digits only, single blanks; "Saint" is "st", "street" is "st" as well.
fn simplified(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else if c != '\'' && c != '’' && !word.is_empty() {
            words.push(match word.as_str() {
                "street" | "saint" => "st".to_string(),
                "road" => "rd".to_string(),
                _ => std::mem::take(&mut word),
            });
            word.clear();
        }
    }
    words.join(" ")
}

/// The distance of two places in metres along the earth's surface (haversine, mean radius 6,371
/// km).
pub fn distance_m(a: Location, b: Location) -> f64 {
    const EARTH_RADIUS_M: f64 = 6_371_000.0;
    let (lat_a, lat_b) = (a.latitude.to_radians(), b.latitude.to_radians());
    let half_lat = (lat_b - lat_a) / 2.0;
    let half_lon = (b.longitude - a.longitude).to_radians() / 2.0;
    let h = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    2.0 * EARTH_RADIUS_M * h.sqrt().min(1.0).asin()
}

/// Reads `49.18,-2.1` (also with blanks); `None` if it is no place on earth.
pub fn parse_location(text: &str) -> Option<Location> {
    let (latitude, longitude) = text.trim().split_once([',', ' '])?;
    let latitude: f64 = latitude.trim().parse().ok()?;
    let longitude: f64 = longitude.trim().trim_start_matches(',').trim().parse().ok()?;
    let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    on_earth.then_some(Location { latitude, longitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = [
        "Charles Street",
        "Green Street",
        "Les Jardin",
        "Minden Place",
        "Patriotic Street",
        "Pier Road",
        "Sand Street",
    ];

    fn check(typed: &str, expect: Match) {
        assert_eq!(find(&NAMES, typed), expect, "{typed}");
    }

    #[test]
    fn names_are_found_however_typed() {
        check("pier road", Match::One(5));
        check("PIER RD", Match::One(5));
        check("pier", Match::One(5));
        check("jardin", Match::One(2));
        check("mindn place", Match::One(3));
        check("patriotc", Match::One(4));
        check("street", Match::Several(vec![0, 1, 4, 6]));
        check("'; DROP TABLE CARPARK; --", Match::None(vec![]));
        assert!(matches!(find(&NAMES, "gren stret"), Match::One(1)));
    }

    #[test]
    fn what_is_unknown_gets_the_nearest_names() {
        let Match::None(near) = find(&NAMES, "Mander Palace") else { panic!("no match") };
        assert!(near.contains(&3), "{near:?}");
        check("", Match::None(vec![]));
    }

    #[test]
    fn distances_are_those_of_the_map() {
        let london = Location { latitude: 51.5074, longitude: -0.1278 };
        let paris = Location { latitude: 48.8566, longitude: 2.3522 };
        assert!((distance_m(london, paris) - 343_500.0).abs() < 1_000.0);
        assert_eq!(distance_m(paris, paris), 0.0);
    }

    #[test]
    fn places_are_read_and_checked() {
        assert!(parse_location("49.18,-2.1").is_some());
        assert!(parse_location("49.18, -2.1").is_some());
        assert!(parse_location("49.18 -2.1").is_some());
        assert!(parse_location("149.18,-2.1").is_none());
        assert!(parse_location("here").is_none());
        assert!(parse_location("NaN,NaN").is_none());
    }
}
