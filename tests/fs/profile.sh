#!/bin/bash
# Profiles: what a command read is recorded beside its ref and fetched ahead when it runs again; it goes where the ref goes, and
# a damaged one, a moved ref or an unmount in the midst of it harm nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../scripts/lib/compilers.sh"

prefetched() { # member
	"$VARVE" stats --json "$mnt" | grep -o '"prefetch":{[^}]*}' | grep -o "\"$1\":[0-9]*" | cut -d: -f2
}
has_replayed() { [ "$(prefetched runs)" -ge "$1" ]; }
remount() { # options
	! is_mounted "$mnt" || "$VARVE" unmount "$mnt" || fail "unmount"
	"$VARVE" mount "$@" "$mnt" || exit 1
}

# A tool that reads itself, a header, and looks for one that is not there.
mkdir -p "$work/tree/bin" "$work/tree/include/many" "$work/tree/lib"
head -c 3000000 /dev/urandom >"$work/tree/lib/big"
echo trigger >"$work/tree/bin/tool"
for i in $(seq 60); do echo "header $i" >"$work/tree/include/many/$i.h"; done
ln -s many/7.h "$work/tree/include/link.h"
"$VARVE" pack -q t/1 "$work/tree" || exit 1
cat >"$work/use.sh" <<'SH'
cat "$1/bin/tool" "$1/include/link.h" "$1"/include/many/*.h >/dev/null
tail -c 1000000 "$1/lib/big" >/dev/null
test ! -e "$1/include/none.h"
SH
chmod +x "$work/use.sh"

mkdir "$work/tmp"
export TMPDIR=$work/tmp
mistake 2 "record REF... -- COMMAND" "$VARVE" profile record t/1
mistake 2 "profile has no 'frobnicate'" "$VARVE" profile frobnicate
mistake 1 "there is no ref 'none'" "$VARVE" profile record none -- true
mistake 1 "used nothing of 't/1'" "$VARVE" profile record t/1 -- true
mistake 1 "cannot run 'no-such-command'" "$VARVE" profile record t/1 -- no-such-command
mistake 1 "has no profile" "$VARVE" profile show t/1
mistake 3 "failed (status 3)" "$VARVE" profile record t/1 -- sh -c 'cat {}/t/1/bin/tool >/dev/null; exit 3'
mistake 1 "has no profile" "$VARVE" profile rm t/1

"$VARVE" profile record t/1 -- sh "$work/use.sh" {}/t/1 || fail "record"
"$VARVE" profile show t/1 >"$work/shown"
check "the run is told" grep -q "^run .*use.sh {}/t/1" "$work/shown"
check "a hit" grep -qx "hit  /include/many/7.h" "$work/shown"
check "a miss" grep -qx "miss /include/none.h" "$work/shown"
check "a listing" grep -qx "list /include/many" "$work/shown"
check "pages that were read" grep -q "^read /lib/big " "$work/shown"
check "and no others" test -z "$(grep "^read /lib/big 0+" "$work/shown")"
check "the listing of profiles" grep -q "^t/1: 1 runs" <("$VARVE" profile ls)
"$VARVE" profile record --add t/1 -- sh -c 'cat "$VARVE_MOUNT/t/1/include/many/1.h"' >/dev/null || fail "record --add"
check "both runs" grep -q "^t/1: 2 runs" <("$VARVE" profile ls)
[ -z "$(ls -d "$TMPDIR"/varve-profile.* 2>/dev/null)" ] || fail "a directory was left"

# The trigger is read, and the rest comes by itself.
remount
cat "$mnt/t/1/bin/tool" >/dev/null
check "the run is replayed" wait_for has_replayed 1
before=$(requests "$mnt" total)
sh "$work/use.sh" "$mnt/t/1" || fail "the command on the mount"
check "what was fetched is not asked for" test $(($(requests "$mnt" total) - before)) -lt 30
cmp -s "$work/tree/lib/big" "$mnt/t/1/lib/big" || fail "content after a replay"
check "pages were pushed" test "$(prefetched bytes_pushed)" -gt 1000000
check "names were asked for" test "$(prefetched names)" -gt 60
cat "$mnt/t/1/include/many/1.h" >/dev/null

remount --prefetch off
cat "$mnt/t/1/bin/tool" >/dev/null
sleep 0.2
check "off means off" test "$(prefetched runs)" -eq 0
mistake 2 "takes off or a size" "$VARVE" mount --prefetch lots "$work"
remount --prefetch 64K
cat "$mnt/t/1/bin/tool" >/dev/null
check "a bounded run" wait_for has_replayed 1
check "is bounded" test "$(prefetched bytes_pushed)" -le 65536

# With the ref: a second name, a move, a removal.
"$VARVE" tag t/1 t/2 || fail "tag"
check "tagging copies it" grep -q "^t/2: 2 runs" <("$VARVE" profile ls)
echo "other header" >"$work/tree/include/many/9.h"
rm "$work/tree/include/many/10.h"
"$VARVE" pack -q t/1 "$work/tree" || exit 1
check "packing anew keeps it" grep -q "^t/1: 2 runs" <("$VARVE" profile ls)
remount
cat "$mnt/t/1/bin/tool" >/dev/null
check "a ref that moved" wait_for has_replayed 1
content_is "$mnt/t/1/include/many/9.h" "other header" || fail "content of the new tree"
[ ! -e "$mnt/t/1/include/many/10.h" ] || fail "a name of the old tree"
"$VARVE" rm t/2 || fail "rm"
check "removing the ref removes it" test -z "$("$VARVE" profile ls | grep "^t/2")"
check "verify finds nothing" "$VARVE" verify >/dev/null
"$VARVE" gc --grace 0 >/dev/null || fail "gc"
check "gc leaves it alone" grep -q "^t/1: 2 runs" <("$VARVE" profile ls)

# An unmount while a run is replayed, again and again: never busy, never stuck.
for i in $(seq 20); do
	remount
	cat "$mnt/t/1/bin/tool" >/dev/null
	[ $((i % 2)) = 0 ] || sleep 0.00$i
	umount -R "$mnt" || fail "umount while a run is replayed"
	for _ in $(seq 500); do
		[ -n "$(server)" ] || break
		sleep 0.02
	done
	[ -z "$(server)" ] || fail "the server stays after umount"
done

# Profiles that somebody else made.
chmod u+w "$VARVE_STORE/profiles/t" "$VARVE_STORE/profiles/t/1"
cp "$VARVE_STORE/profiles/t/1" "$work/good"
for damage in "head -c 100" "tr a b" "head -c 0"; do
	rm -f "$VARVE_STORE/profiles/t/1"
	$damage <"$work/good" >"$VARVE_STORE/profiles/t/1"
	remount 2>/dev/null
	[ "$(cat "$mnt/t/1/bin/tool")" = trigger ] || fail "content beside a damaged profile"
	content_is "$mnt/t/1/include/link.h" "header 7" || fail "content beside a damaged profile"
	check "a damaged profile is no run" test "$(prefetched runs)" -eq 0
	check "verify tells it" grep -q "profile" <("$VARVE" verify 2>&1)
done
"$VARVE" profile record t/1 -- sh "$work/use.sh" {}/t/1 || fail "record over a damaged one"
check "verify is content again" "$VARVE" verify >/dev/null
"$VARVE" unmount "$mnt" || fail "unmount"

# A real compiler.
corpus=$(cd "${VARVE_CORPUS:-build/corpus}" 2>/dev/null && pwd) && [ -d "$corpus/gcc-12" ] || finish
"$VARVE" pack -q --level 1 gcc-12 "$corpus/gcc-12" || exit 1
printf '#include <iostream>\nint main() { std::cout << 1; }\n' >"$work/a.cpp"
gcc_at '{}/gcc-12' g++-12
"$VARVE" profile record gcc-12 -- "${tool[@]}" -c "$work/a.cpp" -o "$work/recorded.o" || fail "record g++"
"$VARVE" init "$work/hot" >/dev/null
"$VARVE" pack -q -s "$work/hot" --level 1 --profile "$VARVE_STORE/profiles/gcc-12" gcc-12 "$corpus/gcc-12" 2>"$work/said" ||
	fail "pack --profile FILE"
[ ! -s "$work/said" ] || fail "pack --profile said $(cat "$work/said")" # also with more than one pack
tree_of() { "$VARVE" ls --json -s "$1" | grep '"ref": "gcc-12"' | grep -o '"tree": "[0-9a-f]*"'; }
[ "$(tree_of "$work/hot")" = "$(tree_of "$VARVE_STORE")" ] || fail "pack --profile made another tree"
check "a store that was laid out by a profile is sound" "$VARVE" verify -s "$work/hot" >/dev/null
mistake 1 "there is no profile 'none'" "$VARVE" pack -q -s "$work/hot" --profile none x "$work/tree"
for prefetch in off 64M; do
	remount --host fuse --prefetch $prefetch
	gcc_at "$mnt/gcc-12" g++-12
	"${tool[@]}" -c "$work/a.cpp" -o "$work/$prefetch.o" || fail "g++ with --prefetch $prefetch"
	eval "reads_$prefetch=\$(requests "$mnt" read)"
done
cmp -s "$work/off.o" "$work/64M.o" || fail "objects differ"
# shellcheck disable=SC2154 # set by eval
[ "$reads_64M" -lt "$reads_off" ] || fail "a replay spares no reads: $reads_64M with it, $reads_off without"

# Where trees are mounts of their own the kernel reads ahead in their files.
if [ "$(id -u)" = 0 ]; then
	remount --host erofs
	gcc_at "$mnt/gcc-12" g++-12
	"${tool[@]}" -c "$work/a.cpp" -o "$work/erofs.o" || fail "g++ from an EROFS mount"
	cmp -s "$work/off.o" "$work/erofs.o" || fail "objects differ"
	check "a run is replayed in an EROFS mount" test "$(prefetched runs)" -ge 1
	check "the kernel read ahead" test "$(prefetched bytes_pushed)" -gt 1000000
fi
finish
