#!/bin/bash
# A mounted ref is the directory that was packed: names, kinds, modes, owners, times, links, attributes, bytes.
. "$(dirname "$0")/lib.sh"

make_tree() {
	mkdir -p "$1/dir/deeper/deepest" "$1/empty dir"
	cd "$1" || exit 1
	for i in $(seq 300); do echo "small file $i" >"dir/small$i.h"; done
	: >empty
	head -c 5000000 /dev/urandom >big
	head -c 3000000 /dev/zero >zeros
	cp big dir/same-content
	truncate -s 9000000 sparse
	printf 'tail' | dd of=sparse bs=1 seek=8999990 conv=notrunc 2>/dev/null
	ln big dir/hard-link
	ln -s ../big dir/symlink
	ln -s nowhere dangling
	mkfifo pipe
	mknod device c 1 3
	echo odd >"$(printf 'name with \\ and \001 and \303\244')"
	echo x >"$(printf 'n%.0s' $(seq 255))"
	chmod 4755 dir/small1.h
	chmod 0000 dir/small2.h
	chmod 1777 "empty dir"
	chown 1234:4321 dir/small3.h
	touch -d '1999-12-31 23:59:59.123456789 UTC' dir/small4.h
	touch -d '1960-01-01 UTC' dir/small5.h
	setfattr -n user.comment -v hello dir/small6.h && setfattr -n user.on-a-dir -v "" dir
	touch -h -d '2001-02-03 04:05:06.7 UTC' dir/symlink
	cd - >/dev/null || exit 1
}
# The size and links of a directory are the file system's own business.
list() {
	(cd "$1" && {
		find . -type d -printf '%p %y %m %U %G %T@\n'
		find . ! -type d -printf '%p %y %m %U %G %s %n %T@ %l\n'
		find . \( -type b -o -type c \) -exec stat -c '%n %t,%T' {} +
	} | LC_ALL=C sort)
}
sums() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum); }
xattrs() { (cd "$1" && find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - 2>/dev/null); }

make_tree "$work/tree"
"$VARVE" pack tree "$work/tree" >/dev/null || exit 1
"$VARVE" mount "$mnt" || exit 1
check "the mount is there when the command returns" test -d "$mnt/tree"
check "listing" diff <(list "$work/tree") <(list "$mnt/tree")
check "content" diff <(sums "$work/tree") <(sums "$mnt/tree")
check "attributes" diff <(xattrs "$work/tree") <(xattrs "$mnt/tree")
check "hard links share an inode" test "$mnt/tree/big" -ef "$mnt/tree/dir/hard-link"
check "equal content does not" test ! "$mnt/tree/big" -ef "$mnt/tree/dir/same-content"
[ -z "$(cd "$mnt/tree" && find . -links 1 -type f -printf '%i\n' | sort | uniq -d)" ] || fail "two files have one inode number"
[ "$(stat -c %i "$mnt/tree/big")" = "$(ls -i "$mnt/tree" | awk '$2 == "big" { print $1 }')" ] ||
	fail "stat and readdir disagree on an inode number"
check "access from the middle" cmp <(tail -c +4194300 "$work/tree/big" | head -c 100000) \
	<(tail -c +4194300 "$mnt/tree/big" | head -c 100000)
check "a symlink is followed" cmp "$mnt/tree/dir/symlink" "$work/tree/big"

# Nothing can be written, and the error says so.
for command in 'touch tree/new' 'mkdir tree/new' 'rm -f tree/empty' 'chmod 600 tree/empty' 'mv tree/empty tree/other' \
	'ln tree/big tree/other' 'setfattr -n user.a -v b tree/empty' 'truncate -s 0 tree/big' 'rmdir tree/dir'; do
	error=$(cd "$mnt" && $command 2>&1) && fail "$command worked"
	[[ $error == *"Read-only file system"* ]] || fail "$command: $error"
done
# No permission bits were invented or lost: another user is kept out of a file of mode 0.
error=$(runuser -u nobody -- cat "$mnt/tree/dir/small2.h" 2>&1) && fail "nobody read a file of mode 0"
check "nobody reads a file of mode 644" runuser -u nobody -- cmp "$mnt/tree/dir/small7.h" "$work/tree/dir/small7.h"

check "df knows the size" test "$(df --output=size -B1 "$mnt" | tail -n 1)" -ge 16000000
check "the statistics are JSON" eval '"$VARVE" stats --json "$mnt" | python3 -m json.tool >/dev/null'
[ -z "$(getfattr -d -m - "$mnt" 2>/dev/null)" ] || fail "the root shows attributes"
before=$(requests "$mnt" total)
[ "$before" = "$(requests "$mnt" total)" ] || fail "asking for statistics changes them"
finish
