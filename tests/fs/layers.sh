#!/bin/bash
# Layers at paths, merged trees, and host directories that change under us.
. "$(dirname "$0")/lib.sh"

mkdir -p "$work/lower/include/sys" "$work/upper/include" "$work/host/sub"
echo lower >"$work/lower/include/both.h"
echo lower >"$work/lower/include/sys/only-lower.h"
echo upper >"$work/upper/include/both.h"
echo upper >"$work/upper/include/only-upper.h"
echo one >"$work/host/file"
echo sub >"$work/host/sub/file"
"$VARVE" pack lower "$work/lower" >/dev/null && "$VARVE" pack upper "$work/upper" >/dev/null || exit 1

"$VARVE" mount upper@/sdk lower@/sdk "$mnt" || exit 1
content_is "$mnt/sdk/include/both.h" upper || fail "the first layer wins"
content_is "$mnt/sdk/include/sys/only-lower.h" lower || fail "the second shows through"
check "a merged listing" diff <(printf 'both.h\nonly-upper.h\nsys\n') <(ls "$mnt/sdk/include")
"$VARVE" unmount "$mnt" || fail "unmount"

"$VARVE" mount lower@/sdk "$work/host@/mine" "$mnt" || exit 1
content_is "$mnt/mine/file" one || fail "a host file"
content_is "$mnt/mine/sub/file" sub || fail "a host file further down"
content_is "$mnt/sdk/include/both.h" lower || fail "a tree beside it"
[ ! -e "$mnt/mine/new" ] || fail "new is there too early"
ls "$mnt/mine" >/dev/null
echo two and longer >"$work/host/file"
echo new >"$work/host/new"
check "a changed host file shows" wait_for content_is "$mnt/mine/file" "two and longer"
check "a new host file shows" wait_for content_is "$mnt/mine/new" new
check "and is listed" grep -qx new <(ls "$mnt/mine")
printf 'two, same size' >"$work/host/file"
check "so does one of the same size" wait_for content_is "$mnt/mine/file" "two, same size"
rm "$work/host/new"
check "a removed host file goes" wait_for test ! -e "$mnt/mine/new"
error=$(touch "$mnt/mine/other" 2>&1) && fail "a host directory was written to"
[[ $error == *"Read-only file system"* ]] || fail "$error"

# Files that do not change are read once: the second read is the kernel's.
head -c 300000 /dev/urandom >"$work/host/big"
touch -d '1 hour ago' "$work/host/big"
sleep 1.1 # its change time is now
cat "$mnt/mine/big" >/dev/null && cat "$mnt/mine/big" >/dev/null
before=$(requests "$mnt" read)
check "content of an unchanged host file" cmp "$mnt/mine/big" "$work/host/big"
[ "$before" = "$(requests "$mnt" read)" ] || fail "an unchanged host file was read again"

# 60,000 names: listings are given in pieces.
mkdir "$work/host/many"
(cd "$work/host/many" && seq 60000 | xargs touch)
check "a long listing is complete" diff <(ls -f "$mnt/mine/many" | sort) <(ls -f "$work/host/many" | sort)
finish
