// Calls a peer over the signaling of `ieum up`, sends text and prints the echo. Host it anywhere, or open it as a file:
// index.html?server=http://127.0.0.1:3030&peer=ieum&token=...
const query = new URLSearchParams(location.search);
const server = query.get("server") ?? "http://127.0.0.1:3030";
const peer = query.get("peer") ?? "ieum";
const me = "page-" + crypto.randomUUID().slice(0, 8);
const print = (line) => (document.querySelector("#log").textContent += line + "\n");

document.querySelector("#call").onclick = async () => {
  await load(server + "/vendor/socket.io.min.js");
  const signaling = io(server, { auth: { token: query.get("token") } });
  const send = (payload) => signaling.emit("messageOne", { from: me, target: peer, payload });
  signaling.on("connect_error", (error) => print("signaling: " + error.message));
  signaling.emit("ready", me, "page");

  const connection = new RTCPeerConnection();
  connection.onconnectionstatechange = () => print("connection: " + connection.connectionState);
  connection.onicecandidate = ({ candidate }) => send(candidate?.toJSON() ?? { candidate: "", sdpMid: "0" });

  let received = Promise.resolve();
  signaling.on("message", ({ from, target, payload }) => {
    if (from !== peer || target !== me) return;
    received = received.then(() => receive(payload)).catch((error) => print(error.message));
  });
  const receive = async (payload) => {
    if (payload.type === "answer") await connection.setRemoteDescription(payload);
    else if ("candidate" in payload) await connection.addIceCandidate(payload.candidate ? payload : null);
  };

  const channel = connection.createDataChannel("text");
  channel.onmessage = ({ data }) => print("echo: " + data);
  channel.onopen = () => (document.querySelector("#say").hidden = false);
  document.querySelector("#say").onsubmit = (event) => {
    event.preventDefault();
    channel.send(document.querySelector("#text").value);
  };

  await connection.setLocalDescription();
  send({ type: connection.localDescription.type, sdp: connection.localDescription.sdp });
};

function load(url) {
  return new Promise((loaded, failed) => {
    const script = Object.assign(document.createElement("script"), { src: url, onload: loaded });
    script.onerror = () => failed(print("cannot load " + url));
    document.head.append(script);
  });
}
