#!/usr/bin/env bash
# Two hosts with addresses of their own, joined by a wire, each running one rank: hosts.sh PROGRAM SCENARIO [cut]. With "cut" the wire is cut once
# both are at work. Run inside `unshare -rnm`; nothing of it is seen outside, and all of it ends with this script.
set -euo pipefail
mount -t tmpfs tmpfs /run
mkdir /run/netns
for host in 1 2; do ip netns add "host$host"; done
ip link add wire1 netns host1 type veth peer name wire2 netns host2
for host in 1 2; do
    ip -n "host$host" link set lo up
    ip -n "host$host" addr add "10.99.0.$host/24" dev "wire$host"
    ip -n "host$host" link set "wire$host" up
done
export WORLD_SIZE=2 MASTER_ADDR=10.99.0.1 MASTER_PORT=29500
for rank in 0 1; do
    { RANK=$rank nsenter --net="/run/netns/host$((rank + 1))" "$1" "$2" 2>&1 || echo "rank $rank: exit code $?"; } | tee -a /run/log >&2 &
done
if [ "${3:-}" = cut ]; then
    until [ "$(grep -c 'is at work' /run/log 2> /dev/null)" = 2 ]; do sleep 0.05; done
    ip -n host1 link set wire1 down
fi
wait
