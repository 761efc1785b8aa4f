"""Offer and answer in aiortc, one operation a line: as jsep_browser.mjs, which says how.

usage: jsep_aiortc.py
"""
import asyncio
import json
import sys

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription


class Peer:
    def __init__(self):
        self.connection = None

    async def operate(self, command):
        operation = command["op"]
        if operation == "new":
            if self.connection:
                await self.connection.close()
            self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        elif operation == "transceiver":
            self.connection.addTransceiver(command["kind"], direction=command["direction"])
        elif operation == "channel":
            self.connection.createDataChannel("interop")
        elif operation == "offer":
            await self.connection.setLocalDescription(await self.connection.createOffer())
        elif operation == "answer":
            await self.connection.setRemoteDescription(RTCSessionDescription(command["sdp"], "offer"))
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        elif operation == "accept":
            await self.connection.setRemoteDescription(RTCSessionDescription(command["sdp"], "answer"))
        return self.reply()

    def reply(self):
        local = self.connection.localDescription
        transceivers = [{"mid": it.mid, "direction": it.currentDirection} for it in self.connection.getTransceivers()]
        return {"state": self.connection.signalingState, "sdp": local and local.sdp, "transceivers": transceivers}


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
    if peer.connection:
        await peer.connection.close()


asyncio.run(main())
