"""The subject contract as a bare ASGI application: what is judged is the server beneath.

Without /spin: there is one thread, and a handler that computes holds it.
"""

import asyncio
import json
from urllib.parse import parse_qs

CYCLE = bytes(range(251))


async def app(scope, receive, send):
    match scope["type"]:
        case "http":
            await answer(scope, receive, send)
        case "websocket":
            await converse(scope, receive, send)
        case _:
            raise NotImplementedError(scope["type"])


async def answer(scope, receive, send):
    path, method = scope["path"], scope["method"]
    if path in PAGES:
        if method not in ("GET", "HEAD"):
            return await respond(send, 405, b"GET or HEAD\n", [(b"allow", b"GET, HEAD")])
        return await respond(send, 200, PAGES[path])
    match path:
        case "/echo":
            await respond(send, 200, await content(receive))
        case "/fields":
            pairs = [[octets.decode("latin-1") for octets in field] for field in scope["headers"]]
            await respond(send, 200, json.dumps(pairs).encode())
        case "/crash":
            await crash(scope, send)
        case "/hang":
            await asyncio.Event().wait()
        case "/sleep":
            await asyncio.sleep(number(scope, "ms") / 1000)
            await respond(send, 200, b"slept\n")
        case "/bytes":
            n = number(scope, "n")
            await respond(send, 200, (CYCLE * (n // 251 + 1))[:n])
        case "/stream":
            await stream(scope, send)
        case _:
            await respond(send, 404, b"not found\n")


async def content(receive):
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client has gone")
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def respond(send, status, body, fields=()):
    # Octets, whatever they hold: the client is not to guess.
    described = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body)), *fields]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": body})


async def crash(scope, send):
    match query(scope).get("kind"):
        case ["divide"]:
            return 1 // 0
        case ["index"]:
            return [][0]
        case ["match"]:
            return None.value
        case ["stream"]:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"the first part", "more_body": True})
    raise RuntimeError("/crash")


async def stream(scope, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(number(scope, "chunks")):
        await send({"type": "http.response.body", "body": b"x" * number(scope, "size"), "more_body": True})
        await asyncio.sleep(number(scope, "ms") / 1000)
    await send({"type": "http.response.body", "body": b""})


async def converse(scope, receive, send):
    await receive()  # websocket.connect
    path = scope["path"]
    if path not in ("/ws/echo", "/ws/crash", "/ws/push"):
        return await send({"type": "websocket.close"})  # 403, since nothing was accepted
    await send({"type": "websocket.accept"})
    if path == "/ws/push":
        for sent in range(number(scope, "n")):
            await send({"type": "websocket.send", "text": str(sent)})
            await asyncio.sleep(number(scope, "ms") / 1000)
    while (message := await receive())["type"] == "websocket.receive":
        if path == "/ws/crash" and message.get("text") == "crash":
            raise RuntimeError("the text was crash")
        if path != "/ws/push":
            await send({**message, "type": "websocket.send"})


def query(scope):
    return parse_qs(scope["query_string"].decode("latin-1"))


def number(scope, name):
    return int(query(scope).get(name, ["0"])[0])


PAGES = {"/hello": b"hello\n", "/health": b'{"status":"ok"}'}
