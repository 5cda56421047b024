//! On our runtime: an actor for each connection.

use std::convert::Infallible;
use std::error::Error;
use std::num::NonZero;

use futures_lite::{AsyncReadExt as _, AsyncWriteExt as _};
use seawall_actor::net::{ListenOptions, TcpStream};
use seawall_actor::{Context, Mailbox, Runtime};

use super::{RESPONSE, WORKERS, requests, until_told};

pub fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder().workers(NonZero::new(WORKERS).ok_or("no worker")?).build()?;
    let listener = ListenOptions::new().nodelay(true).listen(([127, 0, 0, 1], 0).into())?;
    println!("{}", listener.local_addr()?);
    let _accepts = runtime.scope().spawn(|_: Mailbox<Infallible>, context: Context| async move {
        while let Ok((stream, _)) = listener.accept().await {
            context.scope().spawn(|_: Mailbox<Infallible>, _: Context| respond(stream));
        }
    });
    until_told();
    Ok(())
}

async fn respond(mut stream: TcpStream) {
    let (mut buffer, mut seen) = ([0; 1024], 0);
    while let Ok(len @ 1..) = stream.read(&mut buffer).await {
        let count = requests(&buffer[..len], &mut seen);
        if stream.write_all(&RESPONSE.repeat(count)).await.is_err() {
            return;
        }
    }
}
