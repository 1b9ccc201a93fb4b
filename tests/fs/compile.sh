#!/bin/bash
# A warm compile from a mount costs next to no requests: what the reply flags are for.
. "$(dirname "$0")/lib.sh"
command -v g++ >/dev/null || skip "no g++"

# The compiler proper and the headers come from the mount; -B and -isystem lead there.
libgcc=$(dirname "$(g++ -print-prog-name=cc1plus)")
version=$(basename "$libgcc")
mkdir -p "$work/tree/lib" "$work/tree/include"
cp -a "$libgcc/cc1plus" "$libgcc/include" "$work/tree/lib/"
cp -a "/usr/include/c++" "$work/tree/include/" || skip "no C++ headers"
cp -aL "/usr/include/$(g++ -dumpmachine)" "$work/tree/include/" || skip "no C++ headers"
(cd /usr/include && find . -maxdepth 1 -type f -exec cp -a {} "$work/tree/include/" \; && cp -a linux asm-generic "$work/tree/include/")
"$VARVE" pack gcc "$work/tree" >/dev/null || exit 1
"$VARVE" mount "$mnt" || exit 1

cat >"$work/hello.cc" <<'END'
#include <iostream>
#include <vector>
int main() { std::vector<int> v{1}; std::cout << v.size() << "\n"; }
END
inc=$mnt/gcc/include
compile() {
	g++ -B"$mnt/gcc/lib/" -nostdinc -I"$mnt/gcc/a" -I"$mnt/gcc/b" -I"$inc/none" -isystem "$inc/c++/$version" \
		-isystem "$inc/$(g++ -dumpmachine)/c++/$version" -isystem "$mnt/gcc/lib/include" \
		-isystem "$inc/$(g++ -dumpmachine)" -isystem "$inc" -c "$work/hello.cc" -o "$work/hello.o"
}
compile || fail "compile"
cold=$(requests "$mnt" total)
compile
before=$(requests "$mnt" total)
compile || fail "warm compile"
warm=$(($(requests "$mnt" total) - before))
echo "requests: $cold cold, $warm warm"
[ "$warm" -le 12 ] || fail "a warm compile made $warm requests: $("$VARVE" stats --json "$mnt")"
g++ "$work/hello.o" -o "$work/hello" && [ "$("$work/hello")" = 1 ] || fail "the program"
finish
