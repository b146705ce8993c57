//! A strict Bot API server on loopback, for tests: it answers in Telegram's shapes, refuses what
//! Telegram would refuse, and fails on demand.
//!
//! Strict means: unknown methods and wrong tokens are 404, missing or wrong fields 400, button data
//! over 64 bytes, texts and captions that are too long, buttons and places that are none, and
//! upper-case commands are refused, two polls at once are 409, and updates stay
//! until an offset confirms them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The token the fake knows.
pub const TOKEN: &str = "123456:fake-token";

/// The longest text of a message.
const TEXT_UNITS_MAX: usize = 4096;
/// The longest caption of a picture.
const CAPTION_UNITS_MAX: usize = 1024;
/// The longest data of a button.
const CALLBACK_BYTES_MAX: usize = 64;
/// The longest address of a button.
const URL_BYTES_MAX: usize = 2048;
/// How long a test waits for something before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What goes wrong on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, with this `retry_after`.
    TooManyRequests {
        /// In seconds.
        retry_after_s: u64,
    },
    /// 403: the bot was blocked.
    Blocked,
    /// 409: another one polls.
    Conflict,
    /// 400, whatever was sent.
    Refused,
    /// 500, with an error object.
    Internal,
    /// 502, with HTML.
    BadGateway,
    /// The call is carried out and then the connection breaks off.
    AnswerLost,
}

/// Something the bot sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// `sendMessage`, `sendVenue`, `sendPhoto`.
    pub method: String,
    /// To which chat.
    pub chat: i64,
    /// Its fields.
    pub body: Value,
}

impl Sent {
    /// Its text or caption.
    pub fn text(&self) -> &str {
        self.body["text"].as_str().or(self.body["caption"].as_str()).unwrap_or_default()
    }

    /// The data of the button with this label.
    pub fn button(&self, label: &str) -> Option<String> {
        let rows = self.body["reply_markup"]["inline_keyboard"].as_array()?;
        let buttons = rows.iter().filter_map(Value::as_array).flatten();
        let button = buttons.into_iter().find(|b| b["text"] == label)?;
        button["callback_data"].as_str().map(str::to_string)
    }
}

#[derive(Default)]
struct World {
    updates: VecDeque<(i64, Value)>,
    next_update: i64,
    polling: bool,
    faults: BTreeMap<String, VecDeque<Fault>>,
    sent: Vec<Sent>,
    calls: Vec<String>,
    commands: Vec<Value>,
}

/// The fake. Dropping it stops it.
pub struct FakeTelegram {
    telegram: Arc<Telegram>,
    url: String,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Telegram {
    state: Mutex<World>,
    changed: Notify,
}

impl FakeTelegram {
    /// Starts it on a free port of loopback.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let telegram = Arc::new(Telegram::default());
        telegram.state.lock().next_update = 1;
        let router =
            Router::new().route("/{token}/{method}", any(answer)).with_state(Arc::clone(&telegram));
        let task = tokio::spawn(async move {
            // Ends when the task is aborted; an error of the listener fails the test by silence.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { telegram, url, task })
    }

    /// Its address, for `--telegram-api`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Somebody writes.
    pub fn write(&self, chat: i64, text: &str) {
        self.update("message", json!({ "chat": { "id": chat }, "text": text }));
    }

    /// Somebody shares a location.
    pub fn share_location(&self, chat: i64, latitude: f64, longitude: f64) {
        let location = json!({ "latitude": latitude, "longitude": longitude });
        self.update("message", json!({ "chat": { "id": chat }, "location": location }));
    }

    /// Somebody presses a button.
    pub fn press(&self, chat: i64, data: &str) {
        let message = json!({ "chat": { "id": chat } });
        self.update("callback_query", json!({ "id": "q", "message": message, "data": data }));
    }

    /// Somebody blocks the bot.
    pub fn block(&self, chat: i64) {
        let member = json!({ "chat": { "id": chat }, "new_chat_member": { "status": "kicked" } });
        self.update("my_chat_member", member);
    }

    /// An update of any kind.
    pub fn update(&self, kind: &str, what: Value) {
        {
            let mut state = self.telegram.state.lock();
            let id = state.next_update;
            state.next_update += 1;
            state.updates.push_back((id, json!({ "update_id": id, kind: what })));
        }
        self.telegram.changed.notify_waiters();
    }

    /// The next call of `method` fails like this; faults queue up.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        let mut state = self.telegram.state.lock();
        state.faults.entry(method.to_lowercase()).or_default().push_back(fault);
    }

    /// All that was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.telegram.state.lock().sent.clone()
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> usize {
        let state = self.telegram.state.lock();
        state.calls.iter().filter(|c| c.eq_ignore_ascii_case(method)).count()
    }

    /// The command menu.
    pub fn commands(&self) -> Vec<Value> {
        self.telegram.state.lock().commands.clone()
    }

