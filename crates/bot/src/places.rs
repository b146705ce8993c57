//! Finding a car park by what somebody typed, and how far away one is.

use crate::reply::Location;

/// How alike (0 to 1, Jaro-Winkler) a name must be to what was typed to count as a typing error.
const TYPO_SIMILARITY_MIN: f64 = 0.88;
/// How alike it must be to be worth suggesting.
const SUGGESTION_SIMILARITY_MIN: f64 = 0.65;
/// Shorter words of a sentence are not compared with those of names.
const WORD_CHARS_MIN: usize = 4;
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
/// then a sentence with the whole name in it, then small typing errors.
pub fn find<S: AsRef<str>>(names: &[S], typed: &str) -> Match {
    let wanted = simplified(typed);
    let simple: Vec<String> = names.iter().map(|n| simplified(n.as_ref())).collect();
    if wanted.is_empty() {
        return Match::None(Vec::new());
    }
    let words: Vec<&str> = wanted.split(' ').collect();
    let sentence = format!(" {wanted} ");
    let tests: [&dyn Fn(&str) -> bool; 5] = [
        &|name| name == wanted,
        &|name| name.starts_with(&wanted),
        &|name| words.iter().all(|w| name.split(' ').any(|part| part.starts_with(w))),
        &|name| !name.is_empty() && sentence.contains(&format!(" {name} ")),
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
        .map(|i| (similarity(&simple[i], &wanted).max(best_word(&simple[i], &words)), i))
        .filter(|(s, _)| *s >= SUGGESTION_SIMILARITY_MIN)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    Match::None(near.into_iter().take(OFFERED_MAX).map(|(_, i)| i).collect())
}

/// Is this name what was typed, letter for letter?
pub fn is_named(name: &str, typed: &str) -> bool {
    simplified(name) == simplified(typed)
}

/// How alike a name is to what was typed: as a whole, or in one of its words.
fn similarity(name: &str, wanted: &str) -> f64 {
    let whole = strsim::jaro_winkler(name, wanted);
    long_words(name).map(|w| strsim::jaro_winkler(w, wanted)).fold(whole, f64::max)
}

/// How alike the most alike words of a name and of a sentence are; 0 if that may be chance.
fn best_word(name: &str, sentence: &[&str]) -> f64 {
    let best =
        |word: &str| long_words(name).map(|w| strsim::jaro_winkler(w, word)).fold(0.0, f64::max);
    let sentence = sentence.iter().filter(|word| word.len() >= WORD_CHARS_MIN);
    let best = sentence.map(|word| best(word)).fold(0.0, f64::max);
    if best >= TYPO_SIMILARITY_MIN { best } else { 0.0 }
}

fn long_words(name: &str) -> impl Iterator<Item = &str> {
    name.split(' ').filter(|word| word.len() >= WORD_CHARS_MIN)
}

/// Is this a part of a word? Pictures of letters, such as the sign for parking, are none.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !('\u{1F000}'..='\u{1FAFF}').contains(&c)
}

/// Lower case, letters and digits only, single blanks; "Saint" is "st", "street" is "st" as well.
fn simplified(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if is_letter(c) {
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

/// Reads `49.18,-2.1`, `49.18; -2.1`, `49.18N 2.1W`; `None` if it is no place on earth.
pub fn parse_location(text: &str) -> Option<Location> {
    let mut parts = text.split([',', ';', ' ']).filter(|part| !part.is_empty());
    let (latitude, longitude) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Location::new(degrees(latitude, 'N', 'S')?, degrees(longitude, 'E', 'W')?)
}

/// Reads `2.1`, `-2.1`, `2.1°` and, where west is negative, `2.1W`.
fn degrees(text: &str, positive: char, negative: char) -> Option<f64> {
    let upper = text.to_uppercase();
    let (number, sign) = match (upper.strip_suffix(positive), upper.strip_suffix(negative)) {
        (Some(number), _) => (number, 1.0),
        (_, Some(number)) => (number, -1.0),
        (None, None) => (upper.as_str(), 1.0),
    };
    let number: f64 = number.trim_end_matches('°').parse().ok()?;
    Some(number * sign)
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
        check("🅿️ pier road", Match::One(5));
        check("Is there space in Pier Road?", Match::One(5));
        check("sand street or green street", Match::Several(vec![1, 6]));
        check("'; DROP TABLE CARPARK; --", Match::None(vec![]));
        assert!(matches!(find(&NAMES, "gren stret"), Match::One(1)));
    }

    #[test]
    fn what_is_unknown_gets_the_nearest_names() {
        let Match::None(near) = find(&NAMES, "Mander Palace") else { panic!("no match") };
        assert!(near.contains(&3), "{near:?}");
        check("is there space at minden?", Match::None(vec![3]));
        check("🚗", Match::None(vec![]));
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
        let west = parse_location("49.18°N; 2.1W");
        assert_eq!(west, Some(Location { latitude: 49.18, longitude: -2.1 }));
        assert!(parse_location("49.18,-2.1 20").is_none());
        assert!(parse_location("149.18,-2.1").is_none());
        assert!(parse_location("here").is_none());
        assert!(parse_location("NaN,NaN").is_none());
    }
}
