//! "Did you mean …?"

use std::cmp::Reverse;

/// The one of `candidates` that `word` is probably a slip of, if any: at most a third of its
/// letters differ. Case does not count; of equally near ones the longest, as letters are more often
/// left out than added.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_uppercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_ascii_uppercase()), candidate))
        .filter(|(distance, candidate)| *distance > 0 && *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, candidate)| (*distance, Reverse(candidate.len())))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_other_words_are_not() {
        let words = ["SELECT", "CREATE", "SET"];
        assert_eq!(nearest("SELEC", words), Some("SELECT"));
        assert_eq!(nearest("craete", words), Some("CREATE"));
        assert_eq!(nearest("cont", ["COT", "COUNT", "COS"]), Some("COUNT"));
        assert_eq!(nearest("UPDATE", words), None);
        assert_eq!(nearest("garbage", words), None);
        assert_eq!(nearest("42", words), None);
    }
}
