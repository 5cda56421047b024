//! What a proxy says before it passes a connection on: the PROXY protocol.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use futures_lite::{AsyncReadExt, future};
use seawall_actor::net::TcpStream;
use seawall_actor::{Context, time};
use seawall_codec::proxy::{self, Origin, Parsed};

use crate::Error;
use crate::error::{Kind, Phase};
use crate::server::Shared;

/// Reads the header, and nothing behind it; gives the client's address. `None` if the server stops
/// meanwhile.
///
/// Where the proxy speaks for itself, or does not know, the address is its own.
pub(crate) async fn client(
    stream: &mut TcpStream,
    proxy: SocketAddr,
    shared: &Shared,
    context: &Context,
) -> Result<Option<SocketAddr>, Error> {
    let stopping = pin!(async {
        context.stopping().await;
        Ok(None)
    });
    let reading = pin!(async {
        match time::timeout(shared.timeouts.first_byte, read(stream)).await {
            Ok(origin) => origin.map(|origin| match origin {
                Origin::Client { source, .. } => Some(source),
                Origin::Local | Origin::Unknown => Some(proxy),
            }),
            Err(time::Elapsed) => Err(Error::new(Kind::TooSlow(Phase::Proxy))),
        }
    });
    future::or(stopping, reading).await
}

async fn read(stream: &mut TcpStream) -> Result<Origin, Error> {
    let mut header = [0; proxy::MAX_LEN];
    let mut len = 0;
    loop {
        match proxy::parse(&header[..len])
            .map_err(|violation| Error::new(Kind::Proxy(violation)))?
        {
            Parsed::Header { origin, .. } => return Ok(origin),
            Parsed::Needs(more) => {
                // Never beyond `MAX_LEN`: what needs more is refused.
                let piece = &mut header[len..len + more];
                match stream.read_exact(piece).await {
                    Ok(()) => len += more,
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        return Err(Error::new(Kind::Left(Phase::Proxy)));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}
