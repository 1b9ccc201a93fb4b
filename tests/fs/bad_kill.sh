#!/bin/bash
# SIGKILL at random moments, with two publishers at once: what was there stays whole, a second try works, gc cleans up.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
RANDOM=${VARVE_SEED:-4711}

mkdir keep base one two
head -c 2000000 /dev/urandom >keep/big
seq 50000 >keep/text
cp keep/* base/
cp keep/* one/
cp keep/* two/
"$VARVE" pack -q -l 1 keep/first keep && "$VARVE" tag keep/first keep/second || exit 1
kills=0

start() { "$VARVE" "$@" 2>>"$work/log" >/dev/null & }
kill_at() { # pid, milliseconds
	sleep "$(printf '0.%03d' "$2")"
	kill -9 "$1" 2>/dev/null && kills=$((kills + 1))
	wait "$1" 2>/dev/null
}
whole() {
	"$VARVE" verify -q >"$work/said" 2>&1 || fail "round $round: $(head -5 "$work/said")"
	for ref in keep/first keep/second; do
		cmp -s keep/big <("$VARVE" cat $ref:big) || fail "round $round: $ref"
	done
}
change() { # directory: something new in it, and something that it shares
	head -c $((RANDOM * 30)) /dev/urandom >"$1/new$((RANDOM % 4))"
	seq $((RANDOM % 1000)) 40000 >"$1/text"
}

# On a fast machine many are done before they can be killed: then there are more rounds.
for round in $(seq 300); do
	[ $round -le 60 ] || [ $kills -lt 120 ] || break
	change one
	change two
	start pack -q -l 1 moving/one one
	first=$!
	start pack -q -l 1 moving/two two
	second=$!
	start gc --grace 0
	gc=$!
	case $((round % 3)) in
	0) kill_at $first $((RANDOM % 120)) ;;
	1) kill_at $second $((RANDOM % 60)) && kill_at $first $((RANDOM % 60)) ;;
	2) kill_at $gc $((RANDOM % 30)) ;;
	esac
	start rm moving/one
	kill_at $! $((RANDOM % 8))
	start tag keep/first moving/tag$((RANDOM % 3))
	kill_at $! $((RANDOM % 12))
	kill_at $gc $((RANDOM % 40))
	wait
	[ $((round % 10)) -ne 0 ] || whole
done
whole
[ $kills -ge 60 ] || fail "only $kills kills hit a running process"
grep -v -e 'another gc is at work' -e 'there is no ref' -e 'is condemned' "$work/log" | grep . >"$work/odd" && fail "messages: $(head -5 "$work/odd")"

# A second try of each works, and each name is either old or new, never torn.
for ref in $("$VARVE" ls); do "$VARVE" verify -q "$ref" || fail "$ref"; done
"$VARVE" pack -q -l 1 moving/one one || fail "pack again"
"$VARVE" pack -q -l 1 moving/two two || fail "pack again"
for tree in one two keep; do
	ref=moving/$tree
	[ $tree != keep ] || ref=keep/first
	"$VARVE" verify -q --against $tree $ref || fail "$ref is not its directory"
done

# gc takes away what the dead have left: files that were being written, intents, content that no ref needs.
"$VARVE" rm $("$VARVE" ls | grep ^moving/)
touch -d '2 days ago' "$VARVE_STORE"/.tmp-* 2>/dev/null
"$VARVE" gc --grace 0 >/dev/null || fail "gc"
"$VARVE" gc --grace 0 >/dev/null || fail "gc once more"
[ -z "$(ls "$VARVE_STORE/intents" 2>/dev/null)" ] || fail "intents are left: $(ls "$VARVE_STORE/intents")"
[ -z "$(find "$VARVE_STORE" -name '.*' -type f)" ] || fail "left: $(find "$VARVE_STORE" -name '.*' -type f | head)"
[ -z "$(ls "$VARVE_STORE/condemned" 2>/dev/null)" ] || fail "condemned records are left"
[ "$(find "$VARVE_STORE/trees" -type f | wc -l)" -eq 1 ] || fail "trees are left"
size=$(find "$VARVE_STORE" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
[ "$size" -le 2300000 ] || fail "the store takes $size bytes"
whole
echo "$kills kills"
finish