    /// Waits until something is true of what was sent. Fails the test after a while.
    pub async fn wait_until(&self, what: &str, mut test: impl FnMut(&[Sent]) -> bool) -> Vec<Sent> {
        let found = async {
            loop {
                let changed = self.telegram.changed.notified();
                let sent = self.sent();
                if test(&sent) {
                    return sent;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(sent) => sent,
            Err(_) => panic!("{what} did not come about; sent so far: {:#?}", self.sent()),
        }
    }

    /// Waits until `count` messages were sent to `chat`, and returns them.
    pub async fn wait_for(&self, chat: i64, count: usize) -> Vec<Sent> {
        let to_chat = |sent: &[Sent]| sent.iter().filter(|s| s.chat == chat).count() >= count;
        let sent = self.wait_until(&format!("message {count} to a chat"), to_chat).await;
        sent.into_iter().filter(|s| s.chat == chat).collect()
    }
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn failure(code: u16, description: &str, retry_after_s: Option<u64>) -> Response {
    let mut body = json!({ "ok": false, "error_code": code, "description": description });
    if let Some(after) = retry_after_s {
        body["parameters"] = json!({ "retry_after": after });
    }
    respond(code, "application/json", body.to_string())
}

fn success(result: Value) -> Response {
    respond(200, "application/json", json!({ "ok": true, "result": result }).to_string())
}

fn respond(status: u16, kind: &'static str, body: String) -> Response {
    let response = Response::builder().status(status).header("content-type", kind);
    response.body(Body::from(body)).unwrap_or_default()
}

async fn answer(
    State(telegram): State<Arc<Telegram>>,
    Path((token, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    if token != format!("bot{TOKEN}") {
        return failure(401, "Unauthorized", None);
    }
    let multipart = request
        .headers()
        .get("content-type")
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("multipart/form-data"));
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), 16 << 20).await else {
        return failure(400, "Bad Request: the body broke off", None);
    };
    let body = match multipart {
        true => form(&bytes),
        false => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    };
    let method = method.to_lowercase();
    let fault = {
        let mut state = telegram.state.lock();
        state.calls.push(method.clone());
        state.faults.get_mut(&method).and_then(VecDeque::pop_front)
    };
    telegram.changed.notify_waiters();
    match fault {
        Some(Fault::TooManyRequests { retry_after_s }) => {
            return failure(429, "Too Many Requests: retry later", Some(retry_after_s));
        }
        Some(Fault::Blocked) => {
            return failure(403, "Forbidden: bot was blocked by the user", None);
        }
        Some(Fault::Conflict) => {
            return failure(409, "Conflict: terminated by other getUpdates request", None);
        }
        Some(Fault::Refused) => return failure(400, "Bad Request: it is refused", None),
        Some(Fault::Internal) => return failure(500, "Internal Server Error", None),
        Some(Fault::BadGateway) => {
            return respond(502, "text/html", "<html>Bad Gateway</html>".into());
        }
        Some(Fault::AnswerLost) | None => {}
    }
    let answer = match method.as_str() {
        "getme" => success(json!({
            "id": 123_456, "is_bot": true, "first_name": "kerb", "username": "kerb_test_bot",
        })),
        "getupdates" => updates(&telegram, &body).await,
        "setmycommands" => set_commands(&telegram, body),
        "answercallbackquery" if body["callback_query_id"].is_string() => success(true.into()),
        "sendmessage" | "sendvenue" | "sendphoto" => send(&telegram, &method, body),
        "answercallbackquery" => failure(400, "Bad Request: query id is missing", None),
        _ => failure(404, "Not Found: method not found", None),
    };
    if fault == Some(Fault::AnswerLost) {
        // A body that breaks off in the middle.
        let pieces: [Result<&'static [u8], std::io::Error>; 2] =
            [Ok(b"{\"ok\":tr"), Err(std::io::Error::other("broken off"))];
        return Response::new(Body::from_stream(futures_util::stream::iter(pieces)));
    }
    answer
}

async fn updates(telegram: &Telegram, body: &Value) -> Response {
    let offset = body["offset"].as_i64().unwrap_or(0);
    let timeout = Duration::from_secs(body["timeout"].as_u64().unwrap_or(0));
    {
        let mut state = telegram.state.lock();
        if state.polling {
            return failure(409, "Conflict: terminated by other getUpdates request", None);
        }
        state.polling = true;
    }
    let found = async {
        loop {
            let changed = telegram.changed.notified();
            {
                let mut state = telegram.state.lock();
                state.updates.retain(|(id, _)| *id >= offset);
                if !state.updates.is_empty() {
                    return state.updates.iter().map(|(_, u)| u.clone()).collect::<Vec<_>>();
                }
            }
            changed.await;
        }
    };
    // Released also if the client hangs up and this future is dropped.
    let _polling = Polling(telegram);
    let updates = tokio::time::timeout(timeout, found).await.unwrap_or_default();
    success(updates.into())
}

struct Polling<'a>(&'a Telegram);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.state.lock().polling = false;
    }
}

fn set_commands(telegram: &Telegram, body: Value) -> Response {
    let Some(commands) = body["commands"].as_array() else {
        return failure(400, "Bad Request: commands must be an array", None);
    };
    let legal = |name: &str| {
        (1..=32).contains(&name.len())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    for command in commands {
        if !command["command"].as_str().is_some_and(legal) {
            return failure(400, "Bad Request: BOT_COMMAND_INVALID", None);
        }
        if command["description"].as_str().is_none_or(|d| d.is_empty() || d.len() > 256) {
            return failure(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID", None);
        }
    }
    telegram.state.lock().commands = commands.clone();
    success(true.into())
}

fn send(telegram: &Telegram, method: &str, body: Value) -> Response {
    let number = |v: &Value| v.as_i64().or_else(|| v.as_str()?.parse().ok());
    let Some(chat) = number(&body["chat_id"]) else {
        return failure(400, "Bad Request: chat_id is empty", None);
    };
    let wrong = match method {
        "sendmessage" => match body["text"].as_str() {
            None => Some("message text is empty"),
            Some(text) if text.trim().is_empty() => Some("message text is empty"),
            Some(text) if text.encode_utf16().count() > TEXT_UNITS_MAX => {
                Some("message is too long")
            }
            Some(_) => None,
        },
        "sendvenue" => {
            let within = |field: &str, most: f64| {
                body[field].as_f64().is_some_and(|degrees| degrees.abs() <= most)
            };
            let place = within("latitude", 90.0) && within("longitude", 180.0);
            let said = |field: &str| body[field].as_str().is_some_and(|t| !t.trim().is_empty());
            let named = said("title") && said("address");
            (!(place && named)).then_some("venue is incomplete")
        }
        _ if body["photo"].is_null() => Some("there is no photo in the request"),
        _ => {
            let caption = body["caption"].as_str().unwrap_or_default();
            let is_long = caption.encode_utf16().count() > CAPTION_UNITS_MAX;
            is_long.then_some("message caption is too long")
        }
    };
    if let Some(wrong) = wrong.or_else(|| bad_keyboard(&body["reply_markup"])) {
        return failure(400, &format!("Bad Request: {wrong}"), None);
    }
    let method = match method {
        "sendmessage" => "sendMessage",
        "sendvenue" => "sendVenue",
        _ => "sendPhoto",
    };
    let id = {
        let mut state = telegram.state.lock();
        state.sent.push(Sent { method: method.into(), chat, body });
        state.sent.len()
    };
    telegram.changed.notify_waiters();
    success(json!({ "message_id": id, "date": 0, "chat": { "id": chat, "type": "private" } }))
}

fn bad_keyboard(markup: &Value) -> Option<&'static str> {
    let rows = markup["inline_keyboard"].as_array()?;
    for button in rows.iter().filter_map(Value::as_array).flatten() {
        if button["text"].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Some("button text is empty");
        }
        match (button["callback_data"].as_str(), button["url"].as_str()) {
            (Some(data), None) if (1..=CALLBACK_BYTES_MAX).contains(&data.len()) => {}
            (None, Some(url)) if is_web_address(url) => {}
            _ => return Some("BUTTON_DATA_INVALID"),
        }
    }
    None
}

fn is_web_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    url.len() <= URL_BYTES_MAX && host.is_some_and(|host| host.contains('.'))
}

