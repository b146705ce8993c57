//! Days since 1970-01-01 as year, month and day, by the calendar that Java's old date classes keep:
//! Gregorian from 1582-10-15 on, Julian before.

/// The first day of the Gregorian calendar.
const CUTOVER: i64 = -141_427;

/// Year, month and day of a day.
pub(crate) fn to_ymd(days: i64) -> (i64, u32, u32) {
    match days >= CUTOVER {
        true => from_jdn(days + 2_440_588, true),
        false => from_jdn(days + 2_440_588, false),
    }
}

/// The day of a year, month and day.
pub(crate) fn from_ymd(year: i64, month: i64, day: i64) -> i64 {
    let gregorian = jdn(year, month, day, true) - 2_440_588;
    match gregorian >= CUTOVER {
        true => gregorian,
        false => jdn(year, month, day, false) - 2_440_588,
    }
}

/// The Julian day number of a date.
fn jdn(year: i64, month: i64, day: i64, is_gregorian: bool) -> i64 {
    let a = (14 - month).div_euclid(12);
    let y = year + 4800 - a;
    let m = month + 12 * a - 3;
    let common = day + (153 * m + 2).div_euclid(5) + 365 * y + y.div_euclid(4);
    match is_gregorian {
        true => common - y.div_euclid(100) + y.div_euclid(400) - 32045,
        false => common - 32083,
    }
}

fn from_jdn(jdn: i64, is_gregorian: bool) -> (i64, u32, u32) {
    let (b, c) = match is_gregorian {
        true => {
            let a = jdn + 32044;
            let b = (4 * a + 3).div_euclid(146_097);
            (b, a - (146_097 * b).div_euclid(4))
        }
        false => (0, jdn + 32082),
    };
    let d = (4 * c + 3).div_euclid(1461);
    let e = c - (1461 * d).div_euclid(4);
    let m = (5 * e + 2).div_euclid(153);
    let day = e - (153 * m + 2).div_euclid(5) + 1;
    let month = m + 3 - 12 * (m / 10);
    (100 * b + d - 4800 + m / 10, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_round_trip_on_both_sides_of_the_cutover() {
        for days in (-800_000..100_000).step_by(37).chain([CUTOVER - 1, CUTOVER, -1, 0]) {
            let (year, month, day) = to_ymd(days);
            assert_eq!(from_ymd(year, i64::from(month), i64::from(day)), days);
        }
        assert_eq!(to_ymd(0), (1970, 1, 1));
        assert_eq!(to_ymd(18_321), (2020, 2, 29));
        assert_eq!(to_ymd(-719_162), (1, 1, 3));
        assert_eq!(to_ymd(CUTOVER - 1), (1582, 10, 4));
    }
}
