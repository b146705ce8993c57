//! `/query-stream` and `/query`: rows of pull and push queries, lines of PRINT.
//!
//! Both are one handler; they differ in the names of the request's fields, in the shapes they
//! offer, and in what is said of errors (those of `/query-stream` have no content type).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self as futures, Stream, StreamExt};
use http::StatusCode;
use stream::rows::RowBatch;
use stream::{
    Engine, PrintQuery, PullAnswer, PushEvent, PushQuery, QueryAnswer, QueryEnd, RequestErrorKind,
};
use tracing::debug;

use super::{Api, blocking, not_found, with_type};
use crate::accept::{Accepted, Media, negotiate};
use crate::body;
use crate::error::ApiError;
use crate::rows::{Ends, RowWriter, Shape};

/// What one of the two routes does otherwise than the other.
struct Route {
    text_field: &'static str,
    properties_field: &'static str,
    with_variables: bool,
    errors_typed: bool,
    /// Media types in the order in which a wildcard finds them, each with its rows' shape.
    offered: &'static [(Media, Shape)],
    /// For a client that accepts anything.
    default: (Media, Shape),
    /// PRINT says which formats it found, and rows may be JSON: else only lines are offered for it.
    print_formats: bool,
    /// A blank text is as good as none; else it is one without statements.
    refuses_blank: bool,
    /// The error of a statement that is no query.
    not_a_query: Blames,
    /// The error of PRINT where there is no such topic.
    no_topic: Blames,
}

/// What an error is told of.
#[derive(Clone, Copy)]
enum Blames {
    /// The statement; its code is that of the error's kind.
    Statement,
    /// The request, with this code.
    Request(i64),
}

impl Blames {
    fn of(self, error: stream::RequestError) -> ApiError {
        match self {
            Blames::Statement => error.into(),
            Blames::Request(code) => ApiError::from(error).about_request(code),
        }
    }
}

static QUERY_STREAM: Route = Route {
    text_field: "sql",
    properties_field: "properties",
    with_variables: true,
    errors_typed: false,
    offered: &[
        (Media::Delimited, Shape::Delimited),
        (Media::Json, Shape::JsonArray),
        (Media::KsqlJson, Shape::StreamedRows),
        (Media::Protobuf, Shape::Protobuf),
    ],
    default: (Media::Delimited, Shape::Delimited),
    print_formats: false,
    refuses_blank: false,
    not_a_query: Blames::Statement,
    no_topic: Blames::Request(40_001),
};

/// As on the real server, `/query` does not look at session variables.
static QUERY: Route = Route {
    text_field: "ksql",
    properties_field: "streamsProperties",
    with_variables: false,
    errors_typed: true,
    offered: &[
        (Media::Delimited, Shape::Delimited),
        (Media::KsqlJson, Shape::StreamedRows),
        (Media::Json, Shape::StreamedRows),
    ],
    default: (Media::KsqlJson, Shape::StreamedRows),
    print_formats: true,
    refuses_blank: true,
    not_a_query: Blames::Request(40_000),
    no_topic: Blames::Statement,
};

pub(super) async fn query_stream(State(api): State<Api>, request: Request) -> Response {
    run(api, request, &QUERY_STREAM).await
}

pub(super) async fn query(State(api): State<Api>, request: Request) -> Response {
    run(api, request, &QUERY).await
}

async fn run(api: Api, request: Request, route: &'static Route) -> Response {
    let media: Vec<Media> = route.offered.iter().map(|(media, _)| *media).collect();
    let (media, shape) = match negotiate(request.headers(), &media) {
        Accepted::Nothing => return not_found(),
        Accepted::Anything => route.default,
        Accepted::One(media) => {
            let shape = route.offered.iter().find(|(m, _)| *m == media).map(|(_, shape)| *shape);
            (media, shape.unwrap_or(route.default.1))
        }
    };
    let engine = api.engine.clone();
    let answer = answer(api, request.into_body(), route).await;
    let answer = answer.and_then(|answer| match answer {
        QueryAnswer::Pull(pull) => {
            let (writer, first) = RowWriter::start(shape, Ends::Known, &pull.header)?;
            let body = Body::from_stream(pull_chunks(writer, first, pull));
            Ok(rows_response(body, media, shape))
        }
        QueryAnswer::Push(push) => {
            let (writer, first) = RowWriter::start(shape, Ends::Open, &push.header)?;
            let first = futures::once(async move { Ok(first) });
            let body = Body::from_stream(first.chain(push_chunks(writer, push, engine)));
            Ok(rows_response(body, media, shape))
        }
        QueryAnswer::Print(print) => Ok(print_response(print, route, shape, engine)),
    });
    match answer {
        Ok(response) => response,
        Err(error) if route.errors_typed => error.into_response(),
        Err(error) => error.without_type().into_response(),
    }
}

async fn answer(api: Api, body: Body, route: &'static Route) -> Result<QueryAnswer, ApiError> {
    let object = body::object(body).await?;
    let request =
        body::request(&object, route.text_field, route.properties_field, route.with_variables)?;
    let refuses = |r: &stream::Request| route.refuses_blank && r.text.trim().is_empty();
    let Some(request) = request.filter(|r| !refuses(r)) else {
        let message = format!("\"{}\" field must be populated", route.text_field);
        return Err(ApiError::typed(40_000, message));
    };
    body::wait_for_command(&api.engine, &object).await?;
    let _here = request.client.guard();
    let answer = blocking(move || api.engine.query(&request)).await?;
    answer.map_err(|error| match error.kind {
        RequestErrorKind::NotAQuery => route.not_a_query.of(error),
        RequestErrorKind::NoTopic => route.no_topic.of(error),
        _ => error.into(),
    })
}

