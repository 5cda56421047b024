//! Who says nothing at all: before the first request, and between two.

use super::{Attack, case};
use crate::case::{Case, Family};
use crate::context::Context;
use crate::http::exchange::get;
use crate::route::Route;
use crate::verdict::Verdict;

pub(super) fn cases() -> [Case; 2] {
    let hello = [Route::Hello];
    [
        case(Family::Slow, "silence", "Clients that connect and say nothing", &hello, silence),
        case(Family::Slow, "idle", "Clients that stay after their answer", &hello, idle),
    ]
}

/// Over TLS the handshake is done: what is missing is the request.
async fn silence(cx: Context) -> Result<Verdict, Verdict> {
    let promise = cx.limits().first_byte;
    Attack { route: Route::Hello, start: Vec::new(), drip: Vec::new(), promise }.run(&cx).await
}

async fn idle(cx: Context) -> Result<Verdict, Verdict> {
    let promise = cx.limits().keep_alive;
    let start = get(&cx, Route::Hello, "");
    Attack { route: Route::Hello, start, drip: Vec::new(), promise }.run(&cx).await
}
