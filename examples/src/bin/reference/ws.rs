//! The WebSocket routes of the subject contract.

use std::convert::Infallible;
use std::time::Duration;

use seawall_actor::{Context, Mailbox, time};
use seawall_examples::flags::Ws;
use seawall_http_server::{Request, Router};
use seawall_ws_server::{Accept, Handler, Message, Reject, Sender, WebSocket};

pub(crate) fn routes(router: Router, options: &Ws) -> Router {
    let mut echo = route(|| Echo, options);
    if let Some(compression) = options.compression() {
        echo = echo.compression(compression);
    }
    router
        .get("/ws/echo", echo)
        .get("/ws/crash", route(|| Crash, options))
        .get("/ws/push", route(|| Push, options))
        .get("/ws/reject", route(|| Refuse, options))
}

fn route<F, H>(make: F, options: &Ws) -> WebSocket<F>
where
    F: Fn() -> H + Send + Sync + 'static,
    H: Handler,
{
    WebSocket::new(make).limits(options.limits()).timeouts(options.timeouts())
}

/// Sends each message back.
struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await; // an error says that the connection is closing
    }
}

/// Sends each message back, but panics on the text `crash`.
struct Crash;

impl Handler for Crash {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        if message == Message::Text("crash") {
            panic!("as asked");
        }
        let _ = sender.send(message).await;
    }
}

/// Sends the numbers from 0 to `n`, with `ms` milliseconds between them, without being asked.
struct Push;

impl Handler for Push {
    async fn on_connect(&mut self, request: &Request, sender: &Sender) -> Result<Accept, Reject> {
        let number = |name| request.query_param(name).and_then(|text| text.parse::<u64>().ok());
        let (n, ms) = (number("n").unwrap_or(1), number("ms").unwrap_or(0));
        let sender = sender.clone();
        // An actor of its own: the connection stays free to answer its client.
        let pusher = request.scope().actor().label("pusher").mailbox(1);
        pusher.spawn(move |_: Mailbox<Infallible>, context: Context| async move {
            for i in 0..n {
                if i > 0 {
                    time::sleep(Duration::from_millis(ms)).await;
                }
                if context.is_stopping() || sender.send(&*i.to_string()).await.is_err() {
                    return;
                }
            }
        });
        Ok(Accept::new())
    }

    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
}

/// Refuses everyone.
struct Refuse;

impl Handler for Refuse {
    async fn on_connect(&mut self, _: &Request, _: &Sender) -> Result<Accept, Reject> {
        Err(Reject::Policy("refused on principle".to_owned()))
    }

    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
}
