#!/bin/bash
# Hostile archives: refused in one line or packed as documented, within bounds, and never out of the tree.
# Then good ones: whatever the format, the tree is the directory's.
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
mkdir "$work/in" "$work/mnt2"
cd "$work/in" || exit 1
python3 "$here/archives.py" . || exit 1

ulimit -v 4000000 # a declared size is not memory
for archive in refused-*; do
	mistake 1 ": " "$VARVE" pack bad "$archive"
	[ "$(head -c 7 "$work/stderr")" = "varve: " ] || fail "$archive: $(cat "$work/stderr")"
	grep -qi 'internal error' "$work/stderr" && fail "$archive: $(cat "$work/stderr")"
done
[ -z "$("$VARVE" ls)" ] || fail "what was refused left a ref: $("$VARVE" ls)"
[ -z "$(find "$VARVE_STORE" -name '.*' -type f)$(ls "$VARVE_STORE/intents" 2>/dev/null)" ] || fail "what was refused left files"
for archive in kept-*; do
	timeout 50 "$VARVE" pack -q "a/${archive#kept-}" "$archive" || fail "$archive is not packed"
done
"$VARVE" verify -q || fail "the store after hostile archives"

holds() { # ref:path, content
	[ "$("$VARVE" cat "a/$1")" = "$2" ] || fail "$1: '$("$VARVE" cat "a/$1" 2>&1 | head -c 100)', want '$2'"
}
lists() { # ref, names...
	local ref=$1
	shift
	[ "$("$VARVE" ls -R "a/$ref")" = "$(printf '%s\n' "$@" | LC_ALL=C sort)" ] || fail "$ref holds: $("$VARVE" ls -R "a/$ref")"
}
holds absolute.tar:etc/evil evil
holds absolute.tar:x/y y
holds absolute.zip:etc/evil evil
holds link-chain.tar:c abc
holds twice.tar:a second
holds twice.zip:a second
holds twice-dir.tar:a/b b
"$VARVE" ls -l a/twice-dir.tar | grep -q '^drwx------.* a$' || fail "the later directory counts"
holds link-again.tar:a 'two!'
holds link-again.tar:b one
holds "long-765.tar:$(printf '\xe2\x82\xac%.0s' $(seq 255))" n
holds "deep-4096.tar:$(printf 'd/%.0s' $(seq 4095))d" n
lists symlink.tar good out up
"$VARVE" ls --json a/owner.tar | grep -q '"uid": 4294967295, "gid": 4294967294' || fail "the greatest owner: $("$VARVE" ls --json a/owner.tar)"
"$VARVE" ls --json a/time.tar | grep -q '"mtime_sec": 99999999999, "mtime_nsec": 999999999' || fail "a late time"
"$VARVE" ls --json a/time.tar | grep -q '"mtime_sec": -5000000000, ' || fail "an early time: $("$VARVE" ls --json a/time.tar)"
"$VARVE" ls --json a/sparse.tar | grep -q '"size": 2147483648' || fail "a sparse file"
"$VARVE" ls --json a/bomb.tar.gz | grep -q '"size": 3221225472' || fail "3 GiB of zeros"
[ "$(du -sk "$VARVE_STORE" | cut -f1)" -le 4096 ] || fail "the store takes $(du -sk "$VARVE_STORE")"

# Shown and extracted, nothing leaves the tree.
echo untouched >"$work/evil"
"$VARVE" mount "$mnt" || fail "mount"
(cd "$mnt/a" && find . -maxdepth 9 -type f -size -4M -exec cat {} + >/dev/null) || fail "all of it is read"
[ "$(readlink "$mnt/a/symlink.tar/up")" = ../../.. ] || fail "a symlink is data"
[ "$(head -c 1000000 "$mnt/a/sparse.tar/hole" | tr -d '\0' | wc -c)" = 0 ] || fail "a hole reads as zeros"
[ "$(tail -c 100000000 "$mnt/a/bomb.tar.gz/zeros" | tr -d '\0' | wc -c)" = 0 ] || fail "the bomb's zeros"
"$VARVE" unmount "$mnt" || fail "unmount"
for ref in absolute.tar absolute.zip symlink.tar link-chain.tar bytes.tar long-255.tar; do
	"$VARVE" extract -q "a/$ref" "$work/out/$ref" 2>"$work/err" || { mkdir -p "$work/out" && "$VARVE" extract -q "a/$ref" "$work/out/$ref"; } ||
		fail "extract $ref"
	"$VARVE" verify -q --against "$work/out/$ref" "a/$ref" >/dev/null || fail "$ref is extracted otherwise"
done
mistake 1 "too long" "$VARVE" extract a/long-765.tar "$work/out/long"
content_is "$work/evil" untouched || fail "something left the tree"
[ ! -e /etc/evil ] && [ ! -e /tmp/evil ] || fail "something left the tree"
ulimit -v unlimited 2>/dev/null

# ---- good ones ----
mkdir -p top/tree/bin top/tree/empty top/tree/lib/deep
head -c 400000 /dev/urandom >top/tree/lib/big
seq 20000 >top/tree/lib/text
printf '#!/bin/sh\n' >top/tree/bin/tool
chmod 755 top/tree/bin/tool
chmod 600 top/tree/lib/text
ln -s ../lib/text top/tree/bin/text
: >"top/tree/ünïcödé name"
find top -exec touch -h -d '2020-05-17 12:34:56' {} +
touch -d @0 top # an archive need not name its top: then it is as old as that
chmod 755 top
tree_of() { "$VARVE" pack --json "$@" | grep -o '"tree": "[0-9a-f]*"'; }
want=$(tree_of good/dir top)
same() { # name, then what follows `pack`
	local name=$1
	shift
	[ "$(tree_of "good/$name" "$@")" = "$want" ] || fail "$name differs: $("$VARVE" diff good/dir "good/$name" | head -5)"
}
for format in gnu pax ustar; do
	tar -C top --format=$format --sort=name -cf $format.tar . && same $format $format.tar
done
tar -C top -cf noroot.tar tree && same noroot noroot.tar
tar -cf withtop.tar top && same strip --strip-components 1 withtop.tar
for filter in gz:gzip bz2:bzip2 xz:xz zst:zstd; do
	command -v "${filter#*:}" >/dev/null || continue
	"${filter#*:}" -c <pax.tar >"good.tar.${filter%:*}" && same "tar.${filter%:*}" "good.tar.${filter%:*}"
done
if command -v zip >/dev/null; then
	(cd top && zip -qry ../good.zip tree) && same zip good.zip
fi
if command -v 7z >/dev/null; then
	# 7z keeps no owner (root's here) and knows hard links and symlinks only by name.
	(cd top && 7z a -snl ../good.7z tree >/dev/null) && same 7z good.7z
fi
if command -v dpkg-deb >/dev/null; then
	mkdir top/DEBIAN
	printf 'Package: good\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: good\n' >top/DEBIAN/control
	touch -d @0 top
	for compression in none gzip xz zstd; do
		dpkg-deb --root-owner-group -Z$compression -b top good-$compression.deb >/dev/null 2>&1 || continue
		same deb-$compression good-$compression.deb
	done
	rm -r top/DEBIAN
fi
finish
