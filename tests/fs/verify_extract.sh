#!/bin/bash
# A directory with everything that a file system can hold goes into a store and comes out the same: by our own eyes
# (verify --against) and by those of find, stat, cmp and getfattr.  Damage is found and named.
. "$(dirname "$0")/lib.sh"

in=$work/in out=$work/out
make_input() {
	mkdir -p "$in"/{bin,lib/deep/er,empty,closed} && cd "$in" || exit 1
	cp /bin/bash bin/bash && cp /bin/ls bin/ls
	ln bin/ls lib/ls-too
	ln bin/ls zz-ls
	ln -s ../bin/bash lib/sh
	ln -s /nowhere/at/all lib/dangling
	ln lib/dangling lib/deep/dangling-too
	mkfifo fifo
	mknod null c 1 3 && mknod loop b 7 0
	truncate -s 40M sparse && printf data | dd of=sparse bs=1 seek=20M conv=notrunc status=none
	: >nothing
	printf x >"$(printf 'new\nline')"
	printf y >"$(printf 'not \377 utf-8')"
	printf z >' blanks at both ends '
	printf w >'*?["$\'
	printf 0 >"$(printf 'n%.0s' {1..255})"
	head -c 3000000 /dev/urandom >lib/deep/er/random
	seq 200000 >lib/deep/numbers
	for i in {1..300}; do echo "small file $i" >"lib/deep/er/f$i"; done
	printf s >closed/inside
	chmod 4755 bin/ls
	chmod 0000 lib/deep/numbers
	chown 1234:5678 bin/bash && chown -h 4321:8765 lib/sh
	if setfattr -n user.note -v hello bin/ls 2>"$work/why"; then
		setfattr -n user.empty bin/bash
		setfattr -n user.dir -v yes empty
		setfattr -n trusted.secret -v 0x00ff00 lib/deep/er/random
		setfattr -n security.capability -v 0x0100000200000000000000000000000000000000 bin/bash
	else
		echo "without xattrs: $(cat "$work/why")"
	fi
	touch -h -d '2001-02-03 04:05:06.123456789 UTC' lib/sh fifo null bin/ls 'not '*
	touch -d '1969-12-31 23:59:58.5 UTC' nothing
	touch -d '2222-02-22 22:22:22.222222222 UTC' lib/deep/er/f7
	chmod 0555 closed
	touch -d '1999-09-09 09:09:09.987654321 UTC' lib/deep empty closed
	chmod 01777 lib
	touch -d '2020-01-01 00:00:00.000000001 UTC' lib .
	cd "$work" || exit 1
}
# What others see: names, kind, mode, owner, size, time, target, and which names are one file.
facts() {
	(cd "$1" && find . -printf '%P|%y|%m|%U|%G|%T@|%l|%n\0' | sort -z | tr '\0' '\n' | sed -E '/^[^|]*\|d\|/s/\|[0-9]+$//'
		find . -type f -printf '%P %s\0' | sort -z | tr '\0' '\n'
		find . -type f -print0 | sort -z | xargs -0 sha256sum -z | tr '\0' '\n'
		find . \( -type c -o -type b \) -print0 | sort -z | xargs -0 stat -c '%n %t %T'
		[ bin/ls -ef lib/ls-too ] && [ bin/ls -ef zz-ls ] && [ lib/dangling -ef lib/deep/dangling-too ] && echo linked
		find . -print0 | sort -z | xargs -0 getfattr -h -d -m '^(user|trusted|security)\.' -e hex -- 2>&1)
}
same() { # what, directory
	facts "$in" >"$work/facts.in"
	facts "$2" >"$work/facts.out"
	cmp -s "$work/facts.in" "$work/facts.out" && return
	fail "$1: others see a difference"
	diff "$work/facts.in" "$work/facts.out" | head -n 10
}
says() { # message, status, line that must be said, command...
	local message=$1 want=$2 line=$3 said status=0
	shift 3
	said=$("$@" 2>&1) || status=$?
	[ $status -eq "$want" ] || fail "$message: status $status, want $want: $said"
	[[ $said == *"$line"* ]] || fail "$message: said '$said', want '$line'"
}

make_input
"$VARVE" pack gcc/1 "$in" >/dev/null || exit 1
says "a good store" 0 "all good" "$VARVE" verify
says "the input is what was packed" 0 "as in '$in'" "$VARVE" verify gcc/1 --against "$in"
check "extract" "$VARVE" extract -q gcc/1 "$out"
says "what was extracted is what was packed" 0 "as in '$out'" "$VARVE" verify gcc/1 --against "$out"
same "extracted" "$out"
[ "$(du -k "$out/sparse" | cut -f1)" -lt 1024 ] || fail "the sparse file has no holes"

