"""The WebSocket half of the subject contract on the `websockets` library.

    server.py PORT

`hello` and `health` are answered where the library allows it: instead of a handshake.
"""

import asyncio
import http
import signal
import sys
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

PAGES = {"/hello": ("hello\n", "text/plain"), "/health": ('{"status":"ok"}', "application/json")}


def answer(connection, request):
    """Answers a request that is not for a WebSocket; None goes on with the handshake."""
    path = urlsplit(request.path).path
    if path in PAGES:
        return page(connection, request.method, *PAGES[path])
    if path == "/ws/reject":
        return connection.respond(http.HTTPStatus.FORBIDDEN, "no one may come in\n")
    if path not in SOCKETS:
        return connection.respond(http.HTTPStatus.NOT_FOUND, "not found\n")
    return None


def page(connection, method, text, media_type):
    if method not in ("GET", "HEAD"):
        response = connection.respond(http.HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD\n")
        response.headers["Allow"] = "GET, HEAD"
        return response
    response = connection.respond(http.HTTPStatus.OK, text)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = media_type
    if method == "HEAD":
        response.body = b""
    return response


async def echo(connection, _arguments):
    async for message in connection:
        await connection.send(message)


async def crash(connection, _arguments):
    async for message in connection:
        if message == "crash":
            raise RuntimeError("the text was crash")
        await connection.send(message)


async def push(connection, arguments):
    pause = float(arguments.get("ms", ["0"])[0]) / 1000
    for number in range(int(arguments.get("n", ["0"])[0])):
        if number:
            await asyncio.sleep(pause)
        await connection.send(str(number))
    await connection.wait_closed()


SOCKETS = {"/ws/echo": echo, "/ws/crash": crash, "/ws/push": push}


async def handle(connection):
    target = urlsplit(connection.request.path)
    try:
        await SOCKETS[target.path](connection, parse_qs(target.query))
    except ConnectionClosed:
        pass  # The client did wrong or is gone; the library has answered.


async def main(port):
    server = await serve(
        handle,
        "127.0.0.1",
        port,
        process_request=answer,
        # Shorter than the default 10 s, so that a slow client is judged in seconds.
        open_timeout=2,
        max_size=16 * 1024 * 1024,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
    await server.wait_closed()


asyncio.run(main(int(sys.argv[1])))
