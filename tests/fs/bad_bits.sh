#!/bin/bash
# Damaged stores: `varve verify` names the object; a mount gives EIO for what the damage touches and right bytes for all else, and lives.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$work" || exit 1

python3 - <<'END'
import os, random
r = random.Random(1)
words = [bytes(r.randrange(97, 123) for _ in range(r.randrange(2, 9))) for _ in range(2000)]
for tree in ("one", "two"):
    for d in range(6):
        os.makedirs(f"{tree}/dir{d}")
        for f in range(12):
            with open(f"{tree}/dir{d}/file{f}", "wb") as out:
                if f % 3 == 0:
                    out.write(r.randbytes(r.randrange(60000)))
                else:
                    out.write(b" ".join(r.choices(words, k=r.randrange(12000))))
        os.symlink(f"file{d}", f"{tree}/dir{d}/link")
    with open(f"{tree}/large", "wb") as out:
        out.write(r.randbytes(600000) + b"text " * 100000)
END
"$VARVE" pack -q one one && "$VARVE" pack -q two two && "$VARVE" tag two other/two || exit 1
"$VARVE" verify -q || fail "a good store"
cp -a "$VARVE_STORE" good
python3 "$here/damage.py" "$VARVE" good "$VARVE_STORE" "$mnt" one two || fail "see above"

# A ref whose tree is gone.
rm "$VARVE_STORE"/trees/*/*
mistake 1 "the tree of 'one' is not in the store*verify" "$VARVE" cat one:large
mistake 1 "not in the store" "$VARVE" mount one@/ "$mnt"

# ---- while mounted ----
restore() {
	rm -rf "$VARVE_STORE"
	cp -a good "$VARVE_STORE"
}
reads_right() { diff -r "$1" "$mnt/$1" >/dev/null 2>"$work/err"; }
restore
"$VARVE" mount "$mnt" || exit 1
pid=$(server)
cat "$mnt/one/dir0/"* >/dev/null
for pack in "$VARVE_STORE"/packs/*/*; do
	chmod u+w "$pack"
	truncate -s 100000 "$pack"
done
for file in $(cd two && find . -type f); do
	status=0
	cat "$mnt/two/$file" >out 2>err || status=$?
	if [ $status -eq 0 ]; then cmp out "two/$file" || fail "wrong bytes in $file after its pack was cut"
	else grep -q 'Input/output error' err || fail "$file: $(cat err)"; fi
done
[ "$(server)" = "$pid" ] || fail "the server ended when a pack was cut"
ls -R "$mnt" >/dev/null || fail "names do not need packs"
"$VARVE" unmount "$mnt" || fail "unmount"

# Names of a tree that is cut under the mount: SIGBUS in the making.
restore
"$VARVE" mount "$mnt" || exit 1
pid=$(server)
for tree in "$VARVE_STORE"/trees/*/*; do
	chmod u+w "$tree"
	truncate -s 0 "$tree"
done
find "$mnt" -type f -exec cat {} + >/dev/null 2>err
grep -v 'Input/output error' err && fail "other errors than EIO"
[ "$(server)" = "$pid" ] || fail "the server ended when a tree was cut"
"$VARVE" unmount "$mnt" || fail "unmount"

# The store goes away and comes back.
for layers in "" "one@/one two@/two other/two@/other"; do
	restore
	# shellcheck disable=SC2086
	"$VARVE" mount $layers "$mnt" || exit 1
	pid=$(server)
	check "before" reads_right one
	mv "$VARVE_STORE" away
	check "what was read is still there" reads_right one
	cat "$mnt/two/large" >out 2>err && { cmp out two/large || fail "wrong bytes without a store"; }
	sleep 1.5
	check "refs stay while the store is away" diff <(printf '%s\n' one other two) <(ls "$mnt")
	check "and so does what is in them" test -e "$mnt/one/large"
	mv away "$VARVE_STORE"
	check "all of it is back" wait_for reads_right two
	"$VARVE" tag one two
	check "and the refs are followed again" wait_for cmp -s one/dir0/file0 "$mnt/two/dir0/file0"
	[ "$(server)" = "$pid" ] || fail "the server ended"
	"$VARVE" unmount "$mnt" || fail "unmount"
done
finish
