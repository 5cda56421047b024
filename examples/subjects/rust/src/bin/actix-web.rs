//! The subject contract on actix-web, actix-files and actix-ws: `actix-web PORT`.

use std::convert::Infallible;
use std::time::Duration;

use actix_files::NamedFile;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Payload, get, head, resource, to};
use actix_web::{
    App, Error, Handler, HttpRequest, HttpResponse, HttpServer, Resource, Responder, rt,
};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, MessageStream, Session};
use futures_util::stream::{self, StreamExt};
use subjects::Query;

/// Shorter than the default of 5 s, so that slow clients are judged in seconds.
const HEAD: Duration = Duration::from_millis(1500);

const MAX_MESSAGE: usize = 16 << 20;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let app = || {
        App::new()
            .service(read_only("/hello", async || subjects::HELLO))
            .service(read_only("/health", async || json(subjects::HEALTH)))
            .service(read_only("/file", async || NamedFile::open("file.txt")))
            .route("/echo", to(async |content: Bytes| content))
            .route("/fields", to(fields))
            .route("/crash", get().to(crash))
            .route("/hang", get().to(async || std::future::pending::<&str>().await))
            .route("/spin", get().to(spin))
            .route("/sleep", get().to(sleep))
            .route("/bytes", get().to(bytes))
            .route("/stream", get().to(stream))
            .route("/ws/echo", get().to(echo))
            .route("/ws/crash", get().to(echo_or_crash))
            .route("/ws/push", get().to(push))
            .route("/ws/reject", get().to(async || HttpResponse::Forbidden()))
    };
    let server = HttpServer::new(app).client_request_timeout(HEAD);
    server.bind(("127.0.0.1", subjects::port()))?.run().await
}

/// A resource that answers GET and HEAD, and to all else that it does not.
fn read_only<F, R>(path: &str, handler: F) -> Resource
where
    F: Handler<(), Output = R>,
    R: Responder + 'static,
{
    resource(path).route(get().to(handler.clone())).route(head().to(handler))
}

async fn bytes(request: HttpRequest) -> Vec<u8> {
    subjects::pattern(query(&request).number("n"))
}

fn query(request: &HttpRequest) -> Query {
    Query::new(Some(request.query_string()))
}

fn json(content: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(content.into())
}

async fn fields(request: HttpRequest) -> HttpResponse {
    let fields = request.headers().iter();
    json(subjects::pairs(fields.map(|(name, value)| (name.as_str(), value.as_bytes()))))
}

async fn crash(request: HttpRequest) -> HttpResponse {
    let query = query(&request);
    if query.text("kind") == Some("stream") {
        return chunks(2, async |n| {
            assert!(n == 0, "in the middle of the content");
            "the first part\n".into()
        });
    }
    HttpResponse::Ok().body(subjects::crash(query.text("kind")))
}

async fn spin(request: HttpRequest) -> &'static str {
    let query = query(&request);
    let spun = actix_web::web::block(move || subjects::spin(&query)).await;
    if spun.is_ok() { "spun\n" } else { "" }
}

async fn sleep(request: HttpRequest) -> &'static str {
    rt::time::sleep(query(&request).ms()).await;
    "slept\n"
}

async fn stream(request: HttpRequest) -> HttpResponse {
    let query = query(&request);
    let (size, pause) = (query.number("size"), query.ms());
    chunks(query.number("chunks"), move |n| async move {
        if n > 0 {
            rt::time::sleep(pause).await;
        }
        "x".repeat(size).into()
    })
}

/// Content of unknown length, in so many pieces.
fn chunks<F: Future<Output = Bytes> + 'static>(
    count: usize,
    piece: impl Fn(usize) -> F + 'static,
) -> HttpResponse {
    let pieces = stream::iter(0..count).then(piece).map(Ok::<_, Infallible>);
    HttpResponse::Ok().content_type(ContentType::plaintext()).streaming(pieces)
}

/// Messages as large as the cases send: the default is 64 KiB a frame and 1 MiB a message.
fn whole(stream: MessageStream) -> AggregatedMessageStream {
    let stream = stream.max_frame_size(MAX_MESSAGE).aggregate_continuations();
    stream.max_continuation_size(MAX_MESSAGE)
}

async fn echo(request: HttpRequest, content: Payload) -> Result<HttpResponse, Error> {
    let (response, session, stream) = actix_ws::handle(&request, content)?;
    rt::spawn(converse(session, whole(stream), |_| ()));
    Ok(response)
}

async fn echo_or_crash(request: HttpRequest, content: Payload) -> Result<HttpResponse, Error> {
    let (response, session, stream) = actix_ws::handle(&request, content)?;
    rt::spawn(converse(session, whole(stream), |text| {
        assert!(text != "crash", "the text was crash");
    }));
    Ok(response)
}

async fn converse(
    mut session: Session,
    mut stream: AggregatedMessageStream,
    look: impl Fn(&str) + 'static,
) {
    let reason = loop {
        let sent = match stream.recv().await {
            Some(Ok(AggregatedMessage::Text(text))) => {
                look(&text);
                session.text(text).await
            }
            Some(Ok(AggregatedMessage::Binary(octets))) => session.binary(octets).await,
            Some(Ok(AggregatedMessage::Ping(octets))) => session.pong(&octets).await,
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(()),
            Some(Ok(AggregatedMessage::Close(reason))) => break reason,
            // The errors do not say which code they deserve.
            Some(Err(_)) => break None,
            None => return,
        };
        if sent.is_err() {
            return;
        }
    };
    let _ = session.close(reason).await;
}

async fn push(request: HttpRequest, content: Payload) -> Result<HttpResponse, Error> {
    let query = query(&request);
    let (response, mut session, stream) = actix_ws::handle(&request, content)?;
    rt::spawn(async move {
        for n in 0..query.number("n") {
            if session.text(n.to_string()).await.is_err() {
                return;
            }
            rt::time::sleep(query.ms()).await;
        }
        converse(session, whole(stream), |_| ()).await;
    });
    Ok(response)
}
