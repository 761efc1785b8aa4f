"""An aiortc peer on our signaling: answers one call and echoes, or makes one and checks the echo.

usage: aiortc_peer.py URL NAME [--call PEER] [--trickle] [--token TOKEN] [--servers]

Prints one line per step ("ready", "state connected", "channel NAME", "equal text", "equal binary 1048576", "closed"), and ends
when the channel or the connection does. aiortc gathers before it describes: with --trickle the candidates are taken out of the
description and sent one by one after it. With --servers it asks URL for STUN and TURN servers.
"""
import argparse
import asyncio
import json
import os
import urllib.request

import socketio
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

MEBIBYTE = 1024 * 1024
CHUNK = 16 * 1024


def say(*words):
    print(*words, flush=True)


def ice_servers(url):
    with urllib.request.urlopen(f"{url}/api/ice-servers", timeout=10) as answer:
        body = json.load(answer)
    entries = body["iceServers"] if isinstance(body, dict) else body
    return [RTCIceServer(entry["urls"], entry.get("username"), entry.get("credential")) for entry in entries]


class Peer:
    def __init__(self, options):
        self.options = options
        self.signaling = socketio.AsyncClient(reconnection=False)
        servers = ice_servers(options.url) if options.servers else []
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self.incoming = asyncio.Queue()
        self.over = asyncio.Event()

    async def run(self):
        self.signaling.on("message", self.incoming.put)
        self.signaling.on("uniquenessError", self.refused)
        self.connection.on("connectionstatechange", self.state_changed)
        self.connection.on("datachannel", self.echo)
        await self.signaling.connect(self.options.url, auth={"token": self.options.token})
        await self.signaling.emit("ready", (self.options.name, "aiortc"))
        say("ready")
        listening = asyncio.create_task(self.listen())
        if self.options.call:
            await self.call()
        over = asyncio.create_task(self.over.wait())
        done, _ = await asyncio.wait([over, listening], return_when=asyncio.FIRST_COMPLETED)
        if listening in done:
            listening.result()
        await self.connection.close()
        await self.signaling.disconnect()
        say("closed")

    def refused(self, body):
        say("refused", body["message"])
        self.over.set()

    def state_changed(self):
        say("state", self.connection.connectionState)
        if self.connection.connectionState in ("failed", "closed"):
            self.over.set()

    async def listen(self):
        """Signaling in order: an answer's candidates must not overtake it."""
        while True:
            message = await self.incoming.get()
            sender, body = message["from"], message.get("payload") or message.get("message") or {}
            if message.get("target") != self.options.name:
                continue
            if body.get("action") == "close":
                self.over.set()
            elif body.get("type") in ("offer", "answer"):
                await self.connection.setRemoteDescription(RTCSessionDescription(body["sdp"], body["type"]))
                if body["type"] == "offer":
                    await self.describe(sender, await self.connection.createAnswer())
            elif "candidate" in body:
                await self.remote_candidate(body)

    async def remote_candidate(self, body):
        line = body["candidate"]
        if isinstance(line, dict):
            body, line = line, line.get("candidate")
        candidate = None
        if line:
            candidate = candidate_from_sdp(line.removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = body.get("sdpMid"), body.get("sdpMLineIndex")
        await self.connection.addIceCandidate(candidate)

    async def describe(self, target, description):
        await self.connection.setLocalDescription(description)
        local = self.connection.localDescription
        sdp, candidates = local.sdp, []
        if self.options.trickle:
            lines = sdp.splitlines(keepends=True)
            candidates = [line[2:].strip() for line in lines if line.startswith("a=candidate:")]
            sdp = "".join(line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates")))
        await self.send(target, {"type": local.type, "sdp": sdp})
        for line in candidates:
            await self.send(target, {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0})
        if candidates:
            await self.send(target, {"candidate": "", "sdpMid": "0", "sdpMLineIndex": 0})
        say("sent", local.type, "trickled", len(candidates))

    async def send(self, target, payload):
        await self.signaling.emit("messageOne", {"from": self.options.name, "target": target, "payload": payload})

    async def call(self):
        channel = self.connection.createDataChannel("interop")
        received = asyncio.Queue()
        channel.on("message", received.put_nowait)
        channel.on("open", lambda: asyncio.ensure_future(self.check(channel, received)))
        await self.describe(self.options.call, await self.connection.createOffer())

    async def check(self, channel, received):
        say("channel", channel.label)
        text = "이음, from aiortc"
        channel.send(text)
        if await received.get() == text:
            say("equal text")
        sent = os.urandom(MEBIBYTE)
        for start in range(0, MEBIBYTE, CHUNK):
            channel.send(sent[start : start + CHUNK])
        back = bytearray()
        while len(back) < MEBIBYTE:
            back += await received.get()
        say("equal binary" if back == sent else "different binary", len(back))
        self.over.set()

    def echo(self, channel):
        say("channel", channel.label)
        channel.on("message", channel.send)
        channel.on("close", self.over.set)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("url")
    arguments.add_argument("name")
    arguments.add_argument("--call")
    arguments.add_argument("--trickle", action="store_true")
    arguments.add_argument("--token")
    arguments.add_argument("--servers", action="store_true")
    asyncio.run(Peer(arguments.parse_args()).run())


main()
