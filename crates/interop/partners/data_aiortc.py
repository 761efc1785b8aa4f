"""A peer for data channels over aiortc, one operation a line: as data_w3c.mjs, which says how.

usage: data_aiortc.py
"""
import asyncio
import json
import sys
import zlib

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp


class Channel:
    def __init__(self, channel):
        self.channel, self.messages = channel, []
        channel.on("message", self.take)

    def take(self, message):
        data = message.encode() if isinstance(message, str) else message
        self.messages.append(["text" if isinstance(message, str) else "binary", len(data), zlib.crc32(data)])


def message(kind, number, length):
    if kind == "text":
        return "".join(chr(97 + (number + at) % 26) for at in range(length))
    return bytes((number * 31 + at * 7 + (at >> 8)) & 255 for at in range(length))


async def until(what, condition):
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"not {what} within 20 s")
        await asyncio.sleep(0.002)


class Peer:
    def __init__(self):
        self.connection, self.channels = None, {}

    async def operate(self, command):
        return await getattr(self, command.pop("op"))(**command) or {}

    async def new(self):
        await self.end()
        self.channels = {}
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.on("datachannel", self.add)

    def add(self, channel):
        self.channels[channel.label] = Channel(channel)

    async def open(self, label, init):
        self.add(self.connection.createDataChannel(label, **init))

    async def offer(self, restart):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return {"sdp": self.connection.localDescription.sdp}

    async def answer(self, sdp):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return {"sdp": self.connection.localDescription.sdp}

    async def accept(self, sdp):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp, "answer"))

    async def gathered(self):
        """It gathers before it describes."""
        return {"candidates": []}

    async def candidate(self, candidate, sdpMid):
        parsed = candidate_from_sdp(candidate.removeprefix("candidate:"))
        parsed.sdpMid = sdpMid
        await self.connection.addIceCandidate(parsed)

    async def opened(self, label):
        await until("open", lambda: label in self.channels and self.channels[label].channel.readyState == "open")

    async def closed(self, label):
        await until("closed", lambda: self.channels[label].channel.readyState == "closed")

    async def info(self, label):
        names = ["protocol", "ordered", "maxRetransmits", "maxPacketLifeTime", "negotiated", "id"]
        return {name: getattr(self.channels[label].channel, name) for name in names}

    async def send(self, label, kind, first, lens):
        channel = self.channels[label].channel
        for at, length in enumerate(lens):
            await until("room", lambda: channel.bufferedAmount < 2**20)
            channel.send(message(kind, first + at, length))

    async def received(self, label, count):
        await until(f"{count} messages", lambda: label in self.channels and len(self.channels[label].messages) >= count)
        messages, self.channels[label].messages = self.channels[label].messages, []
        return {"messages": messages}

    async def close(self, label):
        self.channels[label].channel.close()

    async def end(self):
        if self.connection:
            await self.connection.close()


async def main():
    peer = Peer()
    lines = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    print("ready", flush=True)
    while line := await lines.readline():
        try:
            reply = await peer.operate(json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print("reply", json.dumps(reply), flush=True)
    await peer.end()


asyncio.run(main())
