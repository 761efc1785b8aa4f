"""python-socketio on our signaling server, driven by the line.

usage: client.py URL polling|websocket|upgrade [TOKEN]

Commands and output are those of client.mjs; commands wait until it is connected.
"""
import asyncio
import json
import sys

import socketio


def say(*words):
    print(*words, flush=True)


def bytes_as_list(value):
    return {"bytes": list(value)}


def text(value):
    return json.dumps(value, default=bytes_as_list, ensure_ascii=False)


async def obey(client, line):
    name, _, rest = line.strip().partition(" ")
    if name == "leave":
        return await client.disconnect()
    event, *arguments = json.loads(rest)
    arguments = tuple(arguments)
    if name == "bytes":
        arguments = (arguments[0] | {"payload": {"bytes": bytes([0, 1, 255])}},)
    if name == "ask":
        await client.emit(event, arguments, callback=lambda reply: say("ack", text(reply)))
    else:
        await client.emit(event, arguments)


async def run(url, transport, token=None):
    client = socketio.AsyncClient(reconnection=False)
    client.on("connect", lambda: say("connect", client.get_sid()))
    client.on("connect_error", lambda error: say("connect_error", error["message"] if isinstance(error, dict) else error))
    client.on("disconnect", lambda reason: say("disconnect", reason))
    client.on("*", lambda name, body=None: say("event", name, text(body)))
    transports = ["polling", "websocket"] if transport == "upgrade" else [transport]
    try:
        await client.connect(url, auth={"token": token} if token else None, transports=transports)
    except socketio.exceptions.ConnectionError:
        return
    if transport == "upgrade" and client.transport() == "websocket":
        say("upgraded")
    lines = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        await obey(client, line.decode())
    await client.disconnect()


asyncio.run(run(*sys.argv[1:]))
