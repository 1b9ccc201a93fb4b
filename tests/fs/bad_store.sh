#!/bin/bash
# Stores that are not there, not stores, too new, closed to us or full: one line, status 1, and nothing is harmed.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
cd "$work" || exit 1

mkdir tree
head -c 300000 /dev/urandom >tree/big
echo hello >tree/file
"$VARVE" pack one tree >/dev/null && "$VARVE" pack two/1 tree >/dev/null || exit 1
packs() { find "$VARVE_STORE/packs" -type f; }
trees() { find "$VARVE_STORE/trees" -type f; }
as_it_was() { diff <(printf 'one\ntwo/1\n') <("$VARVE" ls) && "$VARVE" verify -q; }
every_verb() { # the store; each verb that works on one, with words that are right otherwise
	local store=$1
	shift
	mistake 1 "$1" "$VARVE" pack -s "$store" one tree
	mistake 1 "$1" "$VARVE" ls -s "$store"
	mistake 1 "$1" "$VARVE" ls -s "$store" one
	mistake 1 "$1" "$VARVE" cat -s "$store" one:file
	mistake 1 "$1" "$VARVE" extract -s "$store" one out
	mistake 1 "$1" "$VARVE" diff -s "$store" one two/1
	mistake 1 "$1" "$VARVE" df -s "$store"
	mistake 1 "$1" "$VARVE" tag -s "$store" one three
	mistake 1 "$1" "$VARVE" rm -s "$store" one
	mistake 1 "$1" "$VARVE" verify -s "$store"
	mistake 1 "$1" "$VARVE" gc -s "$store"
	mistake 1 "$1" "$VARVE" mount -s "$store" "$mnt"
	mistake 1 "$1" "$VARVE" mount -f -s "$store" one@/ "$mnt"
	[ ! -e out ] || fail "out was made"
}

# ---- no store ----
every_verb missing "'missing'*varve init missing"
every_verb tree/file "no store at '*tree/file'"
every_verb tree "tree' is not a store*varve init"
mistake 1 "'missing/deep'" "$VARVE" init missing/deep
mistake 1 "is a store already" "$VARVE" init "$VARVE_STORE"
mistake 1 "'tree/file'" "$VARVE" init tree/file
mistake 1 "'/proc/store'" "$VARVE" init /proc/store

# ---- a damaged marker, and a newer one ----
cp -a "$VARVE_STORE" copy
for damage in ": >copy/varve" "echo hello >copy/varve" "head -c 40 '$VARVE_STORE/varve' >copy/varve" \
	"sed 's/created 1/created 2/' '$VARVE_STORE/varve' >copy/varve" "mkdir copy/varve" \
	"head -c 20000000 /dev/zero >copy/varve"; do
	rm -rf copy/varve
	eval "$damage"
	every_verb copy "store*varve"
done
if /usr/bin/python3 -c 'import xxhash' 2>/dev/null; then
	newer() { /usr/bin/python3 "$here/newer.py" "$@"; }
	for kind in record unknown; do
		rm -f copy/varve
		cp -a "$VARVE_STORE/varve" copy/varve
		newer $kind copy/varve
		every_verb copy "newer"
	done
	for kind in record unknown; do
		rm -rf copy
		cp -a "$VARVE_STORE" copy
		newer $kind copy/refs/one
		mistake 1 "*one*newer" "$VARVE" cat -s copy one:file
		mistake 1 "*one*newer" "$VARVE" ls -s copy one
		mistake 1 "*one*newer" "$VARVE" extract -s copy one out
		mistake 1 "*one*newer" "$VARVE" tag -s copy one three
		said=$("$VARVE" gc -s copy --grace 0 2>&1) && fail "gc with a ref that it does not understand"
		[[ $said == *one*newer*"nothing is removed"* ]] || fail "gc: $said"
		mistake 1 "*newer" "$VARVE" mount -s copy one@/ "$mnt"
		"$VARVE" ls -s copy >list 2>err && fail "ls: status 0 although a ref cannot be read"
		grep -q newer err && content_is list two/1 || fail "ls: $(cat list err)"
		said=$("$VARVE" verify -s copy 2>/dev/null) && fail "verify of a newer ref"
		[[ $said == *one*newer* ]] || fail "verify: $said"
		[ "$("$VARVE" cat -s copy two/1:file)" = hello ] || fail "the other ref"
	done
	rm -rf copy
	cp -a "$VARVE_STORE" copy
	newer image copy/trees/*/*
	for verb in "cat" "ls" "extract"; do
		words=(one:file)
		[ $verb = extract ] && words+=(out)
		mistake 1 "newer" "$VARVE" $verb -s copy "${words[@]}"
	done
	said=$("$VARVE" gc -s copy --grace 0 2>&1) && fail "gc with a tree that it does not understand"
	[[ $said == *newer*"nothing is removed"* ]] || fail "gc: $said"
	mistake 1 "newer" "$VARVE" mount -s copy one@/ "$mnt"
	said=$("$VARVE" verify -s copy 2>/dev/null) && fail "verify of a newer tree"
	[[ $said == *newer* ]] || fail "verify: $said"
	rm -rf copy
	cp -a "$VARVE_STORE" copy
	for pack in copy/packs/*/*; do newer image "$pack"; done
	said=$("$VARVE" cat -s copy one:big 2>&1 >/dev/null) && fail "a newer pack is read"
	[[ $said == *newer* ]] || fail "cat from a newer pack: $said"
	said=$("$VARVE" gc -s copy --grace 0 2>&1) && fail "gc with packs that it does not understand"
	[[ $said == *newer*"nothing is removed"* ]] || fail "gc: $said"
	[ -n "$(ls copy/packs/*/*)" ] || fail "gc removed newer packs"
	said=$("$VARVE" verify -s copy 2>/dev/null) && fail "verify of a newer pack"
	[[ $said == *newer* ]] || fail "verify: $said"