# Packed again, it is the same tree: nothing was lost that a tree can hold.
"$VARVE" pack -q gcc/again "$out" || fail "pack what was extracted"
says "no difference between the two" 0 "0 added (0 B), 0 removed (0 B), 0 modified (0 B)" "$VARVE" diff gcc/1 gcc/again
[ "$("$VARVE" ls --json | grep -o '"tree": "[0-9a-f]*"' | sort -u | wc -l)" = 1 ] || fail "the two trees have one id"

# Parts.
check "extract a directory" "$VARVE" extract -q gcc/1:lib/deep "$work/part"
cmp "$work/part/numbers" "$in/lib/deep/numbers" || fail "a directory alone"
check "extract a file" "$VARVE" extract -q gcc/1:bin/bash "$work/one"
cmp "$work/one/bash" "$in/bin/bash" || fail "a file alone"
says "a directory that is in use" 1 "not empty" "$VARVE" extract gcc/1 "$out"
says "a path that is not there" 1 "there is no 'lib/none' in 'gcc/1'" "$VARVE" extract gcc/1:lib/none "$work/none"
[ ! -e "$work/none" ] || fail "nothing is made for a path that is not there"
says "--against needs a ref" 2 "give it" "$VARVE" verify --against "$out"

# Without root: owners are ours, devices are left out with a warning, and no rights are lent.
if command -v setpriv >/dev/null; then
	mkdir "$work/user" && chown 65534:65534 "$work/user"
	chmod -R a+rX "$VARVE_STORE"
	as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	says "extract without rights" 0 "device left out" as_user "$VARVE" extract gcc/1 "$work/user/out"
	[ "$(stat -c %u:%a "$work/user/out/bin/ls")" = 65534:755 ] || fail "set-user-id was lent to another owner"
	[ -p "$work/user/out/fifo" ] && [ ! -e "$work/user/out/null" ] || fail "fifo and device without rights"
	cmp "$work/user/out/lib/deep/er/random" "$in/lib/deep/er/random" || fail "bytes without rights"
fi

# Each kind of difference has its line, and the status is 1.
cd "$out" || exit 1
printf changed >lib/deep/er/f1
printf 'y' >zz-new
rm nothing
chmod 0700 bin/bash
ln -sfn elsewhere lib/sh
cp -a bin/ls copy && mv copy zz-ls
rm null && mknod null c 1 5
cd "$work" || exit 1
"$VARVE" verify gcc/1 --against "$out" >"$work/lines" 2>&1 && fail "differences are a failure"
for line in 'M lib/deep/er/f1 (content, mtime)' '+ zz-new' '- nothing' 'M bin/bash (mode)' 'M lib/sh (target, owner, mtime)' \
	'M zz-ls (links)' 'M null (device, mtime)'; do
	grep -qxF -- "$line" "$work/lines" || fail "no line '$line'"
done
"$VARVE" verify gcc/1 --against "$out" --json 2>/dev/null | grep -qF '{"change": "modified", "path": "bin/bash", "what": ["mode"]}' ||
	fail "no JSON for a mode"

# Damage: the middle of the largest pack is somewhere in the bytes of some file.
pack=$(find "$VARVE_STORE/packs" -type f -size +100k | head -n 1)
cp "$pack" "$work/pack.good"
chmod u+w "$pack"
printf 'damage' | dd of="$pack" bs=1 seek=$(($(stat -c %s "$pack") / 2)) conv=notrunc status=none
"$VARVE" verify >"$work/lines" 2>&1 && fail "damage is a failure"
grep -q "^frame [0-9a-f]\{64\} in pack ${pack##*/}: " "$work/lines" || fail "the damaged frame is not named"
grep -q "^blob [0-9a-f]\{64\}: .*; hurts gcc/1:.* and [0-9]* more$" "$work/lines" || fail "the damaged file is not named"
cp "$work/pack.good" "$pack"
says "a pack brought back" 0 "all good" "$VARVE" verify
rm "$pack"
says "a missing pack" 1 "no pack has it; hurts gcc/1:" "$VARVE" verify gcc/1
says "df of a damaged ref" 1 "is damaged" "$VARVE" df gcc/1
cp "$work/pack.good" "$pack"
says "df" 0 "gcc/again" "$VARVE" df
finish
