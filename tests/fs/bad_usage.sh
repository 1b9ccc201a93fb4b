#!/bin/bash
# Wrong commands: each is one line and status 2 before anything is touched.  What help, manual and --json promise.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1
root=${VARVE_SOURCE_DIR:-$(cd "$OLDPWD" && cd "$(dirname "$0")/../.." && pwd)}

mkdir tree
echo hello >tree/file
"$VARVE" pack tree tree >/dev/null && "$VARVE" pack other/1 tree >/dev/null || exit 1
verbs=$("$VARVE" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p')
[ "$(wc -w <<<"$verbs")" -ge 15 ] || fail "verbs in the help: $verbs"

# ---- words ----
mistake 2 "no verb 'frob'" "$VARVE" frob
mistake 2 "no verb ''" "$VARVE" ""
mistake 2 "no verb 'frob'" "$VARVE" help frob
mistake 2 "no verb '--frob'" "$VARVE" --frob
for verb in $verbs; do
	mistake 2 "$verb has no option --frob" "$VARVE" "$verb" --frob
	mistake 2 "$verb has no option --frob" "$VARVE" "$verb" --frob=1
	mistake 2 "$verb has no option -Z" "$VARVE" "$verb" -Z
done
for words in init pack "pack a" cat extract "extract a" diff "diff a" tag "tag a" rm mount unmount stats; do
	# shellcheck disable=SC2086
	mistake 2 "${words%% *} needs more" "$VARVE" $words
done
for words in "init a b" "pack a b c" "ls a b" "cat a:b c:d" "extract a b c" "diff a b c" "tag a b c" "verify a b" "gc a" \
	"unmount a b" "stats a b" "help a b"; do
	# shellcheck disable=SC2086
	mistake 2 "${words%% *}: unexpected '${words##* }'" "$VARVE" $words
done
mistake 2 "--store needs a value" "$VARVE" ls -s
mistake 2 "--store needs a value" "$VARVE" ls --store
mistake 2 "--json takes no value" "$VARVE" ls --json=yes
mistake 2 "" "$VARVE" verify --against tree
status=0
"$VARVE" >/dev/null 2>&1 || status=$?
[ $status -eq 2 ] || fail "no verb at all: status $status"

# ---- numbers ----
for value in x "" -1 1x 1.5 " 1" 0x10 99999999999999999999 4294967296; do
	mistake 2 "--jobs takes a whole number, not '$value'" "$VARVE" pack -j "$value" new tree
	mistake 2 "--strip-components takes a whole number" "$VARVE" pack --strip-components="$value" new tree
done
for value in 0 20 4294967295; do
	mistake 2 "--level goes from 1 to 19" "$VARVE" pack -l "$value" new tree
done
for value in x "" -5 1w 1.5h 99999999999999999999s 9999999999d 1hh; do
	mistake 2 "--grace takes a time such as 30s, 15m, 1h or 2d, not '$value'" "$VARVE" gc --grace "$value"
done
for value in x "" -5 64Q 1.5G 99999999999999999999 99999999999T MiB; do
	mistake 2 "--memory takes a size such as 64M or 1GiB, not '$value'" "$VARVE" mount -m "$value" "$mnt"
done
for value in 0 1 15M 16777215; do
	mistake 2 "--memory must be at least 16M" "$VARVE" mount -m "$value" "$mnt"
done
mapfile -t patterns < <(seq -f '-xpattern%g' 65)
mistake 2 "at most 64" "$VARVE" pack "${patterns[@]}" new tree

# ---- refs ----
long=$(printf 'x%.0s' $(seq 256))
for ref in "" / /a a/ a//b . .. ./a a/. a/../b a@b $'a\nb' $'a\tb' $'a\033b' "$long" "a/$long"; do
	for command in "pack REF tree" "tag tree REF" "tag REF new" "rm REF" "rm tree REF" "ls REF" "cat REF:file" \
		"extract REF out" "extract REF:file out" "diff REF tree" "diff tree REF" "df REF" "verify REF"; do
		words=()
		for word in $command; do words+=("${word/REF/"$ref"}"); done
		mistake 2 "cannot be a ref" "$VARVE" "${words[@]}"
	done
done
for command in "pack a:b tree" "tag tree a:b" "tag a:b new" "rm a:b" "diff a:b tree" "df a:b" "verify a:b"; do
	# shellcheck disable=SC2086
	mistake 2 "cannot be a ref" "$VARVE" $command
done
many=$(printf 'AAAAAAAAA/%.0s' $(seq 40))end
mistake 2 "cannot be a ref" "$VARVE" pack "$many" tree
mistake 2 "cat needs a file" "$VARVE" cat tree
mistake 2 "cat needs a file" "$VARVE" cat tree:
mistake 2 "cat needs a file" "$VARVE" cat tree:/
for layer in "" "@/x" "a//b@/x" "tree@/../x" "tree@/a/./b"; do
	mistake 2 "cannot be a" "$VARVE" mount "$layer" "$mnt"
done
check "a wrong command changes nothing" diff <(printf 'other/1\ntree\n') <("$VARVE" ls)
(unset VARVE_STORE && mistake 2 "which store" "$VARVE" ls && exit $failures) || failures=$((failures + 1))
(export VARVE_STORE= && mistake 2 "which store" "$VARVE" mount "$mnt" && exit $failures) || failures=$((failures + 1))

# ---- mount.varve ----
ln -s "$VARVE" mount.varve
mistake 2 "mount.varve STORE MOUNTPOINT" ./mount.varve
mistake 2 "mount.varve STORE MOUNTPOINT" ./mount.varve "$VARVE_STORE"
mistake 2 "not '5X'" ./mount.varve "$VARVE_STORE" "$mnt" -o memory=5X,ro
mistake 2 "cannot be a" ./mount.varve "$VARVE_STORE" "$mnt" -o "layer=a//b@/"
mistake 2 "cannot be a" ./mount.varve "$VARVE_STORE" "$mnt" -o "layer=tree@/.."

# ---- help and manual ----
options_of() { sed -n 's/^  \(-.,\)\{0,1\} *--\([a-z-]*\).*/\2/p'; }
man=$root/docs/varve.1
plain=$(sed 's/Fl Fl \([a-z]\)/--\1/g; s/Fl \([a-zA-Z]\)/-\1/g' "$man")
for verb in $verbs; do
	for way in "$verb --help" "help $verb" "$verb --frob --help"; do
		# shellcheck disable=SC2086
		said=$("$VARVE" $way 2>&1) || fail "$way: status $?"
		[[ $said == "Usage: varve $verb"* ]] || fail "$way: $said"
	done
	grep -q "^\.It Cm $verb\b" "$man" || fail "the manual does not name $verb"
	section=$(awk -v v="$verb" '/^\.It Cm / || /^\.Sh/ { on = $3 == v } on' <<<"$plain")
	for option in $("$VARVE" help "$verb" | options_of); do
		[ "$option" = store ] || grep -q -- "--$option\b" <<<"$section" || fail "the manual does not name $verb --$option"
	done
	for option in $(grep -o -- '--[a-z][a-z-]*' <<<"$section" | sort -u); do
		"$VARVE" help "$verb" | options_of | grep -qx -- "${option#--}" || fail "$verb has no $option, but the manual says so"
	done
done
for way in --help -h help; do
	"$VARVE" $way >out 2>err || fail "$way: status $?"
	[ -s out ] && [ ! -s err ] || fail "$way: not on stdout"
done
[[ $("$VARVE" --version) == "varve "* ]] || fail "--version"

# ---- output that cannot be written, or that nobody reads ----
for command in "ls" "cat tree:file" "help" "gc -n" "df" "verify" "diff tree other/1"; do
	# shellcheck disable=SC2086
	"$VARVE" $command >/dev/full 2>err && fail "$command: status 0 although the output could not be written"
	[ "$(wc -l <err)" -eq 1 ] || fail "$command on a full device: $(cat err)"
done

# ---- --json: every line is JSON ----
is_json() { # command...
	"$@" >out 2>err || fail "${*//"$VARVE"/varve}: $(cat err)"
	python3 - out <<-'END' || fail "${*//"$VARVE"/varve}: not JSON: $(head -c 300 out)"
		import json, sys
		lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
		assert lines and all(type(json.loads(l)) is dict for l in lines)
	END
}
mkdir odd
touch 'odd/quote"back\slash' $'odd/line\nbreak\ttab\x7f' $'odd/not\xff\xfeutf8' 'odd/ünïcödé' $'odd/cut\xe2\x82'
ln -s $'target\xff"\\\n' odd/link
is_json "$VARVE" pack --json $'odd/"quote\\back\xff\xc3\xbc' odd
is_json "$VARVE" ls --json
is_json "$VARVE" ls --json -lR $'odd/"quote\\back\xff\xc3\xbc'
is_json "$VARVE" df --json
is_json "$VARVE" df --json tree
is_json "$VARVE" diff --json tree $'odd/"quote\\back\xff\xc3\xbc'
is_json "$VARVE" verify --json
is_json "$VARVE" verify --json --against odd $'odd/"quote\\back\xff\xc3\xbc'
"$VARVE" rm tree
is_json "$VARVE" gc --json -n --grace 0
is_json "$VARVE" gc --json --grace 0
"$VARVE" mount "$mnt" || exit 1
cat "$mnt/odd/"*/link "$mnt/other/1/file" >/dev/null 2>&1
is_json "$VARVE" stats --json "$mnt"
"$VARVE" unmount "$mnt" || fail "unmount"
finish
