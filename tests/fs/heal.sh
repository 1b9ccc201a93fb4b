#!/bin/bash
# A damaged store heals by packing again: what `varve verify --condemn` condemned is stored anew and removed, nothing that is published is lost.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

mkdir one two
for i in 1 2 3; do
	head -c 400000 /dev/urandom >one/file$i
	seq $i $((i * 20000)) >one/text$i
done
cp one/file1 two/shared
head -c 300000 /dev/urandom >two/own
"$VARVE" pack -q one one && "$VARVE" pack -q two two || exit 1
"$VARVE" verify -q || fail "a good store"

flip() { # file, offset: one bit is another one
	chmod u+w "$1"
	python3 - "$1" "$2" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 4]))
END
}
same() { # ref
	rm -rf out
	"$VARVE" extract -q "$1" out && diff -r "$1" out
}
# Bytes that do not compress are stored as they are.
read -r pack_of_one at < <(python3 - "$VARVE_STORE/packs" one/file2 <<'END'
import pathlib, sys
start = open(sys.argv[2], "rb").read(64)
for pack in pathlib.Path(sys.argv[1]).glob("*/*"):
    at = pack.read_bytes().find(start)
    if at >= 0:
        print(pack, at + 1000)
END
)
[ -n "${at:-}" ] || { fail "no pack holds one/file2 as it is"; finish; }
flip "$pack_of_one" "$at"

# ---- told, condemned, and kept as long as it is needed ----
"$VARVE" verify >out.text 2>err && fail "a damaged store is called good"
grep -q 'verify --condemn' err || fail "no remedy: $(cat err)"
mistake 2 "give no ref" "$VARVE" verify --condemn one
"$VARVE" verify --condemn >out.text 2>err && fail "a damaged store is called good while it is condemned"
grep -q '1 packs are condemned' err || fail "not condemned: $(cat err)"
for _ in 1 2; do
	"$VARVE" gc --grace 0 --verbose >out.text || fail "gc"
	grep -q 'keep .*damaged, and still needed' out.text || fail "gc over a damaged pack that is needed: $(cat out.text)"
done
[ -e "$pack_of_one" ] || fail "gc removed what a ref needs"

# ---- the same input heals ----
"$VARVE" mount "$mnt" || exit 1
cat "$mnt/one/"* >/dev/null 2>&1 && fail "the damage is where nobody reads"
"$VARVE" pack -q one one || fail "pack"
check "one is whole again" same one
check "and soon in a mount" wait_for diff -r one "$mnt/one" >diffs 2>&1
"$VARVE" unmount "$mnt" || fail "unmount"
check "two is as it was" same two
"$VARVE" pack -q two two || fail "pack"
"$VARVE" gc --grace 0 >/dev/null || fail "gc"
[ -e "$pack_of_one" ] && fail "a damaged pack that nothing needs is still there"
check "all of the store is good" "$VARVE" verify -q
check "one after gc" same one
check "two after gc" same two

# ---- trees and refs heal by themselves ----
for tree in "$VARVE_STORE"/trees/*/*; do flip "$tree" 100; done
"$VARVE" verify -q >out.text 2>err && fail "damaged trees"
"$VARVE" pack -q one one && "$VARVE" pack -q two two || fail "pack over damaged trees"
check "trees are good again" "$VARVE" verify -q
check "one after its tree" same one
flip "$VARVE_STORE/refs/two" 20
"$VARVE" pack -q two two || fail "pack over a damaged ref"
check "the ref is good again" "$VARVE" verify -q
finish
