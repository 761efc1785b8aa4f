// What the page shows. Everything that comes from a peer is set as text, never as markup.

const $ = (selector) => document.querySelector(selector);
const EVENTS_SHOWN = 400;
const LOG_SHOWN = 200;
const GOOD = { connected: true, completed: true, failed: false };

export class View {
  clear() {
    for (const selector of ["#log", "#events", "#candidates tbody"]) $(selector).replaceChildren();
    this.pairKey = null;
    const empty = element("p", "empty", "None yet. It appears here as soon as both ends agree on one.");
    $("#pair").replaceChildren(empty);
    $("#pair").dataset.state = "none";
    this.problem(null);
    this.result("none", "Sends 1 MiB of random bytes and compares what comes back.");
  }

  headline(text, detail) {
    $("#headline").textContent = text;
    if (detail !== undefined) $("#detail").textContent = detail;
  }

  problem(text) {
    $("#error").hidden = !text;
    $("#error").textContent = text ?? "";
  }

  self(text) {
    $("#self").textContent = text;
  }

  /** `phase`: idle, calling or open. */
  controls(phase) {
    $("#call").disabled = phase !== "idle";
    $("#hangup").disabled = phase === "idle";
    for (const id of ["#text", "#send", "#binary"]) $(id).disabled = phase !== "open";
  }

  steps(steps) {
    const ended = Math.max(...steps.list.map((entry) => entry.to ?? entry.from ?? 0), 1);
    for (const { step, state, from, to } of steps.list) {
      const item = $(`#steps li[data-step="${step}"]`);
      item.dataset.state = state;
      item.querySelector(".time").textContent = to === null ? (state === "active" ? "…" : "") : milliseconds(to);
      item.querySelector(".state").textContent = state;
      const bar = item.querySelector(".bar");
      bar.style.setProperty("--from", `${(100 * (from ?? 0)) / ended}%`);
      bar.style.setProperty("--span", `${(100 * ((to ?? ended) - (from ?? ended))) / ended}%`);
    }
  }

  event(when, name, value) {
    const item = element("li");
    item.dataset.event = name;
    const what = element("span");
    what.append(element("code", "", name), " ", element("span", "value", value));
    item.append(element("span", "when", milliseconds(when)), what);
    append($("#events"), item, EVENTS_SHOWN);
    item.parentElement.parentElement.scrollTop = 1e6;
  }

  states(pc) {
    for (const cell of document.querySelectorAll("#states dd")) {
      const state = pc[cell.dataset.of];
      cell.textContent = state;
      cell.dataset.state = state;
      if (state in GOOD) cell.dataset.good = GOOD[state];
      else delete cell.dataset.good;
    }
  }

  channel(state) {
    $("#channel-state").textContent = state;
    $("#channel-state").dataset.state = state;
  }

  candidate(side, candidate, peer) {
    // A peer may send a candidate in its description and once more by itself.
    const key = `${side} ${candidate.type} ${protocol(candidate)} ${endpoint(candidate)}`;
    if (document.querySelector(`#candidates tr[data-key="${CSS.escape(key)}"]`)) return;
    const row = element("tr");
    row.dataset.key = key;
    row.setAttribute("role", "row");
    row.dataset.side = side;
    row.dataset.kind = candidate.type ?? "";
    row.dataset.address = endpoint(candidate);
    const cells = [side === "local" ? "here" : peer, candidate.type ?? "?", protocol(candidate), endpoint(candidate), String(candidate.priority ?? "")];
    for (const text of cells) row.append(element("td", "", text));
    for (const cell of row.children) cell.setAttribute("role", "cell");
    row.lastChild.className = "number";
    const body = $("#candidates tbody");
    body.insertBefore(row, side === "local" ? body.querySelector("tr[data-side=remote]") : null);
  }

  pair({ local, remote, rttMs }, peer) {
    const key = `${endpoint(local)} ${endpoint(remote)}`;
    const rtt = rttMs === null ? "udp" : `${milliseconds(rttMs)} there and back`;
    const via = $("#pair .via");
    if (key === this.pairKey && via) {
      via.textContent = rtt;
      return;
    }
    this.pairKey = key;
    const joint = element("div", "joint");
    const localName = this.markChosen("local", local);
    const remoteName = this.markChosen("remote", remote);
    joint.append(end("here", "this browser", local, localName), element("div", "via", rtt), end("there", peer, remote, remoteName));
    const notes = [note(local, "this browser"), note(remote, peer)].filter(Boolean).join(" ");
    $("#pair").replaceChildren(joint, ...(notes ? [element("p", "note", notes)] : []));
    $("#pair").dataset.state = "chosen";
    $("#pair").dataset.local = local.candidateType;
    $("#pair").dataset.remote = remote.candidateType;
  }

  /** Marks the rows of the chosen candidate; gives the address to show for it, which the browser may hide in its statistics. */
  markChosen(side, chosen) {
    let shown = endpoint(chosen);
    for (const row of document.querySelectorAll(`#candidates tr[data-side=${side}]`)) {
      // A browser that hides an address still tells its port.
      const same = row.dataset.kind === chosen.candidateType
        && (row.dataset.address === endpoint(chosen) || (!chosen.address && row.dataset.address.endsWith(`:${chosen.port}`)));
      row.dataset.chosen = same;
      if (same) shown = row.dataset.address;
    }
    return shown;
  }

  log(from, who, what, when) {
    const item = element("li");
    item.dataset.from = from;
    item.append(element("span", "who", who), element("span", "what", what), element("span", "when", when));
    append($("#log"), item, LOG_SHOWN);
    $("#log").scrollTop = 1e6;
    return item;
  }

  result(result, text) {
    $("#binary-result").dataset.result = result;
    $("#binary-result").textContent = text;
  }
}

/** 0.4 ms, 12.3 ms, 1.25 s. */
export function milliseconds(value) {
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value.toFixed(1)} ms`;
}

function endpoint(candidate) {
  // Chromium brackets IPv6 in candidates, and not in statistics.
  const address = (candidate.address || candidate.ip || "hidden").replace(/^\[|\]$/g, "");
  return `${address.includes(":") ? `[${address}]` : address}:${candidate.port}`;
}

function protocol(candidate) {
  return candidate.tcpType ? `tcp ${candidate.tcpType}` : (candidate.protocol ?? "");
}

function end(side, who, candidate, address) {
  const box = element("div", `end ${side}`);
  box.append(element("b", "", who), element("span", "", `${candidate.candidateType} ${candidate.protocol ?? ""}`), element("span", "", address));
  return box;
}

function note(candidate, who) {
  if (candidate.candidateType === "prflx") return `The address of ${who} was learned from its checks (peer reflexive).`;
  if (candidate.candidateType === "relay") return `What ${who} sends goes through the TURN relay.`;
  return null;
}

function append(list, item, limit) {
  list.append(item);
  while (list.children.length > limit) list.firstChild.remove();
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
