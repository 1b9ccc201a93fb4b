#!/bin/bash
# A thousand refs, and few file descriptors: mounting costs nothing until something is touched.
. "$(dirname "$0")/lib.sh"

mkdir "$work/tree"
for i in $(seq 200); do
	echo "$i" >"$work/tree/number"
	"$VARVE" pack "gcc/$i" "$work/tree" >/dev/null || exit 1
	for j in 200 400 600 800; do "$VARVE" tag "gcc/$i" "gcc/$((i + j))" || exit 1; done
done
rss_kib() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }

ulimit -n 1024
start=${EPOCHREALTIME/./}
"$VARVE" mount "$mnt" || exit 1
took=$(((${EPOCHREALTIME/./} - start) / 1000))
echo "mounted 1000 refs in $took ms, $(rss_kib "$(server)") KiB"
[ "$took" -lt 500 ] || fail "mounting took $took ms"
[ "$(rss_kib "$(server)")" -lt $((24 * 1024)) ] || fail "the server holds $(rss_kib "$(server)") KiB"
[ "$(ls "$mnt/gcc" | wc -l)" = 1000 ] || fail "the listing"
for i in $(seq 1000); do
	content_is "$mnt/gcc/$i/number" "$(((i - 1) % 200 + 1))" || fail "gcc/$i"
done
echo "with all trees touched: $(rss_kib "$(server)") KiB, $(ls "/proc/$(server)/fd" | wc -l) descriptors"
[ "$(rss_kib "$(server)")" -lt $((48 * 1024)) ] || fail "the server holds $(rss_kib "$(server)") KiB"
finish
