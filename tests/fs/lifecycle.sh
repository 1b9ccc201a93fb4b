#!/bin/bash
# Mount, unmount, and everything that can be in the way: each is one clear line and status 1.
. "$(dirname "$0")/lib.sh"

mkdir "$work/tree"
echo hello >"$work/tree/file"
"$VARVE" pack tree "$work/tree" >/dev/null || exit 1
refuses() { # what the line must contain, command...
	local want=$1 said status=0
	shift
	said=$("$@" 2>&1) || status=$?
	[ $status -eq 1 ] || fail "$*: status $status, want 1"
	[[ $said == *"$want"* ]] || fail "$*: said '$said', want '$want'"
	[ "$(wc -l <<<"$said")" -eq 1 ] || fail "$*: more than one line: $said"
}
keep_open() { # a process of its own, $user, that has a file open
	exec 7<"$mnt/tree/file"
	sleep 30 <&7 &
	user=$!
	exec 7<&-
	wait_for grep -qx sleep "/proc/$user/comm"
}
has_no_server() { [ -z "$(server)" ]; }

refuses "does not exist" "$VARVE" mount "$work/missing"
refuses "not a directory" "$VARVE" mount "$work/tree/file"
refuses "not a varve mount" "$VARVE" unmount "$work/tree"
refuses "" "$VARVE" mount -s "$work/tree" "$mnt"
check "nothing is left behind" has_no_server

"$VARVE" mount "$mnt" || exit 1
refuses "varve mount already" "$VARVE" mount "$mnt"
content_is "$mnt/tree/file" hello || fail "the first mount still works"

# Busy: who uses it is named, and the mount goes on.
keep_open
said=$("$VARVE" unmount "$mnt" 2>&1) && fail "a busy mount was unmounted"
[[ $said == *"pid $user (sleep): open file $mnt/tree/file"* ]] || fail "the user is not named: $said"
content_is "$mnt/tree/file" hello || fail "the busy mount still works"
check "a lazy unmount works" "$VARVE" unmount --lazy "$mnt"
is_mounted "$mnt" && fail "it is still mounted after a lazy unmount"
kill $user
wait $user 2>/dev/null
check "the server ends with its last user" wait_for has_no_server

# Signals: unmounted and status 0, also when somebody uses it.
for signal in TERM INT HUP; do
	"$VARVE" mount --foreground "$mnt" 2>"$work/log" &
	pid=$!
	wait_for is_mounted "$mnt" || fail "foreground mount"
	wait_for test -e "$mnt/tree/file" || fail "foreground mount serves"
	kill -$signal $pid
	wait $pid
	status=$?
	[ $status -eq 0 ] || fail "SIG$signal: status $status: $(cat "$work/log")"
	is_mounted "$mnt" && fail "SIG$signal left the mount"
done
"$VARVE" mount --foreground "$mnt" 2>"$work/log" &
pid=$!
wait_for test -e "$mnt/tree/file"
keep_open
kill -TERM $pid
wait $pid || fail "SIGTERM with users: status $?"
grep -q "pid $user (sleep)" "$work/log" || fail "SIGTERM does not say who uses it: $(cat "$work/log")"
is_mounted "$mnt" && fail "SIGTERM with users left the mount"
kill $user
wait $user 2>/dev/null

# umount(8) ends the server too.
"$VARVE" mount "$mnt" || exit 1
umount "$mnt" || fail "umount"
check "the server ends after umount" wait_for has_no_server

# A server that was killed: the dead mount is replaced, or taken away.
for way in mount unmount; do
	"$VARVE" mount "$mnt" || exit 1
	kill -9 $(server)
	wait_for has_no_server
	error=$(ls "$mnt" 2>&1) && fail "a dead mount answers"
	# The first to ask may meet the end of the connection itself.
	[[ $error == *"not connected"* || $error == *"connection abort"* ]] || fail "a dead mount says $error"
	check "$way over a dead mount" eval '"$VARVE" $way "$mnt" 2>/dev/null'
	[ $way = unmount ] || "$VARVE" unmount "$mnt" || fail "unmount after that"
done
# The kernel still knows the attributes of its root.
"$VARVE" mount "$mnt" && stat "$mnt" >/dev/null || exit 1
kill -9 $(server)
wait_for has_no_server
check "mount over a dead mount that was looked at" "$VARVE" mount "$mnt"
content_is "$mnt/tree/file" hello || fail "that mount works"
"$VARVE" unmount "$mnt" || fail "unmount after that"
is_mounted "$mnt" && fail "a dead mount is left"
"$VARVE" mount "$mnt" && content_is "$mnt/tree/file" hello || fail "the mount point can be used again"

# A container sees the mount through a bind mount.
mkdir "$work/bound"
mount --bind "$mnt" "$work/bound"
content_is "$work/bound/tree/file" hello || fail "a bind mount"
umount "$work/bound"
finish
