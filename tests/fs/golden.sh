#!/bin/bash
# Stores that were written once, committed, and are never written again: this program and the second reader find in them
# what went in.  And the second reader finds the same as this program in a store of today.
. "$(dirname "$0")/lib.sh"
top=$(cd "$(dirname "$0")/.." && pwd)
reader() { /usr/bin/python3 "$top/reader/varve_reader.py" "$@"; }
/usr/bin/python3 -c 'import zstandard' 2>"$work/why" || skip "no python3-zstandard: $(tail -n 1 "$work/why")"
/usr/bin/python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.x", b"")' "$mnt" 2>"$work/why" ||
	skip "no user.* xattrs in $work: $(tail -n 1 "$work/why")"
corpus=${VARVE_CORPUS:-/nonexistent}

reader_verifies() { reader "$1" verify >"$work/said"; }
holds() { # what, directory, manifest
	/usr/bin/python3 "$top/format/manifest.py" "$2" >"$work/manifest" || fail "$1: no manifest"
	cmp -s "$work/manifest" "$3" && return
	fail "$1 is not what went in"
	diff "$3" "$work/manifest" | head -n 10
}
tree_of() { # store, ref
	"$VARVE" ls -s "$1" --json | grep -F "\"ref\": \"$2\"," | grep -o '"tree": "[0-9a-f]*"'
}

cp -a "$top/format/golden" "$work/golden"
seen=0
for store in "$work"/golden/*/store; do
	name=$(basename "$(dirname "$store")")
	check "$name: verify" "$VARVE" verify -q -s "$store"
	check "$name: the second reader verifies" reader_verifies "$store"
	while IFS= read -r manifest; do
		ref=${manifest#"$work/golden/$name/"}
		ref=${ref%.manifest}
		seen=$((seen + 1))
		rm -rf "$work/ours" "$work/theirs"
		check "$name: extract $ref" "$VARVE" extract -q -s "$store" "$ref" "$work/ours"
		holds "$name: what varve extracts of $ref" "$work/ours" "$manifest"
		check "$name: the second reader extracts $ref" reader "$store" extract "$ref" "$work/theirs"
		holds "$name: what the second reader extracts of $ref" "$work/theirs" "$manifest"
		# The id of a tree depends on what is in it and on nothing else: not on the version that packs.
		check "$name: pack $ref again" "$VARVE" pack -q "$ref" "$work/ours"
		[ "$(tree_of "$VARVE_STORE" "$ref")" = "$(tree_of "$store" "$ref")" ] || fail "$name: $ref packed again is another tree"
	done < <(find "$work/golden/$name" -name '*.manifest' | sort)
done
refs=$(find "$work"/golden/*/store/refs -type f | wc -l)
[ "$seen" -gt 0 ] && [ "$seen" -eq "$refs" ] || fail "$refs refs have $seen manifests"
# It does not matter how it came in either.
[ "$(tree_of "$work/golden/archive/store" tar)" = "$(tree_of "$work/golden/versions/store" 'Toy 2%')" ] ||
	fail "a tar of a directory is another tree than the directory"

# A store of today.
today=$work/today-store
"$VARVE" init "$today" >/dev/null || exit 1
if [ -d "$corpus/gcc-12/usr/include" ]; then
	binary=$(find "$corpus/gcc-12" -name cc1 -type f | head -n 1)
	input=$work/today
	mkdir "$input" && cp -a "$corpus/gcc-12/usr/include" "$input/" && cp -a "$binary" "$input/" || exit 1
	"$VARVE" pack -q -l 3 -s "$today" today "$input" || fail "pack"
	check "today: the second reader verifies" reader_verifies "$today"
	check "today: the second reader extracts" reader "$today" extract today "$work/today-out"
	check "today: the same bytes" diff -r --no-dereference "$input" "$work/today-out"
	/usr/bin/python3 "$top/format/manifest.py" "$input" >"$work/today.manifest"
	holds "today: what the second reader extracts" "$work/today-out" "$work/today.manifest"
else
	echo "no toolchain in VARVE_CORPUS: nothing of today is compared"
fi
finish
