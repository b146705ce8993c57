//! Patterns: what is read, what is written, and that both fit together.

use proptest::prelude::*;

use super::pattern::Pattern;
use super::zone::Zone;
use super::{TimestampPattern, legacy, plain, resolve};

fn parsed(text: &str, pattern: &str, zone: &str) -> Option<i64> {
    TimestampPattern::compile(pattern).and_then(|p| p.parse(text, zone)).ok()
}

fn written(ms: i64, pattern: &str, zone: &str) -> String {
    let pattern = TimestampPattern::compile(pattern).expect("a pattern");
    pattern.format(ms, zone).unwrap_or_else(|reason| format!("error: {reason}"))
}

/// 2020-02-29T12:34:56.789Z
const LEAP_DAY: i64 = 1_582_979_696_789;

#[test]
fn texts_are_read_by_the_rules_of_java() {
    let check = |text: &str, pattern: &str, expect: Option<i64>| {
        assert_eq!(parsed(text, pattern, "UTC"), expect, "{text} by {pattern}");
    };
    check("2020-02-29 12:34:56.789", "yyyy-MM-dd HH:mm:ss.SSS", Some(LEAP_DAY));
    check("20200229123456789", "yyyyMMddHHmmssSSS", Some(LEAP_DAY));
    check("12:34", "HH:mm", Some(45_240_000));
    check("2020-02-30", "yyyy-MM-dd", Some(1_582_934_400_000));
    check("2020-02-29 24:00", "yyyy-MM-dd HH:mm", Some(1_583_020_800_000));
    check("2020-02-29 25:00", "yyyy-MM-dd HH:mm", None);
    check("2020-2-9", "yyyy-MM-dd", None);
    check("10000-01-01", "yyyy-MM-dd", None);
    check("Sat, 29 feb 2020", "EEE, dd MMM yyyy", Some(1_582_934_400_000));
    check("Sun, 29 Feb 2020", "EEE, dd MMM yyyy", None);
    check("29/2/20", "d/M/yy", Some(1_582_934_400_000));
    check("2020-02-29T12:34:56+05:30", "yyyy-MM-dd'T'HH:mm:ssXXX", Some(1_582_959_896_000));
    check("2020-02-29 12:34 Europe/London", "yyyy-MM-dd HH:mm VV", Some(1_582_979_640_000));
    check("2020-060", "yyyy-DDD", Some(1_582_934_400_000));
    check("2020-02-29", "yyyy-MM-dd[ HH:mm]", Some(1_582_934_400_000));
    check("2020-02-29 12:34", "yyyy-MM-dd[ HH:mm]", Some(1_582_979_640_000));
    check("x", "bad{", None);
}

#[test]
fn local_times_are_put_into_their_zone() {
    let london = |text| parsed(text, "yyyy-MM-dd HH:mm", "Europe/London");
    assert_eq!(london("2021-07-01 12:00"), Some(1_625_137_200_000));
    assert_eq!(london("2021-03-28 01:30"), Some(1_616_895_000_000), "in the gap: an hour later");
    assert_eq!(london("2021-10-31 01:30"), Some(1_635_640_200_000), "came twice: the earlier");
}

