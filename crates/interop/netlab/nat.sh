#!/usr/bin/env bash
# A small NAT laboratory in network namespaces: two hosts behind two NAT routers and a public segment.
#
#   h1 10.1.0.2 -- r1 (10.1.0.1 | 203.0.113.1) --+
#                                                +-- pub 203.0.113.10, 203.0.113.11
#   h2 10.2.0.2 -- r2 (10.2.0.1 | 203.0.113.2) --+
#
# The namespaces are called $LAB-h1, $LAB-r1 and so on (LAB is "lab" unless set): several laboratories can stand side by side.
#
#   nat.sh up                      build it (both NATs start as "port")
#   nat.sh down                    remove it
#   nat.sh nat <1|2> MODE          fullcone | addr | port | symmetric | onetoone | none
#   nat.sh udp <1|2> block|allow   drop all UDP that leaves that LAN
#   nat.sh exec <h1|h2|r1|r2|pub> COMMAND...
#
# Needs iproute2, nftables and conntrack (../install.sh). Run as root.
# fullcone   endpoint-independent mapping and filtering
# addr       endpoint-independent mapping, address-dependent filtering
# port       endpoint-independent mapping, address-and-port-dependent filtering (plain masquerade)
# symmetric  address-and-port-dependent mapping and filtering (a new public port per destination)
# onetoone   everything that comes for the public address goes to the host, and ports stay what they are (a cloud's NAT)
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
lab=${LAB:-lab}

in_ns() { local ns=$1; shift; ip netns exec "$lab-$ns" "$@"; }

up() {
  local x i
  for x in h1 h2 r1 r2 pub; do ip netns add "$lab-$x"; ip -n "$lab-$x" link set lo up; done
  ip -n "$lab-pub" link add br0 type bridge
  ip -n "$lab-pub" link set br0 up
  ip -n "$lab-pub" addr add 203.0.113.10/24 dev br0
  ip -n "$lab-pub" addr add 203.0.113.11/24 dev br0
  # Packets for private addresses must vanish quietly, not come back as ICMP errors.
  ip -n "$lab-pub" neigh add 203.0.113.254 lladdr 02:00:00:00:00:fe dev br0 nud permanent
  ip -n "$lab-pub" route add default via 203.0.113.254
  for i in 1 2; do
    ip link add wan netns "$lab-r$i" type veth peer name "p$i" netns "$lab-pub"
    ip -n "$lab-pub" link set "p$i" master br0 up
    ip -n "$lab-r$i" addr add "203.0.113.$i/24" dev wan
    ip -n "$lab-r$i" link set wan up
    ip link add lan netns "$lab-r$i" type veth peer name eth0 netns "$lab-h$i"
    ip -n "$lab-r$i" addr add "10.$i.0.1/24" dev lan
    ip -n "$lab-r$i" link set lan up
    ip -n "$lab-h$i" addr add "10.$i.0.2/24" dev eth0
    ip -n "$lab-h$i" link set eth0 up
    ip -n "$lab-h$i" route add default via "10.$i.0.1"
    in_ns "r$i" sysctl -qw net.ipv4.ip_forward=1
    nat "$i" port
  done
}

down() { local x; for x in h1 h2 r1 r2 pub; do ip netns del "$lab-$x" 2>/dev/null || true; done; }

nat() {
  local i=$1 mode=$2
  in_ns "r$i" nft flush ruleset
  [ "$mode" = none ] && return
  # UDP that reaches the router itself is dropped: else an unsolicited packet makes a conntrack entry
  # that takes the outbound port, and the mapping is no longer endpoint-independent.
  in_ns "r$i" nft -f - <<'R'
table ip nat {
  chain pre {
    type nat hook prerouting priority -100;
  }
  chain post {
    type nat hook postrouting priority 100;
  }
}
table ip filter {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "wan" meta l4proto udp drop
  }
  chain transit {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "lan" accept
    ct status dnat accept
  }
}
R
  case $mode in
    fullcone)
      in_ns "r$i" nft add rule ip nat post oifname wan snat to "203.0.113.$i"
      in_ns "r$i" nft add rule ip nat pre iifname wan meta l4proto udp dnat to "10.$i.0.2" ;;
    addr)
      in_ns "r$i" nft add rule ip nat post oifname wan snat to "203.0.113.$i"
      in_ns "r$i" nft -f - <<'R'
table ip mangle {
  set seen {
    type ipv4_addr
    flags dynamic,timeout
    timeout 60s
  }
  chain outbound {
    type filter hook forward priority -150;
    iifname "lan" meta l4proto udp update @seen { ip daddr }
  }
  chain inbound {
    type filter hook prerouting priority -150;
    iifname "wan" meta l4proto udp ip saddr @seen meta mark set 7
  }
}
R
      in_ns "r$i" nft add rule ip nat pre iifname wan meta mark 7 meta l4proto udp dnat to "10.$i.0.2" ;;
    port)
      in_ns "r$i" nft add rule ip nat post oifname wan masquerade ;;
    symmetric)
      in_ns "r$i" nft add rule ip nat post oifname wan meta l4proto udp masquerade fully-random
      in_ns "r$i" nft add rule ip nat post oifname wan masquerade ;;
    onetoone)
      in_ns "r$i" nft add rule ip nat post oifname wan snat to "203.0.113.$i"
      in_ns "r$i" nft add rule ip nat pre iifname wan dnat to "10.$i.0.2" ;;
    *) echo "nat.sh: no such NAT: $mode" >&2; exit 2 ;;
  esac
  in_ns "r$i" conntrack -F >/dev/null 2>&1 || true
}

udp() {
  in_ns "r$1" nft delete table ip blocked 2>/dev/null || true
  [ "$2" = allow ] && return
  in_ns "r$1" nft -f - <<'R'
table ip blocked {
  chain transit {
    type filter hook forward priority -300;
    meta l4proto udp counter drop
  }
}
R
}

case ${1:-} in
  up) up ;; down) down ;; nat) nat "$2" "$3" ;; udp) udp "$2" "$3" ;;
  exec) shift; in_ns "$@" ;;
  *) sed -n '2,20p' "$0"; exit 2 ;;
esac
