//! Uploads of any size into a folder, as they come: by PUT, and by a form for browsers.
//!
//! Run with `cargo run --bin upload -- --folder /tmp/uploads`, then open <http://127.0.0.1:8080/>, or
//!
//! ```text
//! curl --upload-file photo.jpg http://127.0.0.1:8080/files/photo.jpg
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use seawall_examples::flags::{Listen, size};
use seawall_http_server::{
    Error, Files, Handler, MultipartLimits, Request, Response, Router, Server, Status, with_state,
};

/// Takes files.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    listen: Listen,
    /// Where they are kept; it must exist
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// A whole upload
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size::<u64>)]
    max_upload: u64,
}

const PAGE: &str = r#"<!doctype html>
<title>Upload</title>
<form method="post" action="/form" enctype="multipart/form-data">
  <input type="file" name="files" multiple> <button>Upload</button>
</form>
"#;

fn main() -> ExitCode {
    let Options { listen, folder, max_upload } = Options::parse();
    // The time is the handler's alone: what it waits for the client's octets does not count, and
    // how slowly these may come is for the timeouts of the server.
    let minutes = Duration::from_secs(600);
    let put = with_state(folder.clone(), put).body_limit(max_upload).timeout(minutes);
    let form = with_state(folder.clone(), form).body_limit(max_upload).timeout(minutes);
    let page = async |_: Request| {
        Response::new(Status::OK).content("text/html; charset=utf-8", PAGE.as_bytes())
    };
    let router = Router::new()
        .get("/", page)
        .put("/files/{*path}", put)
        .get("/files/{*path}", Files::new(folder).index(None))
        .post("/form", form);
    seawall_examples::run(Server::new(router), &listen)
}

async fn put(folder: PathBuf, mut request: Request) -> Result<Response, Error> {
    let Some(mut upload) = Upload::begin(&folder, request.param("path"))? else {
        return Ok(Response::new(Status::BAD_REQUEST).text("choose a plain name\n"));
    };
    while let Some(piece) = request.next_piece().await? {
        upload.write(&piece)?;
    }
    let len = upload.finish()?;
    Ok(Response::new(Status::CREATED).text(format!("{len} octets\n")))
}

async fn form(folder: PathBuf, mut request: Request) -> Result<Response, Error> {
    let mut form = request.multipart(MultipartLimits::default())?;
    let mut report = String::new();
    while let Some(mut part) = form.next_part().await? {
        let name = part.file_name().map(str::to_owned);
        let Some(mut upload) = Upload::begin(&folder, name.as_deref())? else { continue };
        while let Some(piece) = part.next_piece().await? {
            upload.write(&piece)?;
        }
        let len = upload.finish()?;
        report += &format!("{}: {len} octets\n", name.unwrap_or_default());
    }
    Ok(Response::new(Status::CREATED).text(report))
}

/// A file that is seen under its name when it is whole, and leaves nothing otherwise.
///
/// Its writes block, for as long as the page cache takes to copy a piece. Should the disk stall, the
/// runtime notices and gives the worker's place to a spare thread.
struct Upload {
    file: File,
    unfinished: PathBuf,
    name: PathBuf,
    len: u64,
}

impl Upload {
    /// `None` if that is no name that a client may choose.
    fn begin(folder: &Path, name: Option<&str>) -> io::Result<Option<Self>> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._- ".contains(c);
        let Some(name) = name.filter(|name| {
            (1..=200).contains(&name.len()) && !name.starts_with('.') && name.chars().all(is_plain)
        }) else {
            return Ok(None);
        };
        // Two clients may send the same name at once. A dot keeps it from being served.
        let unique = COUNT.fetch_add(1, Ordering::Relaxed);
        let unfinished = folder.join(format!(".{}-{unique}.part", std::process::id()));
        let file = File::create_new(&unfinished)?;
        Ok(Some(Self { file, unfinished, name: folder.join(name), len: 0 }))
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.len += piece.len() as u64;
        self.file.write_all(piece)
    }

    fn finish(self) -> io::Result<u64> {
        fs::rename(&self.unfinished, &self.name)?;
        Ok(self.len)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Nothing is there any more if it is finished.
        let _ = fs::remove_file(&self.unfinished);
    }
}
