//! Numbers as text: integers fast, doubles as Java's `Double.toString` writes them, with the fewest
//! digits that read back (Java 19 and later).

/// Appends an integer.
pub fn write_integer(n: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// A double as text: `5.0`, `1.0E10`, `1.0E-4`, `NaN`, `-Infinity`.
pub fn double_text(n: f64) -> String {
    let mut out = Vec::with_capacity(24);
    write_double(n, &mut out);
    String::from_utf8(out).expect("digits are ASCII")
}

/// Appends a double, see [`double_text`].
pub fn write_double(n: f64, out: &mut Vec<u8>) {
    if n.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if n.is_infinite() {
        return out.extend_from_slice(if n < 0.0 { b"-Infinity" } else { b"Infinity" });
    }
    if n == 0.0 {
        return out.extend_from_slice(if n.is_sign_negative() { b"-0.0" } else { b"0.0" });
    }
    if n.abs() < 1e7 && n.trunc() == n {
        write_integer(n as i64, out);
        return out.extend_from_slice(b".0");
    }
    if n < 0.0 {
        out.push(b'-');
    }
    let (digits, count, exponent) = digits_of(n.abs());
    let digits = &digits[..count];
    match exponent {
        0..=6 => {
            let whole = exponent as usize + 1;
            for at in 0..whole.max(digits.len()) {
                if at == whole {
                    out.push(b'.');
                }
                out.push(digits.get(at).copied().unwrap_or(b'0'));
            }
            if digits.len() <= whole {
                out.extend_from_slice(b".0");
            }
        }
        -3..=-1 => {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', (-exponent - 1) as usize));
            out.extend_from_slice(digits);
        }
        _ => {
            out.push(digits[0]);
            out.push(b'.');
            out.extend_from_slice(if digits.len() > 1 { &digits[1..] } else { b"0" });
            out.push(b'E');
            write_integer(i64::from(exponent), out);
        }
    }
}

/// The digits of a positive number, how many there are, and the exponent of the first.
fn digits_of(n: f64) -> ([u8; 20], usize, i32) {
    let mut buffer = ryu::Buffer::new();
    let (digits, count, exponent) = read_digits(buffer.format_finite(n));
    if count == 1 && n < 1e-300 {
        // Java looks for the nearest number among those with two digits: 4.9E-324, not 5.0E-324.
        let two = format!("{n:.1e}");
        if two.parse() == Ok(n) {
            return read_digits(&two);
        }
    }
    (digits, count, exponent)
}

/// Takes `123.45e-7` apart, without leading and trailing zeros.
fn read_digits(text: &str) -> ([u8; 20], usize, i32) {
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (text, 0),
    };
    let point = mantissa.find('.').unwrap_or(mantissa.len()) as i32;
    let (mut digits, mut count, mut leading) = ([0u8; 20], 0, 0);
    for byte in mantissa.bytes().filter(u8::is_ascii_digit) {
        if count == 0 && byte == b'0' {
            leading += 1;
        } else {
            digits[count] = byte;
            count += 1;
        }
    }
    while count > 1 && digits[count - 1] == b'0' {
        count -= 1;
    }
    (digits, count, exponent + point - 1 - leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        let check = |n: f64, text: &str| assert_eq!(double_text(n), text);
        check(1.0, "1.0");
        check(-7.5, "-7.5");
        check(0.001, "0.001");
        check(0.00099, "9.9E-4");
        check(1e7, "1.0E7");
        check(1234567.25, "1234567.25");
        check(12345678.5, "1.23456785E7");
        check(1e21, "1.0E21");
        check(1e22, "1.0E22");
        check(1e23, "1.0E23");
        check(f64::MAX, "1.7976931348623157E308");
        check(5e-324, "4.9E-324");
        check(2e-323, "2.0E-323");
        check(2.2250738585072014e-308, "2.2250738585072014E-308");
        check(0.1 + 0.2, "0.30000000000000004");
        check(100.25, "100.25");
        check(1e16, "1.0E16");
        check(-0.0, "-0.0");
        check(f64::NAN, "NaN");
        check(f64::NEG_INFINITY, "-Infinity");
        check(9999999.999, "9999999.999");
    }

    #[test]
    fn integers_reach_both_ends() {
        let mut out = Vec::new();
        write_integer(i64::MIN, &mut out);
        out.push(b' ');
        write_integer(0, &mut out);
        assert_eq!(out, b"-9223372036854775808 0");
    }
}
