#!/bin/bash
# Parallel readers of everything, in budgets from the least to a comfortable one: right bytes, no deadlock, no overshoot.
. "$(dirname "$0")/lib.sh"

corpus=${VARVE_CORPUS:-/nonexistent}
if [ -d "$corpus" ]; then
	tree=$(find "$corpus" -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1)
else
	tree=$work/tree
	mkdir "$tree"
	for i in $(seq 60); do
		head -c 3000000 /dev/urandom | base64 >"$tree/big$i"
		for j in $(seq 20); do head -c 3000 "$tree/big$i" >"$tree/small$i-$j"; done
	done
fi
"$VARVE" pack all "$tree" >/dev/null || exit 1
(cd "$tree" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) >"$work/sums"

anonymous_kib() { awk '/RssAnon|RssShmem/ { n += $2 } END { print n }' "/proc/$1/status"; }
reader() { # seed: every reader in an order of its own, so that they are never in step
	(cd "$mnt/all" && shuf --random-source=<(yes "$1") "$work/sums" |
		timeout 200 sha256sum --quiet --strict -c -) >"$work/reader$1" 2>&1 && return
	tail -n 3 "$work/reader$1"
	return 1
}

for mib in 16 24 64; do
	"$VARVE" mount --memory ${mib}M "$mnt" || exit 1
	pid=$(server)
	echo 3 >/proc/sys/vm/drop_caches
	pids=
	for seed in 1 2 3 4; do
		reader $seed &
		pids="$pids $!"
	done
	most=0
	while [ -n "$(jobs -rp)" ]; do
		now=$(anonymous_kib "$pid")
		[ "${now:-0}" -le "$most" ] || most=$now
		sleep 0.05
	done
	for p in $pids; do
		wait "$p" || fail "a reader at $mib MiB"
	done
	echo "budget $mib MiB: at most $((most / 1024)) MiB of memory"
	[ "$most" -le $(((mib + 2) * 1024)) ] || fail "$((most / 1024)) MiB in a budget of $mib MiB"
	most=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status") # mapped trees, indexes and libraries, too
	echo "budget $mib MiB: at most $((most / 1024)) MiB resident"
	[ "$most" -le $(((mib + 16) * 1024)) ] || fail "$((most / 1024)) MiB resident in a budget of $mib MiB"
	"$VARVE" unmount "$mnt" || fail "unmount"
done

# The same inside a memory cgroup that kills who oversteps.
group=/sys/fs/cgroup/memory/varve-test.$$
limit=memory.limit_in_bytes
if [ ! -d /sys/fs/cgroup/memory ]; then
	group=/sys/fs/cgroup/varve-test.$$
	limit=memory.max
fi
if mkdir "$group" 2>/dev/null && echo $((48 << 20)) 2>/dev/null >"$group/$limit"; then
	(echo $BASHPID >"$group/cgroup.procs" && exec "$VARVE" mount --memory 32M "$mnt") || fail "mount in a cgroup"
	pid=$(server)
	reader 5 || fail "reading from a server in a cgroup of 48 MiB"
	kill -0 "$pid" 2>/dev/null || fail "the server was killed"
	"$VARVE" unmount "$mnt" || fail "unmount"
	for _ in $(seq 50); do rmdir "$group" 2>/dev/null && break || sleep 0.1; done
else
	rmdir "$group" 2>/dev/null
	echo "no memory cgroup here: that part was left out"
fi
finish