#[test]
fn moments_are_written_by_the_rules_of_java() {
    let check = |pattern: &str, zone: &str, expect: &str| {
        assert_eq!(written(LEAP_DAY, pattern, zone), expect, "{pattern}");
    };
    check("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "Europe/London", "2020-02-29T12:34:56.789Z");
    check("EEE, d MMMM yy h:mm a", "Asia/Tokyo", "Sat, 29 February 20 9:34 PM");
    check("YYYY-'W'ww-e W D", "UTC", "2020-W09-7 5 60");
    check("HH:mm VV xxx O zzz", "America/New_York", "07:34 America/New_York -05:00 GMT-5 EST");
    check("h 'o''clock'", "UTC", "12 o'clock");
    check("S SS SSSSSS n A", "UTC", "7 78 789000 789000000 45296789");
    check("G QQQ k K", "UTC", "AD Q1 12 0");
}

#[test]
fn dates_are_read_leniently() {
    let check = |text: &str, pattern: &str, expect: Option<i64>| {
        assert_eq!(legacy::parse_date(text, pattern, 2026).ok(), expect, "{text} by {pattern}");
    };
    check("2020-02-30", "yyyy-MM-dd", Some(18_322));
    check(" 2020-2-29 and more", "yyyy-MM-dd", Some(18_321));
    check("29/02/20", "dd/MM/yy", Some(18_321));
    check("2020", "yyyy", Some(18_262));
    check("0000-01-01", "yyyy-MM-dd", Some(-719_530));
    check("2020-02-29 12:34", "yyyy-MM-dd HH:mm", None);
    check("2020-02-29", "yyyy-MM-dd VV", None);
}

/// Moments of the years 1 to 9999.
fn any_moment() -> impl Strategy<Value = i64> {
    -62_135_596_800_000_i64..253_402_300_800_000
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(ms in any_moment()) {
        for pattern in [
            "yyyy-MM-dd'T'HH:mm:ss.SSS",
            "yyyyMMddHHmmssSSS",
            "EEEE, d MMMM uuuu h:m:s.SSS a",
            "D/yyyy k:mm:ss.SSS XXX",
            "SSSssmmHHddMMyyyy",
        ] {
            prop_assert_eq!(parsed(&written(ms, pattern, "UTC"), pattern, "UTC"), Some(ms));
        }
        let zoned = "yyyy-MM-dd HH:mm:ss.SSS xxxxx";
        prop_assert_eq!(parsed(&written(ms, zoned, "Europe/London"), zoned, "UTC"), Some(ms));
    }

    #[test]
    fn the_fast_reader_agrees_with_the_other(ms in any_moment(), cut in 0_usize..24) {
        let pattern = Pattern::of("yyyy-MM-dd HH:mm:ss.SSS").expect("a pattern");
        let zone = Zone::of("America/New_York").expect("a zone");
        let mut text = written(ms, "yyyy-MM-dd HH:mm:ss.SSS", "America/New_York");
        if cut < text.len() {
            text.replace_range(cut..=cut, "9");
        }
        let plain = pattern.plain.as_ref().expect("it is plain");
        if let Some(fast) = plain::timestamp(plain, text.as_bytes(), &zone) {
            let slow = pattern.parse(&text).and_then(|p| resolve::timestamp(&p, &zone));
            prop_assert_eq!(Ok(fast), slow);
        }
    }

    #[test]
    fn no_text_and_no_pattern_panics(
        text in "\\PC{0,20}",
        pattern in "[yMdHhmsSaEzXVQDwe' \\[\\]:-]{0,12}",
    ) {
        if let Ok(compiled) = TimestampPattern::compile(&pattern) {
            let _ = compiled.parse(&text, "Europe/London");
            let _ = compiled.format(LEAP_DAY, "Europe/London");
        }
        let _ = legacy::parse_date(&text, &pattern, 2026);
        let _ = legacy::parse_date("99999999999 31 12 1", &pattern, 2026);
    }
}

proptest! {
    #[test]
    fn no_pattern_text_or_moment_panics(
        pattern in "([GuyYQqMLwWdDFEecgaHkKhmsSnANVzvOXxZ]{1,5}|[a-zA-Z'\\[\\]{}#é .:-]){0,8}",
        ms in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), -1_000_i64..1_000],
        text in "[-+0-9a-zA-Z:. é]{0,30}",
        digits in "[-+]?[0-9]{0,40}",
    ) {
        for zone in ["UTC", "Europe/London", "Pacific/Apia", "+18:00"] {
            let Ok(compiled) = TimestampPattern::compile(&pattern) else { break };
            if let Ok(written) = compiled.format(ms, zone) {
                let _ = compiled.parse(&written, zone);
            }
            let _ = compiled.parse(&text, zone);
            let _ = compiled.parse(&digits, zone);
        }
        for text in [&text, &digits] {
            let _ = legacy::parse_date(text, &pattern, 2020);
        }
    }
}

#[test]
fn a_pattern_cannot_be_of_any_length() {
    let compiled = |text: String| TimestampPattern::compile(&text);
    assert!(compiled("y".repeat(100_000)).is_err());
    assert!(compiled("[".repeat(100_000)).is_err());
    assert!(compiled("[".repeat(1_000)).is_ok());
    assert_eq!(written(LEAP_DAY, &"y".repeat(1_000), "UTC").len(), 1_000);
}
