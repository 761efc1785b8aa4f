"""A signaling server of the old kind on python-socketio: no acknowledgements, no checks, one field in its refusal.

usage: server.py TOKEN

Prints `port N`, and ends when its standard input does.
"""
import asyncio
import sys

import socketio
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*", ping_interval=0.2)
peers = {}


@server.event
async def connect(sid, environ, auth):
    if (auth or {}).get("token") != sys.argv[1]:
        raise socketio.exceptions.ConnectionRefusedError("Authentication error")


@server.event
async def ready(sid, peer_id, peer_type=None):
    if peer_id in peers:
        text = f"{peer_id} is already connected to the signalling server. Please change your peer ID and try again."
        await server.emit("uniquenessError", {"message": text}, to=sid)
        return await server.disconnect(sid)
    new = {"socketId": sid, "peerId": peer_id, "peerType": peer_type}
    await say("all", peer_id, {"action": "open", "connections": list(peers.values()), "bePolite": False}, to=sid)
    peers[peer_id] = new
    await say(peer_id, "all", {"action": "open", "connections": [new], "bePolite": True}, skip_sid=sid)


@server.event
async def message(sid, body):
    await server.emit("message", body, skip_sid=sid)


@server.on("messageOne")
async def message_one(sid, body):
    if body["target"] in peers:
        await server.emit("message", body, to=peers[body["target"]]["socketId"])


@server.event
async def disconnect(sid, reason):
    for peer_id in [peer_id for peer_id, peer in peers.items() if peer["socketId"] == sid]:
        del peers[peer_id]
        await say(peer_id, "all", {"action": "close", "message": "Peer has left the signaling server"}, skip_sid=sid)


async def say(sender, target, payload, **to):
    await server.emit("message", {"from": sender, "target": target, "payload": payload}, **to)


async def run():
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("port", runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


asyncio.run(run())