/// `/query` names streamed rows by their own type, whichever JSON was asked for.
fn rows_response(body: Body, media: Media, shape: Shape) -> Response {
    let media = if shape == Shape::StreamedRows { Media::KsqlJson } else { media };
    with_type(body, media.name())
}

/// What clients are told whose query the server's end cut off.
const SHUTTING_DOWN: &str = "The server is shutting down; the query was cut off";

type Chunk = Result<Bytes, std::convert::Infallible>;

/// A pull query's rows, a row a chunk: some clients read each chunk as one JSON value.
fn pull_chunks(writer: RowWriter, first: Bytes, pull: PullAnswer) -> impl Stream<Item = Chunk> {
    let first = futures::once(async move { Ok(first) });
    let mut next = 0;
    let PullAnswer { rows, permit, .. } = pull;
    let rest = futures::iter(std::iter::from_fn(move || {
        // The answer counts as long as it has rows to write.
        let _counts = &permit;
        let mut chunk = Vec::with_capacity(128);
        while next < rows.rows && chunk.is_empty() {
            if let Err(error) = writer.row(&rows, next, &mut chunk) {
                next = rows.rows;
                chunk.extend_from_slice(&writer.fail(&error.to_json()));
            }
            next += 1;
        }
        if chunk.is_empty() && next == rows.rows {
            chunk.extend_from_slice(&writer.finish("Query Completed"));
            next += 1;
        }
        (!chunk.is_empty()).then_some(Ok(Bytes::from(chunk)))
    }));
    first.chain(rest)
}

/// A push query's rows, a row a chunk, and how it ended. Dropping the stream ends the query. One
/// that ends because the server does has not told all there is: that is an error.
fn push_chunks(writer: RowWriter, query: PushQuery, engine: Engine) -> impl Stream<Item = Chunk> {
    struct State {
        engine: Engine,
        writer: RowWriter,
        query: PushQuery,
        batch: RowBatch,
        next: usize,
        ended: bool,
    }
    let state = State { engine, writer, query, batch: RowBatch::empty(), next: 0, ended: false };
    futures::unfold(state, |mut state| async move {
        loop {
            while state.next < state.batch.rows {
                let mut chunk = Vec::with_capacity(128);
                if let Err(error) = state.writer.row(&state.batch, state.next, &mut chunk) {
                    state.next = state.batch.rows;
                    state.ended = true;
                    return Some((Ok(state.writer.fail(&error.to_json())), state));
                }
                state.next += 1;
                if !chunk.is_empty() {
                    return Some((Ok(Bytes::from(chunk)), state));
                }
            }
            if state.ended {
                return None;
            }
            let end = match state.query.events.recv().await {
                Some(PushEvent::Rows(batch)) => {
                    state.batch = batch;
                    state.next = 0;
                    continue;
                }
                Some(PushEvent::End(end)) => end,
                None => QueryEnd::Terminated,
            };
            state.ended = true;
            let last = match end {
                QueryEnd::LimitReached => state.writer.finish("Limit Reached"),
                QueryEnd::Terminated if state.engine.is_shut_down() => {
                    state.writer.fail(&ApiError::typed(50_303, SHUTTING_DOWN).to_json())
                }
                QueryEnd::Completed | QueryEnd::Terminated => {
                    state.writer.finish("Query Completed")
                }
                QueryEnd::TooSlow(message) => {
                    let error = ApiError::typed(50_000, message);
                    state.writer.fail(&error.to_json())
                }
                QueryEnd::Failed(message) => {
                    debug!(%message, "a push query failed");
                    state.writer.fail(&ApiError::typed(50_000, message).to_json())
                }
            };
            if !last.is_empty() {
                return Some((Ok(last), state));
            }
        }
    })
}

fn print_response(print: PrintQuery, route: &Route, shape: Shape, engine: Engine) -> Response {
    if shape != Shape::Delimited && !route.print_formats {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_ACCEPTABLE;
        return response;
    }
    let PrintQuery { formats, lines, guard, permit } = print;
    let formats = if route.print_formats { formats } else { Vec::new() };
    let formats = futures::iter(formats.into_iter().map(Ok));
    let lines = futures::unfold(Some((lines, (guard, permit, engine))), |state| async move {
        let (mut lines, held) = state?;
        match lines.recv().await {
            Some(Ok(line)) => Some((Ok(line), Some((lines, held)))),
            // Lines have no shape for an error; an answer that breaks off is one.
            Some(Err(why)) => Some((Err(std::io::Error::other(why)), None)),
            None if held.2.is_shut_down() => {
                Some((Err(std::io::Error::other(SHUTTING_DOWN)), None))
            }
            None => None,
        }
    });
    let line = |line: std::io::Result<String>| line.map(|line| Bytes::from(line + "\n"));
    let body = Body::from_stream(formats.chain(lines).map(line));
    match route.print_formats {
        true => with_type(body, Media::Json.name()),
        false => Response::new(body),
    }
}
