#!/bin/bash
# One store, two systems: what varve.exe (under Wine) writes is what the Linux program writes, and each serves the other's.
# Needs build/mingw64/varve.exe.  Wine keeps its files on this file system, with its own idea of modes and owners: so trees are
# packed from archives where ids must be equal, and from directories where it is said what differs.
. "$(dirname "$0")/../fs/lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd)
exe=${VARVE_EXE:-$top/build/mingw64/varve.exe}
[ -e "$exe" ] || skip "no program at $exe"
[ -x /usr/lib/wine/wine64 ] || skip "no wine64"

# A program, because timeout(1) runs no function.
printf '#!/bin/sh\nVARVE_STORE=Z:$VARVE_STORE exec "%s" "%s" "$@"\n' "$top/scripts/lib/wine.sh" "$exe" >"$work/win"
chmod +x "$work/win"
w() { "$work/win" "$@"; }
tree_id() { grep -o '"tree": "[0-9a-f]*"' | cut -d'"' -f4; }
objects() { (cd "$1" && find trees packs -type f | LC_ALL=C sort); }

in=$work/in
make_input() {
	mkdir -p "$in"/bin "$in"/include/sub "$in"/lib/empty
	cp /bin/bash "$in"/bin/bash
	head -c 700000 "$VARVE" >"$in"/lib/part.a
	for i in {1..200}; do echo "int f$i(void);" >"$in/include/f$i.h"; done
	printf x >"$in/include/sub/con"
	printf x >"$in/include/sub/aux.h"
	printf x >"$in/include/sub/dots..."
	printf x >"$in/include/sub/ä€😀"
	: >"$in"/lib/nothing
	truncate -s 3M "$in"/lib/hole && printf end >>"$in"/lib/hole
	find "$in" -type d -exec chmod 755 {} + && find "$in" -type f -exec chmod 644 {} +
	set_times
}
# Windows counts time in 100 ns; Linux would see a difference where a time has more.
set_times() { find "$in" -exec touch -h -d '2021-02-03 04:05:06.1234567 UTC' {} +; }

same_archive_same_store() {
	local here there
	ln -s bash "$in"/bin/sh
	ln "$in"/bin/bash "$in"/bin/bash-too
	tar -C "$in" --owner=1:7 --group=2:8 -czf "$work/a.tar.gz" .
	tar -C "$in" --format=posix -cJf "$work/b.tar.xz" .
	rm "$in"/bin/sh "$in"/bin/bash-too
	set_times
	VARVE_STORE=$work/twin "$VARVE" init "$work/twin" >/dev/null
	for archive in a.tar.gz b.tar.xz; do
		here=$(VARVE_STORE=$work/twin "$VARVE" pack -j1 --json "$archive" "$work/$archive" | tree_id)
		there=$(w pack -j1 --json "$archive" "Z:$work/$archive" | tree_id)
		check "$archive has one id on both systems: $here, $there" [ -n "$here" -a "$here" = "$there" ]
	done
	check "both stores hold the same objects" diff <(objects "$work/twin") <(objects "$VARVE_STORE")
	check "Linux finds the store that Windows wrote whole" "$VARVE" verify -q
	check "Windows finds it whole" w verify -q
	check "Windows lists as Linux does" diff <("$VARVE" ls -lR a.tar.gz) <(w ls -lR a.tar.gz)
}

# A mode comes from the name and the read-only attribute, an owner from nowhere: plain files of root are what both agree on.
directories() {
	local here there
	here=$("$VARVE" pack --json dir/linux "$in" | tree_id)
	there=$(w pack --json dir/windows "Z:$in" | tree_id)
	check "a tree of plain files has one id: $here, $there" [ "$here" = "$there" ]
	check "nothing of it was stored twice" [ "$(w pack --json dir/again "Z:$in" | grep -o '"new_bytes": [0-9]*')" = '"new_bytes": 0' ]
	chmod 755 "$in"/bin/bash && chown 3:4 "$in"/lib/nothing
	"$VARVE" pack -q dir/linux "$in"
	w pack -q dir/windows "Z:$in"
	w diff dir/windows dir/linux >"$work/diff"
	check "a mode and an owner are all that differs: $(cat "$work/diff")" \
		diff <(printf '%s\n' 'bin/bash' 'lib/nothing') <(grep -oE '(bin/bash|lib/nothing)' "$work/diff" | LC_ALL=C sort)
	chmod 644 "$in"/bin/bash && chown 0:0 "$in"/lib/nothing
	check "verify compares with a directory" w verify -q --against "Z:$in" dir/again
}

mounted() {
	"$VARVE" mount "$mnt" || { fail "the store that Windows wrote does not mount"; return; }
	check "what Windows packed is served by Linux" diff -r "$in" "$mnt/dir/again"
	"$VARVE" unmount "$mnt"
}

