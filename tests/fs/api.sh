#!/bin/bash
# libvarve as a user meets it: installed, found by pkg-config, used from C and C++, shared and static, beside plain files.
. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")/../.." && pwd)
build=$(dirname "$VARVE")
[ -f "$build/cmake_install.cmake" ] || skip "$VARVE is not in a build directory to install from"
prefix=$work/usr
cmake --install "$build" --prefix "$prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
pc=$(find "$prefix" -name varve.pc)
lib=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH=${pc%/*} LD_LIBRARY_PATH=$lib

# ---- what is installed says what it is, and exports the API and nothing else ----

functions=$(grep -o '\bvv_fs_[a-z_]*(' "$prefix/include/varve/varve.h" | tr -d '(' | grep -v '_fn$' | sort -u)
check "functions of the header and of libvarve.so" diff <(echo "$functions") \
	<(nm -D --defined-only "$lib/libvarve.so" | awk '$2 != "A" { sub("@.*", "", $3); print $3 }' | sort)
check "and of libvarve.a" diff <(echo "$functions") \
	<(nm -g --defined-only "$lib/libvarve.a" | awk 'NF == 3 { print $3 }' | sort)
readelf -d "$lib/libvarve.so" | grep -q 'soname: \[libvarve.so.1\]' || fail "the name of libvarve.so"
pkg-config --exists --print-errors varve || exit 1
[[ $("$VARVE" --version) == "varve $(pkg-config --modversion varve) "* ]] || fail "the version of varve.pc"

# ---- the header needs nothing before it, in any dialect ----

flags="$(pkg-config --cflags varve) -Wall -Wextra -Wpedantic -Wconversion -Werror"
echo '#include <varve/varve.h>' >"$work/only.c"
cp "$work/only.c" "$work/only.cc"
for std in c99 c11 c17; do
	check "the header in $std" gcc -std=$std $flags -fsyntax-only "$work/only.c"
done
for std in c++98 c++11 c++20; do
	check "the header in $std" g++ -std=$std -Wno-long-long $flags -fsyntax-only "$work/only.cc"
done

# ---- a store to read: a toolchain if there is one ----

tree=$(find "${VARVE_CORPUS:-/nonexistent}" -mindepth 1 -maxdepth 1 -type d -name 'gcc-*' 2>/dev/null | sort | head -n 1)
if [ -z "$tree" ]; then
	tree=$work/tree
	mkdir -p "$tree/usr/include"
	for i in $(seq 500); do echo "header $i" >"$tree/usr/include/h$i.h"; done
	head -c 3000000 /dev/urandom >"$tree/usr/big"
	: >"$tree/usr/empty"
fi
"$VARVE" pack cc/1 "$tree/usr/include" >/dev/null && "$VARVE" tag cc/1 cc/2 || exit 1

# ---- the examples, as C and as C++, shared and static ----

as() { # language compiler linking
	local dir=$work/$1-$3 static=
	mkdir "$dir"
	[ "$3" = shared ] || static=--static
	for name in cat walk extract; do
		# shellcheck disable=SC2046 # words
		if [ "$3" = shared ]; then
			$2 "$here/examples/$name.c" -o "$dir/$name" -pthread $(pkg-config --cflags --libs varve)
		else
			$2 "$here/examples/$name.c" -o "$dir/$name" -pthread $(pkg-config --cflags varve) "$lib/libvarve.a" \
				$(pkg-config $static --libs varve | sed 's/-lvarve\b//')
		fi || fail "$1 $3: $name does not compile"
	done
}
as c "gcc -std=c11 -Wall -Wextra -Werror" shared
as c "gcc -std=c11 -Wall -Wextra -Werror" static
ldd "$work/c-shared/cat" | grep -q "$lib/libvarve.so.1" || fail "the shared library is not used"
ldd "$work/c-static/cat" | grep -q libvarve && fail "the static program wants the shared library"
cat >"$work/use.cc" <<'END'
#include <cstdio>
#include <varve/varve.h>
int main(int, char **argv)
{
	vv_fs_layer layer = { "cc/1", nullptr, "" };
	vv_fs_options options = { sizeof options, &layer, 1, 0, VV_FS_FOLLOW_ON_DEMAND, nullptr };
	vv_fs *fs;
	vv_fs_attr attr;
	int err = vv_fs_open(&fs, argv[1], &options);
	if (!err)
		err = vv_fs_stat(vv_fs_root(fs), "", 0, &attr);
	std::printf("%s %o\n", vv_fs_err_name(err), attr.mode & VV_FS_IFMT);
	vv_fs_close(fs);
}
END
# shellcheck disable=SC2046
g++ -std=c++11 -Wall -Wextra -Werror "$work/use.cc" -o "$work/use" $(pkg-config --cflags --libs varve) || fail "C++ does not compile"
[ "$("$work/use" "$VARVE_STORE")" = "OK 40000" ] || fail "C++: $("$work/use" "$VARVE_STORE")"

for kind in c-shared c-static; do
	bin=$work/$kind
	check "$kind: refs" diff <("$bin/cat" "$VARVE_STORE" | cut -f1) <(printf 'cc/1\ncc/2\n')
	file=$(cd "$tree/usr/include" && find . -type f -size +4k | sort | head -n 1)
	[ -n "$file" ] || file=./h1.h
	check "$kind: a file" cmp <("$bin/cat" "$VARVE_STORE" "cc/1/$file") "$tree/usr/include/$file"
	check "$kind: every checksum" diff <("$bin/walk" "$VARVE_STORE" cc/2 | LC_ALL=C sort) \
		<(cd "$tree/usr/include" && find . -type f -exec cksum {} + | LC_ALL=C sort)
	mkdir "$work/out-$kind"
	"$bin/extract" "$VARVE_STORE" cc/1 / "$work/out-$kind" 8 >/dev/null || fail "$kind: extract"
	check "$kind: what was extracted" diff <(cd "$work/out-$kind" && cksum ./* 2>/dev/null) \
		<(cd "$tree/usr/include" && find . -maxdepth 1 -type f | LC_ALL=C sort | xargs -r cksum)
	mistake 1 "no such entry" "$bin/cat" "$VARVE_STORE" cc/3/x
	mistake 1 "no such entry" "$bin/cat" "$work/nowhere" cc/1/x
	mistake 1 "is a directory" "$bin/cat" "$VARVE_STORE" cc/1
done
[ -z "$(find "$VARVE_STORE/leases" -type f 2>/dev/null)" ] || fail "a lease is left behind"

# ---- no root, no FUSE, a store that cannot be written ----

if command -v setpriv >/dev/null; then
	chmod -R a+rX "$VARVE_STORE" "$work"
	file=$(cd "$tree/usr/include" && find . -type f | sort | head -n 1)
	check "as nobody" cmp <(setpriv --reuid=65534 --regid=65534 --clear-groups env LD_LIBRARY_PATH="$lib" \
		"$work/c-shared/cat" "$VARVE_STORE" "cc/1/$file") "$tree/usr/include/$file"
fi
finish
