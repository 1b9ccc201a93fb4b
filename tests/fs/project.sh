#!/bin/bash
# A real project (lua, from Debian's source) builds with a mounted gcc while another process publishes, moves and removes refs and
# collects garbage, and while the compiler's own ref moves to and fro between two trees of equal files.
#
# The reference is a build with the plain directory bound at the same path; both use -g, so that objects name each header.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../../scripts/lib/compilers.sh"
. "$(dirname "$0")/../../scripts/lib/project.sh"

corpus=$(cd "${VARVE_CORPUS:-build/corpus}" 2>/dev/null && pwd) && [ -d "$corpus/gcc-12" ] ||
	skip "no compiler; bench/corpus --slice build/corpus fetches it"
unshare -m true 2>/dev/null || skip "no mount namespaces"
unpack_source lua5.4 "$corpus/.src" "$work/source" || skip "no source of lua5.4 to be had from Debian's archive"

build() { # what is built is in $work/build
	rm -rf "$work/build" && cp -a "$work/source" "$work/build" && build_project lua5.4 "$work/build" "$mnt/gcc-12"
}
plain_build() { mount --bind "$corpus" "$mnt" && build; }
export -f plain_build build build_project tool_at gcc_at
export work mnt corpus
unshare -m bash -c plain_build || {
	cat "$work/build/log"
	fail "the build with the plain directory"
	finish
}
mv "$work/build" "$work/plain"
[ "$(find "$work/plain" -name '*.o' | wc -l)" -gt 30 ] || fail "the plain build made $(find "$work/plain" -name '*.o')"

# Two trees of equal files, one without its manual pages: other ids, all the way down to the compiler.
"$VARVE" pack -q --level 3 gcc/whole "$corpus/gcc-12" && "$VARVE" pack -q --level 3 -x usr/share/man gcc/bare "$corpus/gcc-12" &&
	"$VARVE" tag gcc/whole gcc-12 && mkdir "$work/kept" && head -c 3000000 /dev/urandom >"$work/kept/file" &&
	"$VARVE" pack -q kept "$work/kept" || exit 1
used() { du -s --apparent-size -B1 "$VARVE_STORE" | cut -f1; }
before=$(used)
"$VARVE" mount --memory 64M "$mnt" || exit 1
exec 7<"$mnt/kept/file" # not read yet
"$VARVE" rm kept

mkdir "$work/churn"
churn "$work/churn" gcc-12 gcc/whole gcc/bare &
builds=0
until [ "$builds" -ge 2 ] && [ "$(cat "$work/churn/rounds" 2>/dev/null || echo 0)" -ge 6 ] || [ "$builds" -ge 10 ]; do
	builds=$((builds + 1))
	build || {
		tail -n 20 "$work/build/log"
		fail "build $builds"
		break
	}
	diff -rq -x log "$work/plain" "$work/build" || fail "build $builds differs from that of the plain directory"
done
touch "$work/churn/stop"
wait
[ ! -e "$work/churn/failed" ] || fail "the busy store: $(cat "$work/churn/failed")"
echo "$builds builds while the store went through $(cat "$work/churn/rounds") rounds"
check "lua runs" content_is <(run_with "$mnt/gcc-12" "$work/build/src/lua" -e 'print(6 * 7)') 42
check "a removed ref's open file, after all that garbage was collected" cmp "$work/kept/file" /proc/self/fd/7
exec 7<&-

check "nothing holds the mount" "$VARVE" unmount "$mnt"
check "verify" "$VARVE" verify -q
for ref in $("$VARVE" ls | grep '^noise/'); do "$VARVE" rm "$ref"; done
check "gc" "$VARVE" gc --grace 0
check "verify after gc" "$VARVE" verify -q
[ "$(used)" -le "$before" ] || fail "garbage was left: $before bytes before, $(used) after"
finish
