//! "Did you mean …": the known name that is nearest to one that is not.

/// The nearest of `names`, if it is near enough: a slip or two, or another case.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_uppercase();
    let most = (wanted.chars().count() / 3).clamp(1, 3);
    names
        .map(|candidate| (distance(&wanted, &candidate.to_uppercase()), candidate))
        .filter(|(distance, candidate)| *distance <= most && *candidate != name)
        .min()
        .map(|(_, candidate)| candidate)
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

/// How many insertions, deletions and changes of letters make one of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
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
