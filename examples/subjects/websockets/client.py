"""Talks to `reference` with the `websockets` library.

    client.py ws://HOST:PORT/ws/echo

Prints one line, and ends with 0, if all went well. Certificates are not checked: tests sign their own.
"""

import asyncio
import os
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def echo(url, **options):
    async with connect(url, max_size=None, **options) as client:
        # Nothing long that repeats itself: what inflates too far is refused, as it should be.
        for message in ["", "text", "κόσμε " * 1000, b"", os.urandom(140_000), os.urandom(1 << 20)]:
            await client.send(message)
            assert await client.recv() == message, message[:20]
        await client.send(["in ", "three ", "fragments"])
        assert await client.recv() == "in three fragments"
        latency = await (await client.ping(b"are you there"))
        assert 0 <= latency < 60
        await client.close(4001, "bye")
        assert (client.close_code, client.close_reason) == (4001, ""), client.close_reason
        return client.protocol.extensions


async def crash(url):
    async with connect(url.replace("/echo", "/crash"), ssl=options(url)) as client:
        await client.send("crash")
        try:
            await client.recv()
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 1011, closed
        else:
            raise AssertionError("no close")


def options(url):
    if not url.startswith("wss:"):
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def main(url):
    compressed = await echo(url, ssl=options(url))
    assert compressed, "permessage-deflate was offered"
    assert not await echo(url, ssl=options(url), compression=None)
    await asyncio.gather(*(echo(url, ssl=options(url)) for _ in range(10)))
    await crash(url)
    print("websockets: all went well")


asyncio.run(main(sys.argv[1]))
