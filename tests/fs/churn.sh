#!/bin/bash
# Refs move while everything is being listed and read: no reader sees a mixture, nothing hangs, nothing is left over.
. "$(dirname "$0")/lib.sh"

for version in 1 2; do
	mkdir -p "$work/v$version/dir"
	for i in $(seq 50); do echo "$version" >"$work/v$version/dir/file$i"; done
done
"$VARVE" pack v/1 "$work/v1" >/dev/null && "$VARVE" pack v/2 "$work/v2" >/dev/null || exit 1
"$VARVE" tag v/1 current/tool && "$VARVE" mount "$mnt" || exit 1

# In one open directory all files are of one version.
one_version() {
	while [ ! -e "$work/stop" ]; do
		(cd "$mnt/current/tool/dir" 2>/dev/null && [ "$(cat file1 file25 file50 | sort -u | wc -l)" = 1 ]) ||
			{ [ -e "$mnt/current/tool/dir/file1" ] && echo "mixed" >>"$work/mixed"; }
	done
}
lister() { while [ ! -e "$work/stop" ]; do find "$mnt" -ls >/dev/null 2>&1; done; }
misser() { while [ ! -e "$work/stop" ]; do
	[ -e "$mnt/current/none" ]
	[ -e "$mnt/none" ]
done; }
for _ in 1 2; do
	one_version &
	lister &
	misser &
done
for i in $(seq 30); do
	"$VARVE" tag "v/$((i % 2 + 1))" current/tool
	"$VARVE" tag v/1 "new/$i"
	[ "$i" -lt 5 ] || "$VARVE" rm "new/$((i - 4))"
	sleep 0.1
done
touch "$work/stop"
wait
[ ! -e "$work/mixed" ] || fail "$(wc -l <"$work/mixed") mixtures of two versions"
check "the last move shows" wait_for content_is "$mnt/current/tool/dir/file1" 1
"$VARVE" tag v/2 current/tool
check "and one more" wait_for content_is "$mnt/current/tool/dir/file1" 2
check "the last of the new ones" diff <(printf '%s\n' 27 28 29 30) <(ls "$mnt/new")
check "nothing holds the mount" "$VARVE" unmount "$mnt"
finish
