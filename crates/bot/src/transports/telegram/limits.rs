//! How much Telegram takes of a message: one with more in it is refused as a whole.
//!
//! The Bot API counts texts in UTF-16 units.

use tracing::warn;

use crate::reply::{Action, Button};

/// The longest text of a message.
pub(super) const TEXT_UNITS_MAX: usize = 4096;
/// The longest caption of a picture.
pub(super) const CAPTION_UNITS_MAX: usize = 1024;
/// The longest title and address of a place.
pub(super) const VENUE_UNITS_MAX: usize = 128;
/// The longest text of a button; more is not shown.
const LABEL_UNITS_MAX: usize = 64;
/// The longest data of a button.
const DATA_BYTES_MAX: usize = 64;
/// The longest address that a button opens.
const URL_BYTES_MAX: usize = 2048;
/// The most buttons below a message.
const BUTTONS_MAX: usize = 100;

/// A text that is short enough; what is cut off is shown as `…`.
pub(super) fn text(text: String, units_max: usize) -> String {
    let mut units = 0;
    // Behind the last character that leaves room for a `…`.
    let mut cut_at = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units < units_max {
            cut_at = at + c.len_utf8();
        }
    }
    if units <= units_max {
        return text;
    }
    format!("{}…", &text[..cut_at])
}

/// The buttons that Telegram takes; rows without any are left out.
pub(super) fn buttons(rows: Vec<Vec<Button>>) -> Vec<Vec<Button>> {
    let mut room = BUTTONS_MAX;
    let all = rows.iter().map(Vec::len).sum::<usize>();
    let kept = rows.into_iter().map(|row| -> Vec<Button> {
        let row: Vec<Button> = row.into_iter().filter_map(button).take(room).collect();
        room -= row.len();
        row
    });
    let kept: Vec<Vec<Button>> = kept.filter(|row| !row.is_empty()).collect();
    let left_out = all - kept.iter().map(Vec::len).sum::<usize>();
    if left_out > 0 {
        warn!(left_out, "buttons that Telegram would refuse are left out of a message");
    }
    kept
}

fn button(button: Button) -> Option<Button> {
    let is_taken = match &button.action {
        Action::Send(data) => (1..=DATA_BYTES_MAX).contains(&data.len()),
        Action::Open(url) => url.len() <= URL_BYTES_MAX,
    };
    let is_taken = is_taken && !button.label.trim().is_empty();
    is_taken.then(|| Button { label: text(button.label, LABEL_UNITS_MAX), ..button })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_utf_16_units_between_characters() {
        let check =
            |given: &str, expect: &str| assert_eq!(text(given.into(), 4), expect, "{given}");
        check("", "");
        check("abcd", "abcd");
        check("abcde", "abc…");
        check("😀😀", "😀😀");
        check("😀😀x", "😀…");
        check("ab😀x", "ab…");
        let emoji = text("😀".repeat(4000), TEXT_UNITS_MAX);
        assert_eq!(emoji.encode_utf16().count(), TEXT_UNITS_MAX - 1, "a pair is not torn");
    }

    #[test]
    fn one_bad_button_is_left_out_and_the_others_stay() {
        let good = Button::send("Pier Road", "park 5");
        let rows = vec![
            vec![Button::send("   ", "park 1"), good.clone()],
            vec![Button::send("x", "y".repeat(65)), Button::send("x", "")],
            vec![Button::open("x", format!("https://x.example/{}", "y".repeat(3000)))],
            vec![Button::send("n".repeat(5000), "park 2")],
        ];
        let kept = buttons(rows);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0], std::slice::from_ref(&good));
        assert_eq!(kept[1][0].label.encode_utf16().count(), LABEL_UNITS_MAX);
        assert_eq!(buttons(vec![vec![good]; 150]).len(), BUTTONS_MAX);
    }
}
