#!/usr/bin/env bash
# Installs every partner of the interop tests, by package name, on a Debian machine; run as root.
#
#   bash crates/interop/install.sh
#
# System packages go where apt puts them; npm's and Python's go under crates/interop/partners/ and nowhere else. What is
# there already is left alone, so that a second run takes a second. A partner that cannot be installed ends the run with one line
# that names it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
partners=$here/partners
log=$(mktemp)
policy=
trap 'rm -f "$log" $policy' EXIT

main() {
  # partner | command that proves it is there | Debian packages
  debian chromium chromium chromium
  debian chromium-driver chromedriver chromium-driver
  debian firefox firefox-esr firefox-esr
  debian coturn turnutils_uclient coturn
  debian iproute2 ip iproute2
  debian nftables nft nftables
  debian conntrack conntrack conntrack
  debian node node nodejs npm
  debian npm npm npm
  debian redis-server redis-server redis-server
  debian mosquitto mosquitto mosquitto
  debian mosquitto-clients mosquitto_pub mosquitto-clients
  debian nginx nginx nginx-light
  debian go go golang-go
  debian_file "gstreamer (webrtcbin, libnice)" /usr/lib/python3/dist-packages/gi/overrides/Gst.py gstreamer1.0-nice \
    gstreamer1.0-plugins-bad gstreamer1.0-plugins-good gstreamer1.0-plugins-base python3-gi python3-gst-1.0 gir1.2-gst-plugins-bad-1.0
  node_packages
  python_packages
  pion
  echo "install.sh: every partner is installed"
}

fail() {
  tail -n 20 "$log" >&2
  echo "install.sh: partner $1 could not be installed: $2" >&2
  exit 1
}

debian() {
  local partner=$1 command=$2
  shift 2
  PATH=$PATH:/usr/sbin:/sbin command -v "$command" >/dev/null && return
  [ "$(id -u)" = 0 ] || fail "$partner" "apt-get needs root (packages: $*)"
  apt_update
  no_services
  echo "install.sh: $partner (apt-get: $*)"
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" >"$log" 2>&1 \
    || fail "$partner" "apt-get install $* failed"
}

# The same for what has no command: a file proves that it is there.
debian_file() {
  [ -e "$2" ] || debian "$1" no-such-command "${@:3}"
}

updated=
apt_update() {
  [ -z "$updated" ] || return 0
  apt-get update >"$log" 2>&1 || echo "install.sh: apt-get update failed; going on with the lists that are there" >&2
  updated=1
}

# coturn is here for its clients, and the tests start mosquitto: their services must not start and take their ports.
no_services() {
  [ -e /usr/sbin/policy-rc.d ] && return
  policy=/usr/sbin/policy-rc.d
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
}

NODE="@roamhq/wrtc, node-datachannel, werift, playwright-core, puppeteer-core, socket.io, socket.io-client 4 and 3"
node_packages() {
  local lock=$partners/package-lock.json installed=$partners/node_modules/.installed
  cmp -s "$lock" "$installed" && return
  echo "install.sh: $NODE (npm ci)"
  (cd "$partners" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1 \
    || fail "$NODE" "npm ci in $partners failed"
  cp "$lock" "$installed"
}

python_packages() {
  local wanted=$partners/requirements.txt venv=$partners/.venv
  cmp -s "$wanted" "$venv/.installed" && return
  echo "install.sh: aiortc, python-socketio, aiohttp (pip)"
  rm -rf "$venv"
  virtual_environment "$venv"
  "$venv/bin/pip" install --no-cache-dir --disable-pip-version-check -r "$wanted" >"$log" 2>&1 \
    || fail "aiortc, python-socketio, aiohttp" "pip install -r $wanted failed"
  cp "$wanted" "$venv/.installed"
}

# Debian's packages bring pion's source. Only below a GOPATH, and beside a go.mod, are imports with a version found without modules.
pion() {
  local here=$partners/pion program library=/usr/share/gocode/src/github.com/pion/webrtc/peerconnection.go
  debian_file pion "$library" golang-github-pion-webrtc.v3-dev
  for program in "$here"/src/*; do
    [ "$here/bin/${program##*/}" -nt "$program/main.go" ] && continue
    echo "install.sh: pion, ${program##*/} (go build)"
    (cd "$program" && GO111MODULE=off GOFLAGS= GOPATH="$here:/usr/share/gocode" go build -o "$here/bin/${program##*/}" .) >"$log" 2>&1 \
      || fail pion "go build in $program failed"
  done
}

# Debian's python3 comes without ensurepip, which is in python3-venv.
virtual_environment() {
  python3 -m venv "$1" >"$log" 2>&1 && return
  rm -rf "$1"
  debian python3-venv no-such-command python3 python3-venv
  /usr/bin/python3 -m venv "$1" >"$log" 2>&1 || fail "Python" "python3 -m venv $1 failed"
}

main
