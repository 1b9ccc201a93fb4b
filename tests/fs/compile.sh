#!/bin/bash
# gcc and clang from a mount compile, link and run C and C++; what they make equals, byte for byte, what they make from the plain
# directories, also cold and two at a time in a small budget; and a warm compile costs next to no requests.
#
# The plain directories are bound at the path of the mount (in a mount namespace of their own) and everything is compiled with
# -g, so objects name every header by its path: they are equal only if the compilers saw the same names, sizes and bytes.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../scripts/lib/compilers.sh"

corpus=$(cd "${VARVE_CORPUS:-build/corpus}" 2>/dev/null && pwd) && [ -d "$corpus/gcc-12" ] && [ -d "$corpus/clang-14" ] ||
	skip "no compilers; bench/corpus --slice build/corpus fetches them"

cat >"$work/hello.c" <<'C'
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) { printf("C %.3f\n", sqrt(argc > 1 ? atof(argv[1]) : 2)); return 0; }
C
cat >"$work/hello.cc" <<'C'
#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <vector>
int main()
{
	std::vector<int> v{3, 1, 2};
	std::sort(v.begin(), v.end());
	try { v.at(3) = 4; } catch (const std::out_of_range &) { std::cout << "C++ " << v[0] << v[1] << v[2] << "\n"; }
}
C

# gcc and clang of the trees in a directory: sets `tool`, and `source` for the language.
choose() { # directory, compiler
	case $2 in
	gcc | g++) gcc_at "$1/gcc-12" "$2-12" ;;
	clang | clang++) clang_at "$1/clang-14" "$1/gcc-12" "$2-14" ;;
	esac
	source=hello.c
	[[ $2 != *++ ]] || source=hello.cc
}
object() { # directory of the trees, compiler, object
	choose "$1" "$2"
	(cd "$work" && "${tool[@]}" -g -O2 -c "$source" -o "$3")
}
# By each compiler an object, a program made from it and a program made in one go, into $work/NAME.
make_all() { # directory of the trees, name
	local name out=$work/$2
	mkdir -p "$out"
	for name in gcc g++ clang clang++; do
		object "$1" $name "$out/$name.o" || return
		"${tool[@]}" "$out/$name.o" -lm -o "$out/$name" || return
		run_with "$1/gcc-12" "$out/$name" >"$out/$name.says" || return
		(cd "$work" && "${tool[@]}" -pthread -g "$source" -lm -o "$out/$name.whole") || return
	done
}
same() { # name
	diff -rq "$work/plain" "$work/$1" || fail "$1: what the mounted compilers made differs from what the plain ones made"
}

unshare -m true 2>/dev/null || skip "no mount namespaces"
plain_pass() {
	mount --bind "$corpus" "$mnt" && make_all "$mnt" plain
}
export -f plain_pass make_all object choose tool_at gcc_at clang_at run_with
export work mnt corpus
unshare -m bash -c plain_pass || {
	fail "the plain compilers"
	finish
}
check "C" content_is "$work/plain/gcc.says" "C 1.414"
check "C++" content_is "$work/plain/clang++.says" "C++ 123"
[ "$(find "$work/plain" -type f | wc -l)" = 16 ] || fail "the plain compilers made $(ls "$work/plain")"
# The comparison means something: the compilers' own paths are in the objects.
object "$corpus" gcc "$work/elsewhere.o" && ! cmp -s "$work/plain/gcc.o" "$work/elsewhere.o" ||
	fail "an object does not show where its compiler was"
for name in gcc g++ clang clang++; do
	grep -qF "${mnt##*/}/gcc-12/usr" "$work/plain/$name.o" || fail "$name.o does not name its headers"
done

for tree in gcc-12 clang-14; do "$VARVE" pack -q --level 3 $tree "$corpus/$tree" || exit 1; done
"$VARVE" mount --memory 64M "$mnt" || exit 1

# Cold, two at a time.
make_all "$mnt" first &
other=$!
make_all "$mnt" second || fail "the mounted compilers"
wait $other || fail "the mounted compilers, beside others"
same first
same second

# Warm, and the requests of one compile: the least of some, since the kernel may drop pages at any time.
warm() { # compiler, most requests
	local name=$1 most=$2 before count=-1
	mkdir -p "$work/warm"
	object "$mnt" "$name" "$work/warm/$name.o" || fail "$name once more"
	for _ in 1 2 3 4 5; do
		before=$(asked "$mnt")
		object "$mnt" "$name" "$work/warm/$name.o" || fail "$name when warm"
		count=$(($(asked "$mnt") - before))
		[ "$count" -gt "$most" ] || break
	done
	echo "a warm compile by $name: $count requests"
	[ "$count" -le "$most" ] || fail "$name made more than $most requests: $("$VARVE" stats --json "$mnt")"
	check "$name: a warm object differs" cmp "$work/plain/$name.o" "$work/warm/$name.o"
}
most=0
grep -q '"name":"erofs"' <("$VARVE" stats --json "$mnt") || most=10
warm g++ $most
warm clang++ $((2 * most))
[ "$(asked "$mnt")" -gt 100 ] || fail "the mount was hardly asked: was it used?"
check "nothing holds the mount" "$VARVE" unmount "$mnt"
"$VARVE" mount --host fuse --memory 64M "$mnt" || exit 1
warm g++ 10
warm clang++ 20
check "nothing holds the mount of the fuse host" "$VARVE" unmount "$mnt"
finish
