"""The HTTP half of the subject contract on Python's own server, which speaks HTTP/1.0 unless told otherwise.

    server.py PORT

Without /echo: the server reads heads, and leaves content to the program, Transfer-Encoding and all.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CYCLE = bytes(range(251))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        target = urlsplit(self.path)
        route = ROUTES.get(target.path)
        if route is None:
            return self.send_error(404)
        self.query = parse_qs(target.query)
        route(self)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET

    def answer(self, content, media_type="text/plain"):
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def page(self, content, media_type="text/plain"):
        if self.command in ("GET", "HEAD"):
            return self.answer(content, media_type)
        self.send_response(405)
        self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def hello(self):
        self.page(b"hello\n")

    def health(self):
        self.page(b'{"status":"ok"}', "application/json")

    def fields(self):
        self.answer(json.dumps(self.headers.items()).encode(), "application/json")

    def crash(self):
        match self.query.get("kind"):
            case ["divide"]:
                return 1 // 0
            case ["index"]:
                return [][0]
            case ["match"]:
                return None.value
            case ["stream"]:
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"the first part")
        raise RuntimeError("/crash")

    def sleep(self):
        time.sleep(self.number("ms") / 1000)
        self.answer(b"slept\n")

    def octets(self):
        n = self.number("n")
        self.answer((CYCLE * (n // 251 + 1))[:n], "application/octet-stream")

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        if self.command == "HEAD":
            return
        for _ in range(self.number("chunks")):
            self.wfile.write(b"x" * self.number("size"))
            time.sleep(self.number("ms") / 1000)

    def number(self, name):
        return int(self.query.get(name, ["0"])[0])

    def log_message(self, *_):
        pass  # Not a line for every request.


ROUTES = {
    "/hello": Handler.hello,
    "/health": Handler.health,
    "/fields": Handler.fields,
    "/crash": Handler.crash,
    "/sleep": Handler.sleep,
    "/bytes": Handler.octets,
    "/stream": Handler.stream,
}

class Server(ThreadingHTTPServer):
    request_queue_size = 128  # Of the five by default, others that are judged at once leave none.


Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
