"""Calls a peer over the signaling of `ieum up`, sends text and prints the echo.

usage: python call.py [TEXT] [--server URL] [--peer NAME] [--token TOKEN]
"""
import argparse, asyncio, sys, uuid
import aiohttp, socketio
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp


async def call(options):
    me = f"python-{uuid.uuid4().hex[:8]}"
    signaling, incoming = socketio.AsyncClient(), asyncio.Queue()
    signaling.on("message", incoming.put)
    await signaling.connect(options.server, auth={"token": options.token})
    await signaling.emit("ready", (me, "python"))

    connection = RTCPeerConnection(RTCConfiguration(await ice_servers(options)))
    channel = connection.createDataChannel("text")
    echo = asyncio.get_running_loop().create_future()
    channel.on("open", lambda: channel.send(options.text))
    channel.on("message", echo.set_result)

    # aiortc gathers before it describes: all its candidates are in the offer.
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"type": "offer", "sdp": connection.localDescription.sdp}
    await signaling.emit("messageOne", {"from": me, "target": options.peer, "payload": offer})
    receiving = asyncio.create_task(receive(connection, incoming, options.peer))
    await asyncio.wait([echo, receiving], timeout=30, return_when=asyncio.FIRST_COMPLETED)
    receiving.cancel()
    await connection.close()
    await signaling.disconnect()
    print("echo:", echo.result()) if echo.done() else sys.exit("no echo within 30 s")


async def ice_servers(options):
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    async with aiohttp.ClientSession(options.server, headers=headers) as http, http.get("/api/ice-servers") as answer:
        return [RTCIceServer(**server) for server in (await answer.json())["iceServers"]]


async def receive(connection, incoming, peer):
    while True:
        message = await incoming.get()
        payload = message["payload"] if message["from"] == peer else {}
        if payload.get("type") == "answer":
            await connection.setRemoteDescription(RTCSessionDescription(payload["sdp"], "answer"))
        elif payload.get("candidate"):
            candidate = candidate_from_sdp(payload["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = payload.get("sdpMid"), payload.get("sdpMLineIndex")
            await connection.addIceCandidate(candidate)


arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("text", nargs="?", default="hello")
for name, default in [("--server", "http://127.0.0.1:3030"), ("--peer", "ieum"), ("--token", None)]:
    arguments.add_argument(name, default=default)
asyncio.run(call(arguments.parse_args()))
