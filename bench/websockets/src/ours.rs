//! Our server.

use std::error::Error;
use std::io::Read;
use std::num::NonZero;

use seawall_actor::{Context, Mailbox, Runtime, time};
use seawall_http_server::{Limits, Request, Router, Server};
use seawall_ws_server::{Accept, Group, Handler, Message, Reject, Sender, WebSocket};

use crate::{WORKERS, push};

struct Echo;

impl Handler for Echo {
    async fn on_message(&mut self, message: Message<'_>, sender: &Sender) {
        let _ = sender.send(message).await;
    }
}

struct Subscriber(Group);

impl Handler for Subscriber {
    async fn on_connect(&mut self, _: &Request, sender: &Sender) -> Result<Accept, Reject> {
        self.0.join(sender);
        Ok(Accept::new())
    }

    async fn on_message(&mut self, message: Message<'_>, _: &Sender) {
        self.0.broadcast(message);
    }
}

/// Tells its client every few milliseconds what time it is.
struct Clock;

impl Handler for Clock {
    async fn on_connect(&mut self, request: &Request, sender: &Sender) -> Result<Accept, Reject> {
        let sender = sender.clone();
        request.scope().spawn(move |_: Mailbox<()>, _: Context| async move {
            while sender.send(&push::now().to_be_bytes()[..]).await.is_ok() {
                time::sleep(push::EVERY).await;
            }
        });
        Ok(Accept::new())
    }

    async fn on_message(&mut self, _: Message<'_>, _: &Sender) {}
}

pub fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder().workers(NonZero::new(WORKERS).ok_or("none")?).build()?;
    let group = Group::new();
    let router = Router::new()
        .get("/echo", WebSocket::new(|| Echo))
        .get("/push", WebSocket::new(|| Clock))
        .get("/broadcast", WebSocket::new(move || Subscriber(group.clone())));
    let limits = Limits { connections_per_address: 20_000, ..Limits::default() };
    let server = Server::new(router).limits(limits).listen(([127, 0, 0, 1], 0).into());
    let running = server.start(runtime.scope())?;
    println!("{}", running.local_addr());
    let _ = std::io::stdin().read(&mut [0]);
    Ok(())
}
