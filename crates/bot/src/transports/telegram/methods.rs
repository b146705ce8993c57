//! The few methods of Telegram's Bot API that the bot calls, and what they answer.
//!
//! Hand-written over `reqwest` rather than a wrapper crate: seven methods are needed, updates of
//! other kinds must be skipped one by one instead of failing a whole poll, and the token (a part of
//! the address) must never reach an error's text. What tells of a chat (updates and all in them)
//! has no `Debug`, so that it cannot be logged by mistake.
//!
//! Source: <https://core.telegram.org/bots/api>, version 10.3.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

/// How long Telegram holds a poll open.
const POLL_SECONDS: u64 = 50;
/// How long any other call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read: a hundred updates are far shorter.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long to wait when Telegram says "too many requests" but not for how long.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);
/// Behind so long a silence Telegram is asked again, whatever it said.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A bot's token. Never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token in this text, without the blanks and line ends around it; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let token = text.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
        (!token.is_empty() && token.chars().all(legal)).then(|| Self(token.to_string()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why Telegram did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TelegramError {
    /// Too many requests (429).
    #[error("Telegram asks to wait {after:?}")]
    Wait {
        /// How long: no more than a day.
        after: Duration,
    },
    /// The bot was blocked, or the chat is gone (403, or 400 "chat not found").
    #[error("this chat can no longer be written to")]
    Gone,
    /// Another process polls with this token (409).
    #[error("another process uses this bot's token; stop it")]
    Conflict,
    /// The token is not a bot's (401, 404).
    #[error("Telegram does not know this token; get one from @BotFather")]
    Unauthorized,
    /// The request is wrong and would stay wrong (other 4xx).
    #[error("Telegram refused ({code}): {description}")]
    Refused {
        /// The error code.
        code: i64,
        /// What Telegram says of it.
        description: String,
    },
    /// Telegram is broken or out of reach for now (5xx, no connection): it did not do it.
    #[error("Telegram cannot be reached: {reason}")]
    NotConnected {
        /// What happened.
        reason: String,
    },
    /// The connection broke off before the answer: it may have done it, or not.
    #[error("Telegram's answer was lost: {reason}")]
    AnswerLost {
        /// What happened.
        reason: String,
    },
}

impl TelegramError {
    /// May the same call succeed later? Whether it may be made again is another question: see
    /// [`TelegramError::AnswerLost`].
    pub fn is_retryable(&self) -> bool {
        match self {
            TelegramError::Wait { .. }
            | TelegramError::NotConnected { .. }
            | TelegramError::AnswerLost { .. }
            | TelegramError::Conflict => true,
            TelegramError::Gone | TelegramError::Unauthorized | TelegramError::Refused { .. } => {
                false
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    result: Option<Value>,
    error_code: Option<i64>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    /// Seconds: a whole number, if all is well.
    retry_after: Option<Value>,
}

/// Something that happened in a chat.
#[derive(Clone)]
pub struct Update {
    /// Its number; polls go on behind the highest.
    pub id: i64,
    /// What happened; `None`: nothing the bot understands.
    pub event: Option<Event>,
}

/// What the bot understands of an update.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Somebody wrote, or shared a location.
    Message(Message),
    /// Somebody pressed a button.
    CallbackQuery(CallbackQuery),
    /// Somebody blocked or unblocked the bot.
    MyChatMember(ChatMemberUpdated),
}

/// A message.
#[derive(Clone, Deserialize)]
pub struct Message {
    /// Where.
    pub chat: Chat,
    /// Words.
    pub text: Option<String>,
    /// A place.
    pub location: Option<Place>,
}

/// A chat.
#[derive(Clone, Deserialize)]
pub struct Chat {
    /// Its number.
    pub id: i64,
}

/// A place.
#[derive(Clone, Copy, Deserialize)]
pub struct Place {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// A button pressed.
#[derive(Clone, Deserialize)]
pub struct CallbackQuery {
    /// To be answered by.
    pub id: String,
    /// The message the button stood under.
    pub message: Option<Message>,
    /// The button's data.
    pub data: Option<String>,
}

/// The bot's own standing in a chat changed.
#[derive(Clone, Deserialize)]
pub struct ChatMemberUpdated {
    /// Where.
    pub chat: Chat,
    /// What it is now.
    pub new_chat_member: ChatMember,
}

/// A standing in a chat.
#[derive(Clone, Deserialize)]
pub struct ChatMember {
    /// `member`, `kicked`, …
    pub status: String,
}

/// The Bot API for one bot.
#[derive(Clone, Debug)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    token: Token,
}

impl Api {
    /// The Bot API at `base` (`https://api.telegram.org`).
    pub fn new(base: &str, token: Token) -> Self {
        let base = base.trim_end_matches('/').to_string();
        Self { client: reqwest::Client::new(), base, token }
    }

    /// Who the bot is: its user name.
    pub async fn get_me(&self) -> Result<String, TelegramError> {
        let me = self.call("getMe", &json!({})).await?;
        Ok(me.get("username").and_then(Value::as_str).unwrap_or("bot").to_string())
    }

    /// Waits for updates from `offset` on.
    pub async fn get_updates(&self, offset: i64) -> Result<Vec<Update>, TelegramError> {
        let body = json!({
            "offset": offset,
            "timeout": POLL_SECONDS,
            "allowed_updates": ["message", "callback_query", "my_chat_member"],
        });
        let timeout = CALL_TIMEOUT + Duration::from_secs(POLL_SECONDS);
        let request = self.request("getUpdates").json(&body);
        let result = self.finish("getUpdates", request.timeout(timeout)).await?;
        let updates = result.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(updates.iter().filter_map(update).collect())
    }

    /// Calls a method with a JSON body.
    pub async fn call(&self, method: &str, body: &Value) -> Result<Value, TelegramError> {
        self.finish(method, self.request(method).json(body).timeout(CALL_TIMEOUT)).await
    }

    /// Sends a picture.
    pub async fn send_photo(
        &self,
        chat: i64,
        png: &[u8],
        caption: &str,
        markup: Option<String>,
    ) -> Result<Value, TelegramError> {
        let picture = reqwest::multipart::Part::bytes(png.to_vec()).file_name("chart.png");
        let mut form = reqwest::multipart::Form::new()
            .text("chat_id", chat.to_string())
            .text("caption", caption.to_string())
            .part("photo", picture);
        if let Some(markup) = markup {
            form = form.text("reply_markup", markup);
        }
        let request = self.request("sendPhoto").multipart(form).timeout(CALL_TIMEOUT);
        self.finish("sendPhoto", request).await
    }

    fn request(&self, method: &str) -> reqwest::RequestBuilder {
        self.client.post(format!("{}/bot{}/{method}", self.base, self.token.0))
    }

    async fn finish(
        &self,
        method: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Value, TelegramError> {
        // The address holds the token: it is taken out of every error.
        let failed = |e: reqwest::Error| {
            let arrived = !(e.is_connect() || e.is_builder());
            let reason = format!("{method}: {}", e.without_url());
            match arrived {
                true => TelegramError::AnswerLost { reason },
                false => TelegramError::NotConnected { reason },
            }
        };
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                let reason = format!("{method}: the answer is too long");
                return Err(TelegramError::AnswerLost { reason });
            }
            body.extend_from_slice(&chunk);
        }
        match serde_json::from_slice::<Answer>(&body) {
            Ok(answer) => outcome(answer),
            Err(_) => Err(TelegramError::NotConnected {
                reason: format!("{method}: status {status} and no answer of the Bot API"),
            }),
        }
    }
}

fn outcome(answer: Answer) -> Result<Value, TelegramError> {
    if answer.ok {
        return Ok(answer.result.unwrap_or(Value::Null));
    }
    let code = answer.error_code.unwrap_or(0);
    let description = answer.description.unwrap_or_default();
    Err(match code {
        429 => TelegramError::Wait { after: silence(answer.parameters) },
        403 => TelegramError::Gone,
        400 if description.contains("chat not found") => TelegramError::Gone,
        409 => TelegramError::Conflict,
        401 | 404 => TelegramError::Unauthorized,
        500.. => TelegramError::NotConnected { reason: format!("error {code}") },
        _ => TelegramError::Refused { code, description: without_numbers(&description) },
    })
}

/// For how long to be silent; any number is read, and none is too large.
fn silence(parameters: Option<Parameters>) -> Duration {
    let seconds = parameters.and_then(|p| p.retry_after?.as_f64()).filter(|s| *s >= 0.0);
    seconds.map_or(RETRY_AFTER_DEFAULT, |seconds| {
        Duration::try_from_secs_f64(seconds).map_or(RETRY_AFTER_MAX, |s| s.min(RETRY_AFTER_MAX))
    })
}

/// A description without long numbers: they may be a chat's, which is not to be logged.
fn without_numbers(description: &str) -> String {
    const DIGITS_MAX: usize = 4;
    let mut shown = String::with_capacity(description.len());
    let mut rest = description;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at);
        shown.push_str(&rest[..at]);
        shown.push_str(if digits > DIGITS_MAX { "…" } else { &rest[at..at + digits] });
        rest = &rest[at + digits..];
    }
    shown + rest
}

/// Reads an update; one of a kind that the bot does not know has no event.
fn update(value: &Value) -> Option<Update> {
    // Telegram's are positive and far from the end.
    let id = value.get("update_id")?.as_i64().filter(|id| (0..i64::MAX).contains(id))?;
    let kinds = ["message", "callback_query", "my_chat_member"];
    let event = kinds.iter().find_map(|kind| {
        let event = json!({ *kind: value.get(*kind)? });
        serde_json::from_value(event).ok()
    });
    Some(Update { id, event })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expect: Result<Value, TelegramError>) {
        let answer: Answer = serde_json::from_str(answer).expect("an answer");
        assert_eq!(outcome(answer), expect);
    }

    #[test]
    fn answers_are_told_apart() {
        check(r#"{"ok":true,"result":true}"#, Ok(Value::Bool(true)));
        let wait = TelegramError::Wait { after: Duration::from_secs(7) };
        check(
            r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":7}}"#,
            Err(wait),
        );
        check(r#"{"ok":false,"error_code":403,"description":"blocked"}"#, Err(TelegramError::Gone));
        check(r#"{"ok":false,"error_code":409,"description":"x"}"#, Err(TelegramError::Conflict));
        let description = "Bad Request: chat … has 3 of them".to_string();
        check(
            r#"{"ok":false,"error_code":400,"description":"Bad Request: chat 7711223344 has 3 of them"}"#,
            Err(TelegramError::Refused { code: 400, description }),
        );
        check(
            r#"{"ok":false,"error_code":401,"description":"x"}"#,
            Err(TelegramError::Unauthorized),
        );
    }

    #[test]
    fn a_silence_is_no_longer_than_a_day() {
        let check = |retry_after: &str, after: Duration| {
            let answer = format!(
                r#"{{"ok":false,"error_code":429,"parameters":{{"retry_after":{retry_after}}}}}"#
            );
            check(&answer, Err(TelegramError::Wait { after }));
        };
        check("3600", Duration::from_secs(3600));
        check("0.5", Duration::from_millis(500));
        for long in ["86401", "1000000000000000", "9223372036854775807", "18446744073709551615"] {
            check(long, RETRY_AFTER_MAX);
        }
        check("1e300", RETRY_AFTER_MAX);
        for odd in ["-1", "null", "\"soon\""] {
            check(odd, RETRY_AFTER_DEFAULT);
        }
    }

    #[test]
    fn an_unknown_update_is_skipped_and_not_lost() {
        let known = update(&json!({"update_id": 5, "poll": {"id": "x"}})).expect("an update");
        assert_eq!(known.id, 5);
        assert!(known.event.is_none());
        assert!(update(&json!({"update_id": i64::MAX})).is_none(), "there is none behind it");
        let message = json!({"update_id": 6, "message": {"chat": {"id": 1}, "text": "hi"}});
        assert!(matches!(update(&message).and_then(|u| u.event), Some(Event::Message(_))));
    }

    #[test]
    fn a_token_is_never_shown() {
        let token = Token::parse(" 123:abc_DEF-1\n").expect("a token");
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert!(Token::parse("no token").is_none());
    }
}