extracted() {
	w extract -q dir/again "Z:$work/out" || fail "extract"
	check "extracted bytes and names are the same" diff -r "$in" "$work/out"
	check "times are kept to 100 ns" \
		[ "$(find "$in" -printf '%P %T@\n' | sort | sha256sum)" = "$(find "$work/out" -printf '%P %T@\n' | sort | sha256sum)" ]
	mistake 1 "directory not empty" "$work/win" extract dir/again "Z:$work/out"
	check "cat gives bytes as they are" cmp <(w cat dir/again:bin/bash) "$in/bin/bash"
}

# Names of refs that Windows takes for devices, or cuts; they are names of files in the store.
odd_refs() {
	for ref in con aux.x trailing. 'Mixed/Case' 'sp ace' 'ä'; do
		w tag dir/again "$ref" || fail "tag $ref"
	done
	check "both list the same refs" diff <("$VARVE" ls) <(w ls)
	for ref in con aux.x trailing. 'Mixed/Case' 'sp ace' 'ä'; do
		"$VARVE" rm "$ref" || fail "rm $ref"
	done
}

long_paths() {
	local at=$work/long part
	part=$(printf 'p%.0s' {1..120})
	for _ in 1 2 3 4; do at=$at/$part; done
	mkdir -p "$at"
	echo deep >"$at/file"
	w pack -q long "Z:$work/long" || fail "pack of long paths"
	w extract -q long "Z:$work/long-out" || fail "extract of long paths"
	check "paths longer than 260 pass" diff -r "$work/long" "$work/long-out"
}

# Lone surrogates: no file under Wine can have them in its name, but a tree can, and is told alike.
lone_surrogates() {
	mkdir "$work/lone"
	echo 1 >"$work/lone/$(printf 'high-\355\240\200')"
	echo 2 >"$work/lone/$(printf '\355\260\200-low')"
	"$VARVE" pack -q lone "$work/lone"
	check "names with lone surrogates are told alike" cmp <("$VARVE" ls -R lone) <(w ls -R lone)
	check "and their content is whole" w verify -q lone
	"$VARVE" rm lone
}

# Names that no Windows file can have are told, and the rest is there.  In one thread: Wine finds a name of other case a moment late.
impossible_names() {
	mkdir "$work/impossible"
	echo 1 >"$work/impossible/a:b"
	echo 2 >"$work/impossible/fine"
	echo 3 >"$work/impossible/Fine"
	mkdir "$work/impossible/dir?" && echo 4 >"$work/impossible/dir?/inside"
	"$VARVE" pack -q impossible "$work/impossible"
	w extract -j1 impossible "Z:$work/impossible-out" >"$work/said" 2>&1
	check "the name is told: $(cat "$work/said")" grep -q "a:b.*left out" "$work/said"
	check "a name of a directory is told once" [ "$(grep -c 'dir?.*left out' "$work/said")" = 1 ]
	check "names that differ in case only are told" grep -qi 'fine: left out: a name that differs in case' "$work/said"
	check "the rest is there" [ "$(ls "$work/impossible-out" | tr F f)" = fine ]
	"$VARVE" rm impossible
}

# A reader of Windows is in the middle of a file when gc of Windows removes the packs.
gc_beside_a_reader() {
	mkfifo "$work/pipe"
	w rm a.tar.gz && w rm b.tar.xz && w rm long && w rm dir/linux && w rm dir/windows
	head -c 30000000 /dev/urandom >"$work/noise"
	mkdir "$work/big" && mv "$work/noise" "$work/big/noise"
	w pack -q -l1 big "Z:$work/big" || fail "pack big"
	w cat big:noise >"$work/pipe" 2>"$work/cat.err" &
	local reader=$!
	exec 8<"$work/pipe"
	head -c 100000 <&8 >"$work/got"
	w rm big
	w gc --grace 0 >"$work/gc.out" 2>&1 || fail "gc: $(cat "$work/gc.out")"
	cat <&8 >>"$work/got"
	exec 8<&-
	wait $reader || fail "the reader: $(cat "$work/cat.err")"
	check "the reader got everything" cmp "$work/got" "$work/big/noise"
	w gc --grace 0 >"$work/gc.out" 2>&1 || fail "gc: $(cat "$work/gc.out")"
	check "the pack is gone when nobody reads it" [ "$(du -sm "$VARVE_STORE" | cut -f1)" -lt 20 ]
	check "what has a ref is whole" "$VARVE" verify -q
}

no_host() {
	for verb in mount unmount stats; do mistake 1 "this build for Windows has no file system to mount with yet" "$work/win" $verb X:; done
	mistake 2 "there is no verb" "$work/win" frobnicate
	mistake 1 "make a store with" "$work/win" ls -s Z:/no/such
}

rm -rf "$VARVE_STORE"
export TZ=UTC
w init "Z:$VARVE_STORE" >/dev/null || fail "init"
make_input
same_archive_same_store
directories
mounted
extracted
odd_refs
long_paths
lone_surrogates
impossible_names
gc_beside_a_reader
no_host
finish