fi

# ---- no permission ----
nobody() { runuser -u nobody -- "$@"; }
if runuser -u nobody -- "$VARVE" help >/dev/null 2>&1; then
	rm -rf copy out
	cp -a "$VARVE_STORE" copy
	chmod 755 copy copy/*
	mkdir -m 777 theirs
	for words in "pack three tree" "tag one three" "rm one" "gc" "gc --grace 0"; do
		# shellcheck disable=SC2086
		mistake 1 "ermission" runuser -u nobody -- "$VARVE" $words -s "$work/copy"
	done
	[ "$(runuser -u nobody -- "$VARVE" cat -s copy one:file)" = hello ] || fail "a store that we may only read"
	runuser -u nobody -- "$VARVE" verify -q -s copy || fail "verify a store that we may only read"
	chmod 600 copy/refs/one
	chown root copy/refs/one
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" cat -s copy one:file
	chmod 700 copy/trees
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" cat -s copy two/1:file
	chmod 755 copy/trees
	chmod 700 copy/packs
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" cat -s copy two/1:big
	chmod 700 copy
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" ls -s "$work/copy"
	chmod 700 theirs
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" init "$work/theirs/store"
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" init "$work/theirs"
	mistake 1 "ermission" runuser -u nobody -- "$VARVE" extract one "$work/theirs/out"
fi

# ---- read-only media ----
mkdir sealed && mount --bind "$VARVE_STORE" sealed && mount -o remount,bind,ro sealed || fail "a read-only mount"
for words in "pack three tree" "tag one three" "rm one" "gc" "init sealed/another"; do
	store="-s sealed"
	[ "${words%% *}" != init ] || store=
	# shellcheck disable=SC2086
	mistake 1 "read-only file system" "$VARVE" $words $store
done
"$VARVE" verify -q -s sealed || fail "verify a read-only store"
umount sealed

# ---- no space ----
small=$work/small
mkdir "$small" && mount -t tmpfs -o size=2m none "$small" || skip "no tmpfs"
unmount_small() {
	umount -l "$small" 2>/dev/null
	cleanup
}
trap unmount_small EXIT
"$VARVE" init "$small/store" || fail "init in a small place"
"$VARVE" pack -q -s "$small/store" one tree || fail "what fits"
mkdir large
for i in 1 2 3 4 5 6 7 8; do head -c 500000 /dev/urandom >large/$i; done
before=$(cd "$small/store" && find . -type f ! -name '.*' | sort)
mistake 1 "no space left" "$VARVE" pack -s "$small/store" large large
check "what was written is removed" diff <(echo "$before") <(cd "$small/store" && find . -type f | sort)
mistake 1 "there is no ref 'large'" "$VARVE" ls -s "$small/store" large
head -c 100M /dev/zero >"$small/filler" 2>/dev/null
mistake 1 "no space left" "$VARVE" pack -s "$small/store" two large
mistake 1 "no space left" "$VARVE" pack -s "$small/store" two tree
mistake 1 "no space left" "$VARVE" tag -s "$small/store" one two
mistake 1 "no space left" "$VARVE" init "$small/another"
[ "$("$VARVE" cat -s "$small/store" one:file)" = hello ] || fail "a full store is read"
"$VARVE" verify -q -s "$small/store" || fail "a full store verifies"
"$VARVE" mount -s "$small/store" "$mnt" 2>err || fail "a full store is mounted: $(cat err)"
content_is "$mnt/one/file" hello || fail "a full store is shown"
"$VARVE" unmount "$mnt" || fail "unmount"
"$VARVE" rm -s "$small/store" one || fail "rm needs no space"
# Deleting takes a record or two first: it may say that there is no space, but it must not do harm, and it works once there is a little.
said=$("$VARVE" gc -s "$small/store" --grace 0 2>&1) || [[ $said == *"no space left"* && $(wc -l <<<"$said") -eq 1 ]] || fail "gc: $said"
truncate -s -64K "$small/filler"
"$VARVE" gc -s "$small/store" --grace 0 >/dev/null || fail "gc with a little space"
[ -z "$(find "$small/store/packs" "$small/store/trees" -type f)" ] || fail "gc left something"
rm "$small/filler"
"$VARVE" pack -q -s "$small/store" one tree || fail "it goes on"
mkdir -p "$small/x"
head -c 100M /dev/zero >"$small/filler" 2>/dev/null
mistake 1 "no space left" "$VARVE" extract -s "$small/store" one "$small/x/out"
umount "$small"
check "the store is as it was" as_it_was
finish
