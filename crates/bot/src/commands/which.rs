//! Which car park does somebody mean? What every command that takes a name asks first.

use crate::places::{self, Match};
use crate::reply::{Button, Reply};
use crate::views::Park;

/// How many car parks are offered as buttons where any may be meant.
const OFFERED_MAX: usize = 12;

/// The car park that was meant, or the question which one; `then` makes of its id what a button
/// below the question sends, so that the command goes on with the answer.
pub(super) fn choose<'a>(
    parks: &'a [Park],
    typed: &str,
    then: impl Fn(&str) -> String,
) -> Result<&'a Park, Box<Reply>> {
    let names: Vec<&str> = parks.iter().map(|p| p.name.as_str()).collect();
    let question = |text: &str, which: Vec<usize>| {
        let parks = which.into_iter().map(|at| &parks[at]);
        Err(Box::new(offer(Reply::text(text), parks, &then)))
    };
    match places::find(&names, typed) {
        Match::One(at) => Ok(&parks[at]),
        Match::Several(which) => question("Which one do you mean?", which),
        Match::None(near) if !near.is_empty() => {
            question("I do not know that one. Did you mean:", near)
        }
        Match::None(_) => {
            let text = match typed.trim() {
                "" => "Which car park? Send its name.",
                _ => {
                    "I do not know a car park of that name. /nearest finds one near you, /help \
                     tells what else I can do. These are the ones I know:"
                }
            };
            question(text, (0..parks.len().min(OFFERED_MAX)).collect())
        }
    }
}

/// Adds a button for each of the first car parks, two in a row.
pub(super) fn offer<'a>(
    reply: Reply,
    parks: impl Iterator<Item = &'a Park>,
    then: impl Fn(&str) -> String,
) -> Reply {
    let button = |park: &Park| Button::send(&park.name, then(&short_id(&park.key)));
    let buttons: Vec<Button> = parks.take(OFFERED_MAX).map(button).collect();
    buttons.chunks(2).fold(reply, |reply, pair| reply.row(pair.to_vec()))
}

/// The car park of a button.
pub(super) fn with_id<'a>(parks: &'a [Park], id: &str) -> Option<&'a Park> {
    parks.iter().find(|p| short_id(&p.key) == id)
}

/// What is said when a button's car park is no longer known.
pub(super) fn gone() -> Reply {
    Reply::text("I no longer know that car park. Send /help for the ones I know.")
}

/// A key in 16 characters, for a button's data: FNV-1a of it, the same after every restart.
pub(super) fn short_id(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
