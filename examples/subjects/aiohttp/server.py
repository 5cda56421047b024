"""The subject contract on aiohttp's server.

    server.py PORT

Without /spin: there is one thread, and a handler that computes holds it.
"""

import asyncio
import sys
import weakref
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

CYCLE = bytes(range(251))
MAX_MESSAGE = 16 * 1024 * 1024

routes = web.RouteTableDef()
sockets = weakref.WeakSet()
FILE = Path(__file__).with_name("file.txt")


@routes.get("/hello")
async def hello(_request):
    return web.Response(text="hello\n")


@routes.get("/health")
async def health(_request):
    return web.json_response({"status": "ok"})


@routes.get("/file")
async def file(_request):
    return web.FileResponse(FILE)


@routes.route("*", "/echo")
async def echo(request):
    return web.Response(body=await request.read(), content_type="application/octet-stream")


@routes.route("*", "/fields")
async def fields(request):
    return web.json_response([[octets.decode("latin-1") for octets in field] for field in request.raw_headers])


@routes.route("*", "/crash")
async def crash(request):
    match request.query.get("kind"):
        case "divide":
            return 1 // 0
        case "index":
            return [][0]
        case "match":
            return None.value
        case "stream":
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"the first part")
    raise RuntimeError("/crash")


@routes.route("*", "/hang")
async def hang(_request):
    await asyncio.Event().wait()


@routes.route("*", "/sleep")
async def sleep(request):
    await asyncio.sleep(number(request, "ms") / 1000)
    return web.Response(text="slept\n")


@routes.route("*", "/bytes")
async def octets(request):
    n = number(request, "n")
    return web.Response(body=(CYCLE * (n // 251 + 1))[:n], content_type="application/octet-stream")


@routes.route("*", "/stream")
async def stream(request):
    response = web.StreamResponse()
    response.content_type = "text/plain"
    await response.prepare(request)
    for _ in range(number(request, "chunks")):
        await response.write(b"x" * number(request, "size"))
        await asyncio.sleep(number(request, "ms") / 1000)
    return response


@routes.get("/ws/echo")
async def ws_echo(request):
    return await converse(request, lambda text: text)


@routes.get("/ws/crash")
async def ws_crash(request):
    return await converse(request, unless_crash)


@routes.get("/ws/push")
async def ws_push(request):
    socket = await accept(request)
    for sent in range(number(request, "n")):
        await socket.send_str(str(sent))
        await asyncio.sleep(number(request, "ms") / 1000)
    async for _ in socket:
        pass
    return socket


@routes.get("/ws/reject")
async def ws_reject(_request):
    raise web.HTTPForbidden


async def accept(request):
    socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE)
    await socket.prepare(request)
    sockets.add(socket)
    return socket


async def converse(request, answer):
    """Sends each message back, as `answer` has it."""
    socket = await accept(request)
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(answer(message.data))
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


def unless_crash(text):
    if text == "crash":
        raise RuntimeError("the text was crash")
    return text


def number(request, name):
    return int(request.query.get(name, 0))


async def say_goodbye(_app):
    """WebSockets are the program's to close when it stops."""
    for socket in set(sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY)


app = web.Application(client_max_size=16 * 1024 * 1024)
app.add_routes(routes)
app.on_shutdown.append(say_goodbye)
# Shorter than the defaults, so that an idle client is judged in seconds, and so is the end.
web.run_app(
    app,
    host="127.0.0.1",
    port=int(sys.argv[1]),
    keepalive_timeout=2,
    shutdown_timeout=2,
    print=None,
    access_log=None,
)
