#!/bin/bash
# bench/compare measures what it is asked to, says so in a report, a chart and samples, and leaves nothing mounted; the same samples,
# told beside the other candidate, give the reciprocal ratio.
. "$(dirname "$0")/lib.sh"
bench=$(cd "$(dirname "$0")/../../bench" && pwd)
export VARVE=$(realpath "$VARVE")

# Two toolchains in little: the harness does not look at what a compiler makes.
corpus=$work/corpus
for tree in gcc-12/usr/bin/g++-12 clang-14/usr/bin/clang++-14; do
	mkdir -p "$corpus/${tree%/*}" "$corpus/${tree%%/*}/include"
	printf '#!/bin/sh\nread -r line <"$0"\n' >"$corpus/$tree"
	chmod +x "$corpus/$tree"
	head -c 100000 /dev/urandom >"$corpus/${tree%%/*}/libbig.so"
	for i in $(seq 50); do seq "$i" $((i + 300)) >"$corpus/${tree%%/*}/include/$i.h"; done
done

report=$work/bench/report
"$bench/compare" --quick --corpus "$corpus" --work "$work/bench" --candidates ext4 --measures 'mount,small,g++ hello,turn' \
	--rounds 1 --warm-rounds 3 >"$work/said" 2>"$work/errors" || {
	fail "bench/compare: $(cat "$work/errors")"
	finish
}
! grep -q "$work/bench" /proc/mounts || fail "something is still mounted"
check "what is printed is not the report" cmp "$work/said" <(cat "$report/report.md" && echo)
for mode in cold warm; do
	for name in ext4 varve; do
		rounds=$(awk -F'\t' -v m=$mode -v n=$name '$1 == m && $2 == "g++ hello" && $3 == n && $5 > 0' "$report/samples.tsv" | wc -l)
		[ "$rounds" -ge 1 ] || fail "no compile from $name, $mode"
	done
done
grep -q '^| g++ -c of <iostream>, ms | [0-9.]* | [0-9.]* |$' "$report/report.md" || fail "the report has no times of a compile"
check "the chart is no XML" python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$report/chart.svg"
requests=$(awk -F'\t' '$2 == "requests g++" { print $5 }' "$report/samples.tsv")
[ "${requests:-1000}" -lt 1000 ] || fail "requests of a warm compile: '$requests'"

# The first ratio of a row: the only other candidate's.
ratio_of_small() {
	"$bench/compare" --report "$report/samples.tsv" --reference "$1" | sed -n '/^## Cold/,/^## Warm/p' |
		awk -F'|' '/^. open, read and close a header [|]/ { print $3 + 0 }'
}
awk -v a="$(ratio_of_small ext4)" -v b="$(ratio_of_small varve)" 'BEGIN { exit !(a * b > 0.9 && a * b < 1.1) }' ||
	fail "ratios $(ratio_of_small ext4) and $(ratio_of_small varve) are not reciprocal"
finish
