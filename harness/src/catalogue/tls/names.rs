//! Several certificates, chosen by the name that the client asks for (`server_name`, RFC 6066 §3).

use crate::case::{Case, Family};
use crate::catalogue::Judging;
use crate::context::Context;
use crate::route::Route;
use crate::verdict::{Outcome, Strength, Verdict};
use crate::wire::Source;

pub(super) fn case() -> Case {
    let judge = |cx| Box::pin(names(cx)) as Judging;
    super::case(Family::Tls, "names", "A certificate for each name", &[Route::Hello], judge)
        .over_tls()
        .rule("RFC 6066 §3", Strength::Should)
}

async fn names(cx: Context) -> Result<Verdict, Verdict> {
    let names = cx.names();
    let expected = "each name that is promised gets a certificate for it";
    if names.is_empty() {
        return Ok(Verdict::new(Outcome::Skip, expected, "the profile names none: see tls.names"));
    }
    for name in names {
        let mut connection = cx.connect_raw(Source::Case).await?;
        if let Err(why) = cx.secure_for(&mut connection, name).await {
            return Err(Verdict::fail(expected, why).at(name));
        }
    }
    let got = format!("so it was with {}", names.join(", "));
    Ok(Verdict::pass(expected, got))
}
