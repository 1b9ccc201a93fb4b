#!/bin/bash
# A user without privilege mounts through fusermount3.
. "$(dirname "$0")/lib.sh"
command -v fusermount3 >/dev/null || skip "no fusermount3"

mkdir "$work/tree"
echo hello >"$work/tree/file"
"$VARVE" pack tree "$work/tree" >/dev/null || exit 1
chown -R nobody "$VARVE_STORE" "$mnt"

# Where /dev/fuse is root's alone, a private mount name space gets one that is everybody's, as distributions have it.
if [ "${1:-}" != inside ] && ! runuser -u nobody -- sh -c ': </dev/fuse' 2>/dev/null; then
	mknod -m 666 "$work/fuse" c 10 229 || skip "nobody may not open /dev/fuse"
	export work_of_parent=$work
	unshare --mount sh -c 'mount --bind "$work_of_parent/fuse" /dev/fuse && exec "$0" inside' "$0"
	exit $?
fi
as_nobody() { runuser -u nobody -- "$@"; }

as_nobody "$VARVE" mount -s "$VARVE_STORE" "$mnt" || exit 1
[ "$(as_nobody cat "$mnt/tree/file")" = hello ] || fail "the owner reads"
grep " $mnt fuse.varve " /proc/mounts | grep -q 'ro,nosuid,nodev' || fail "options: $(grep "$mnt" /proc/mounts)"
if ! grep -q '^user_allow_other' /etc/fuse.conf 2>/dev/null; then
	ls "$mnt" 2>/dev/null && fail "others were let in although fuse.conf does not allow it"
fi
as_nobody sh -c "cd '$mnt' && exec sleep 30" &
wait_for pgrep -u nobody -x sleep >/dev/null
said=$(as_nobody "$VARVE" unmount "$mnt" 2>&1) && fail "a busy mount was unmounted"
[[ $said == *"(sleep): current directory $mnt"* ]] || fail "the user is not named: $said"
kill $(pgrep -u nobody -x sleep)
wait 2>/dev/null
check "unmounted by its owner" wait_for as_nobody "$VARVE" unmount "$mnt" 2>/dev/null

as_nobody "$VARVE" mount -s "$VARVE_STORE" "$mnt" || fail "mounting again"
kill -9 "$(server)"
wait_for eval '[ -z "$(server)" ]'
check "over a dead mount" eval 'as_nobody "$VARVE" mount -s "$VARVE_STORE" "$mnt" 2>/dev/null'
[ "$(as_nobody cat "$mnt/tree/file")" = hello ] || fail "it works again"

said=$(as_nobody "$VARVE" mount -s "$VARVE_STORE" "$work/tree" 2>&1) && fail "mounted over somebody else's directory"
[ "$(wc -l <<<"$said")" -eq 1 ] || fail "more than one line: $said"
kill $(server)
wait_for eval '! is_mounted "$mnt"' || fail "SIGTERM left the mount"
finish
