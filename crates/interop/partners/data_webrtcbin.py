"""A peer for data channels over GStreamer's webrtcbin, one operation a line: as data_w3c.mjs, which says how.

usage: /usr/bin/python3 data_webrtcbin.py PEM, a file with a certificate of P-256 and its key
"""
import hashlib
import json
import re
import ssl
import sys
import threading
import time
import zlib

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402


class Channel:
    def __init__(self, channel):
        self.channel, self.messages = channel, []
        channel.connect("on-message-string", lambda _, text: self.take("text", (text or "").encode()))
        channel.connect("on-message-data", lambda _, data: self.take("binary", data.get_data() if data else b""))

    def take(self, kind, data):
        self.messages.append([kind, len(data), zlib.crc32(data)])


def message(kind, number, length):
    if kind == "text":
        return "".join(chr(97 + (number + at) % 26) for at in range(length))
    return GLib.Bytes.new(bytes((number * 31 + at * 7 + (at >> 8)) & 255 for at in range(length)))


def fingerprint(pem):
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.partition("-----BEGIN PRIVATE")[0])).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, 64, 2))


def until(what, condition):
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not {what} within 20 s")
        time.sleep(0.002)


class Peer:
    def __init__(self, pem):
        self.pipeline, self.pem = None, pem

    def operate(self, command):
        return getattr(self, command.pop("op"))(**command) or {}

    def new(self):
        self.end()
        self.channels, self.candidates = {}, []
        self.pipeline = Gst.Pipeline()
        self.bin = Gst.ElementFactory.make("webrtcbin")
        self.bin.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.bin)
        self.bin.connect("deep-element-added", self.certified)
        self.bin.connect("on-ice-candidate", lambda _, index, line: self.candidates.append((index, line)))
        self.bin.connect("on-data-channel", lambda _, channel: self.add(channel))
        self.pipeline.set_state(Gst.State.PLAYING)
        self.pipeline.get_state(Gst.CLOCK_TIME_NONE)

    def certified(self, _, __, element):
        """It makes itself certificates of RSA, which WebRTC has left behind (RFC 8827 §6.5 asks for P-256)."""
        if element.get_factory() and element.get_factory().get_name() == "dtlsdec":
            element.set_property("pem", self.pem)

    def add(self, channel):
        self.channels[channel.get_property("label")] = Channel(channel)

    def open(self, label, init):
        names = {"maxRetransmits": "max-retransmits", "maxPacketLifeTime": "max-packet-lifetime"}
        options = Gst.Structure.new_empty("options")
        for name, value in init.items():
            options.set_value(names.get(name, name), value)
        self.add(self.bin.emit("create-data-channel", label, options))

    def describe(self, operation, field):
        """The promise's answer is copied where it is: it does not outlive the promise."""
        told, text = threading.Event(), []

        def answered(promise, *_):
            reply = promise.get_reply()
            described = reply.get_value(field)
            text.append(described.sdp.as_text())
            told.set()

        self.bin.emit(operation, None, Gst.Promise.new_with_change_func(answered))
        told.wait(20)
        self.apply("set-local-description", field, text[0])
        # It hashes the key along with the certificate.
        return {"sdp": re.sub("a=fingerprint:[^\r\n]*", f"a=fingerprint:sha-256 {fingerprint(self.pem)}", text[0])}

    def apply(self, operation, kind, sdp):
        _, parsed = GstSdp.SDPMessage.new_from_text(sdp)
        kinds = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}
        promise = Gst.Promise.new()
        self.bin.emit(operation, GstWebRTC.WebRTCSessionDescription.new(kinds[kind], parsed), promise)
        promise.wait()

    def offer(self, restart):
        return self.describe("create-offer", "offer")

    def answer(self, sdp):
        self.apply("set-remote-description", "offer", sdp)
        return self.describe("create-answer", "answer")

    def accept(self, sdp):
        self.apply("set-remote-description", "answer", sdp)

    def gathered(self):
        complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        until("gathered", lambda: self.bin.get_property("ice-gathering-state") == complete)
        found, self.candidates = self.candidates, []
        return {"candidates": [{"candidate": line, "sdpMLineIndex": index} for index, line in found]}

    def candidate(self, candidate, sdpMid):
        self.bin.emit("add-ice-candidate", 0, candidate)

    def state(self, label):
        return label in self.channels and self.channels[label].channel.get_property("ready-state")

    def opened(self, label):
        until("open", lambda: self.state(label) == GstWebRTC.WebRTCDataChannelState.OPEN)

    def closed(self, label):
        until("closed", lambda: self.state(label) == GstWebRTC.WebRTCDataChannelState.CLOSED)

    def info(self, label):
        get = self.channels[label].channel.get_property
        unset = {-1: None}
        return {
            "protocol": get("protocol") or "",
            "ordered": get("ordered"),
            "maxRetransmits": unset.get(get("max-retransmits"), get("max-retransmits")),
            "maxPacketLifeTime": unset.get(get("max-packet-lifetime"), get("max-packet-lifetime")),
            "negotiated": get("negotiated"),
            "id": get("id"),
        }

    def send(self, label, kind, first, lens):
        channel = self.channels[label].channel
        for at, length in enumerate(lens):
            until("room", lambda: channel.get_property("buffered-amount") < 2**20)
            channel.emit("send-string" if kind == "text" else "send-data", message(kind, first + at, length))

    def received(self, label, count):
        until(f"{count} messages", lambda: label in self.channels and len(self.channels[label].messages) >= count)
        messages, self.channels[label].messages = self.channels[label].messages, []
        return {"messages": messages}

    def close(self, label):
        self.channels[label].channel.emit("close")

    def end(self):
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)


def main():
    Gst.init(None)
    threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
    with open(sys.argv[1]) as file:
        peer = Peer(file.read())
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            reply = peer.operate(json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print("reply", json.dumps(reply), flush=True)
    peer.end()


main()
