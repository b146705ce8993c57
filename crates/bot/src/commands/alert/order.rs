//! What somebody orders behind `/alert`, in plain words.

use std::iter::once;

use crate::views::Direction;

/// The threshold if none is given.
pub(super) const SPACES_DEFAULT: i64 = 10;
/// The largest threshold that makes sense.
const SPACES_MAX: i64 = 100_000;

const USAGE: &str = "Say /alert NAME, /alert NAME more than 20, /alert NAME below 5, or /alert 20 \
                     near me.";
const NO_PERCENT: &str = "I count free spaces, not percent: /alert NAME more than 20.";

/// How a direction is said, the longest first.
const FORMS: [(&[&str], Direction); 9] = [
    (&["more", "than"], Direction::Above),
    (&["fewer", "than"], Direction::Below),
    (&["less", "than"], Direction::Below),
    (&["above"], Direction::Above),
    (&["over"], Direction::Above),
    (&[">"], Direction::Above),
    (&["below"], Direction::Below),
    (&["under"], Direction::Below),
    (&["<"], Direction::Below),
];

/// What is ordered.
#[derive(Debug, PartialEq)]
pub(super) enum Order {
    /// To be told of this car park.
    Park {
        /// Its name, as it was typed.
        typed: String,
        /// Which crossing.
        direction: Direction,
        /// Of so many free spaces.
        threshold: i64,
    },
    /// To be told of more free spaces around a place.
    Near {
        /// `me`, a place or a car park.
        place: String,
        /// More than so many.
        threshold: i64,
    },
}

/// Reads `NAME [more than N | below N]`, `N near me`, and what people make of them; else says what
/// can be read.
pub(super) fn parse(text: &str) -> Result<Order, &'static str> {
    let text = text.replace('>', " > ").replace('<', " < ");
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Err(USAGE);
    }
    let is = |word: &str, wanted: &str| word.eq_ignore_ascii_case(wanted);
    if let Some(at) = words.iter().position(|word| is(word, "near")) {
        let (before, place) = (&words[..at], &words[at + 1..]);
        // Else it is a part of a name.
        if let Some((threshold, [])) = near_threshold(before)? {
            return Ok(Order::Near { place: place.join(" "), threshold });
        }
    }
    let starts_with = |words: &[&str], form: &[&str]| {
        words.len() >= form.len() && form.iter().zip(words).all(|(f, word)| is(word, f))
    };
    for at in (0..words.len()).rev() {
        let form = FORMS.iter().find(|(form, _)| starts_with(&words[at..], form));
        let Some((form, direction)) = form else { continue };
        let (threshold, rest) = spaces(&words[at + form.len()..])?.ok_or(USAGE)?;
        let name = match rest {
            [] => &words[..at],
            // More than 20 in Pier Road.
            [word, name @ ..] if is(word, "in") || is(word, "at") => name,
            _ => return Err(USAGE),
        };
        if name.is_empty() {
            return Err(USAGE);
        }
        return checked(Order::Park { typed: name.join(" "), direction: *direction, threshold });
    }
    // "Pier Road 20 spaces", but not "20".
    let (mut name, mut threshold) = (&words[..], SPACES_DEFAULT);
    for at in 1..words.len() {
        if let Some((number, [])) = spaces(&words[at..])? {
            (name, threshold) = (&words[..at], number);
        }
    }
    Ok(Order::Park { typed: name.join(" "), direction: Direction::Above, threshold })
}

/// What stands before "near": nothing, a number, or "more than" a number.
fn near_threshold<'a>(words: &'a [&'a str]) -> Result<Option<(i64, &'a [&'a str])>, &'static str> {
    if words.is_empty() {
        return Ok(Some((SPACES_DEFAULT, words)));
    }
    let above = FORMS.iter().filter(|(_, direction)| *direction == Direction::Above);
    let form = above.map(|(form, _)| *form).chain(once(&[] as &[&str])).find(|form| {
        words.len() >= form.len() && form.iter().zip(words).all(|(f, w)| f.eq_ignore_ascii_case(w))
    });
    spaces(&words[form.map_or(0, <[_]>::len)..])
}

/// Reads a number of spaces, and what people say behind it; `None` if there is no number.
fn spaces<'a>(words: &'a [&'a str]) -> Result<Option<(i64, &'a [&'a str])>, &'static str> {
    let Some((number, rest)) = words.split_first() else { return Ok(None) };
    if number.strip_suffix('%').is_some_and(|number| number.parse::<f64>().is_ok()) {
        return Err(NO_PERCENT);
    }
    let Ok(number) = number.parse::<i64>() else { return Ok(None) };
    let words = rest.iter().take_while(|word| {
        ["free", "space", "spaces", "place", "places"].iter().any(|w| word.eq_ignore_ascii_case(w))
    });
    let rest = &rest[words.count()..];
    match (rest.first(), number) {
        (Some(word), _) if word.starts_with('%') || word.eq_ignore_ascii_case("percent") => {
            Err(NO_PERCENT)
        }
        (_, 0..=SPACES_MAX) => Ok(Some((number, rest))),
        _ => Err("A number of spaces is from 0 to 100000."),
    }
}

fn checked(order: Order) -> Result<Order, &'static str> {
    match &order {
        Order::Park { direction: Direction::Below, threshold: 0, .. } => {
            Err("There are never fewer than 0 spaces free. Say /alert NAME below 1.")
        }
        _ => Ok(order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn park(typed: &str, direction: Direction, threshold: i64) -> Result<Order, &'static str> {
        Ok(Order::Park { typed: typed.into(), direction, threshold })
    }

    fn near(place: &str, threshold: i64) -> Result<Order, &'static str> {
        Ok(Order::Near { place: place.into(), threshold })
    }

    #[test]
    fn orders_are_read_in_plain_words() {
        let (above, below) = (Direction::Above, Direction::Below);
        assert_eq!(parse("Pier Road"), park("Pier Road", above, 10));
        assert_eq!(parse("pier more than 20"), park("pier", above, 20));
        assert_eq!(parse("pier More Than 20 spaces free"), park("pier", above, 20));
        assert_eq!(parse("pier below 5"), park("pier", below, 5));
        assert_eq!(parse("pier <5"), park("pier", below, 5));
        assert_eq!(parse("pier > 600"), park("pier", above, 600));
        assert_eq!(parse("pier 20"), park("pier", above, 20));
        assert_eq!(parse("pier 20 spaces"), park("pier", above, 20));
        assert_eq!(parse("20"), park("20", above, 10), "it may be called so");
        assert_eq!(parse("when there are more than 20 in pier road"), park("pier road", above, 20));
        assert_eq!(parse("İstiklal below 5"), park("İstiklal", below, 5), "longer in lower case");
    }

    #[test]
    fn near_is_read_in_any_case() {
        assert_eq!(parse("20 near me"), near("me", 20));
        assert_eq!(parse("near me"), near("me", 10));
        assert_eq!(parse("more than 20 spaces near me"), near("me", 20));
        assert_eq!(parse("20 near 49.1,-2.1"), near("49.1,-2.1", 20));
        assert_eq!(parse("20 NEAR 49.1, -2.1"), near("49.1, -2.1", 20));
        assert_eq!(parse("Near Pier"), near("Pier", 10));
        assert_eq!(parse("Car Park near Station"), {
            park("Car Park near Station", Direction::Above, 10)
        });
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let wrong = [
            "",
            "pier more than lots",
            "pier more than",
            "more than 20",
            "-3 near me",
            "pier more than 99999999999",
            "pier more than 20%",
            "pier more than 20 % free",
            "pier 20%",
            "pier below 0",
        ];
        for text in wrong {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