/// Reads a form's text fields; a file becomes its size.
fn form(bytes: &[u8]) -> Value {
    let mut fields = serde_json::Map::new();
    let boundary = bytes.split(|b| *b == b'\r').next().unwrap_or_default().to_vec();
    if boundary.is_empty() {
        return Value::Null;
    }
    let mut rest = bytes;
    while let Some(at) = find(rest, &boundary) {
        rest = &rest[at + boundary.len()..];
        let part = &rest[..find(rest, &boundary).unwrap_or(rest.len())];
        let Some(head_end) = find(part, b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&part[..head_end]).into_owned();
        let content = part[head_end + 4..].strip_suffix(b"\r\n").unwrap_or(&part[head_end + 4..]);
        let Some(name) = head.split("name=\"").nth(1).and_then(|n| n.split('"').next()) else {
            continue;
        };
        let value = match head.contains("filename=") {
            true => Value::from(content.len()),
            false => Value::from(String::from_utf8_lossy(content).into_owned()),
        };
        fields.insert(name.to_string(), value);
    }
    if let Some(Value::String(markup)) = fields.get("reply_markup").cloned() {
        let markup = serde_json::from_str(&markup).unwrap_or(Value::Null);
        fields.insert("reply_markup".into(), markup);
    }
    Value::Object(fields)
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}
