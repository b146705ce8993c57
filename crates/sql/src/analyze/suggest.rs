//! "Did you mean …": the known name that is nearest to one that is not.

use crate::error;

/// The known name that differs by case only, or else by a slip.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let names: Vec<_> = names.filter(|known| *known != name).collect();
    let same = names.iter().find(|known| known.eq_ignore_ascii_case(name));
    // Any two names of one or two letters are near each other.
    let slip = || (name.len() > 2).then(|| error::nearest(name, names.iter().copied())).flatten();
    same.copied().or_else(slip)
}

/// ` Did you mean "x"?`, or nothing.
pub fn hint<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, names) {
        Some(near) if near.eq_ignore_ascii_case(name) => format!(
            " Did you mean \"{near}\"? Hint: wrap the source name in double quotes to make it \
             case-sensitive."
        ),
        Some(near) => format!(" Did you mean \"{near}\"?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["CARPARK", "carpark", "ALERTS"];
        assert_eq!(nearest("CARPRK", names.into_iter()), Some("CARPARK"));
        assert_eq!(nearest("CARPARK", ["carpark"].into_iter()), Some("carpark"));
        assert_eq!(nearest("X", names.into_iter()), None);
    }
}
