#!/bin/bash
# Trees as EROFS mounts: what they show is what the directory and the FUSE host show; they come at first touch, by whatever call
# touches, go when a ref moves, and leave nothing behind.
. "$(dirname "$0")/lib.sh"

grep -qw erofs /proc/filesystems || skip "no EROFS in this kernel"
command -v fsck.erofs >/dev/null || skip "no erofs-utils"

make_tree() {
	mkdir -p "$1/dir/deeper/deepest" "$1/empty dir" "$1/many" "$1/bin"
	cd "$1" || exit 1
	for i in $(seq 300); do echo "small file $i" >"dir/small$i.h"; done
	seq -f 'many/entry-%05g' 3000 | xargs touch
	: >empty
	head -c 5000000 /dev/urandom >big
	head -c 300000 /dev/zero >zeros
	cp big dir/same-content
	ln big dir/hard-link
	ln -s ../big dir/symlink
	ln -s nowhere dangling
	ln -s "$(printf 'x%.0s' $(seq 4095))" long-target
	mkfifo pipe
	mknod device c 1 3
	mknod disk b 259 70000
	for name in '!' -- .a ..b '...' '-'; do echo x >"./$name"; done
	echo odd >"$(printf 'name with \\ and \001 and \303\244')"
	echo x >"$(printf 'n%.0s' $(seq 255))"
	chmod 4755 dir/small1.h
	chmod 0000 dir/small2.h
	chmod 1777 "empty dir"
	chown 1234:432100 dir/small3.h
	touch -d '1999-12-31 23:59:59.123456789 UTC' dir/small4.h
	touch -d '1960-01-01 UTC' dir/small5.h
	setfattr -n user.comment -v hello dir/small6.h && setfattr -n user.on-a-dir -v "" dir
	setfattr -n trusted.secret -v 1 dir/small6.h
	setfattr -n user.comment -v hello dir/small7.h
	touch -h -d '2001-02-03 04:05:06.7 UTC' dir/symlink
	printf '#!/bin/sh\necho ran\n' >bin/run && chmod 755 bin/run
	cd - >/dev/null || exit 1
}
# The size of a directory is the file system's own business.
list() {
	(cd "$1" && {
		find . -type d -printf '%p %y %m %U %G %T@ %n\n'
		find . ! -type d -printf '%p %y %m %U %G %s %n %T@ %l\n'
		find . \( -type b -o -type c \) -exec stat -c '%n %t,%T' {} +
	} | LC_ALL=C sort)
}
sums() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum); }
xattrs() { (cd "$1" && find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - 2>/dev/null); }
inodes() { (cd "$1" && find . -printf '%i %p\n' | LC_ALL=C sort); }
is_erofs() { grep -q " $1 erofs " /proc/mounts; }
no_erofs() { ! grep -q " $mnt[^ ]* erofs " /proc/mounts; }
has_no_server() { [ -z "$(server)" ]; }
fresh() { # a mount on which nothing was touched
	"$VARVE" mount --host erofs "$@" "$mnt" || {
		fail "mount --host erofs"
		finish
	}
}
away() { "$VARVE" unmount "$mnt" || fail "unmount"; }

make_tree "$work/tree"
"$VARVE" pack -q --level 1 gcc/1 "$work/tree" && "$VARVE" tag gcc/1 gcc/current && "$VARVE" tag gcc/1 other || exit 1

# ---- the same as the directory, and as FUSE ----

fresh
check "nothing is mounted before it is touched" no_erofs
ls "$mnt" "$mnt/gcc" >/dev/null
check "a listing of refs touches none" no_erofs
check "a tree is there at its first touch" test -f "$mnt/gcc/1/big"
check "as EROFS" is_erofs "$mnt/gcc/1"
is_erofs "$mnt/other" && fail "one that nobody touched is mounted"
check "listing" diff <(list "$work/tree") <(list "$mnt/gcc/1")
check "content" diff <(sums "$work/tree") <(sums "$mnt/gcc/1")
check "attributes" diff <(xattrs "$work/tree") <(xattrs "$mnt/gcc/1")
check "hard links share an inode" test "$mnt/gcc/1/big" -ef "$mnt/gcc/1/dir/hard-link"
check "equal content does not" test ! "$mnt/gcc/1/big" -ef "$mnt/gcc/1/dir/same-content"
check "the same tree by another name is another file" test ! "$mnt/gcc/1/big" -ef "$mnt/other/big"
[ -z "$(inodes "$mnt/gcc/1" | awk '!/hard-link/ { print $1 }' | sort | uniq -d)" ] || fail "two files have one inode number"
inodes "$mnt/gcc/1" >"$work/inodes"
check "access from the middle" cmp <(tail -c +4194300 "$work/tree/big" | head -c 100000) \
	<(tail -c +4194300 "$mnt/gcc/1/big" | head -c 100000)
error=$(touch "$mnt/gcc/1/new" 2>&1) && fail "a file was made"
[[ $error == *"Read-only file system"* ]] || fail "touch: $error"
error=$(runuser -u nobody -- cat "$mnt/gcc/1/dir/small2.h" 2>&1) && fail "nobody read a file of mode 0"
before=$(requests "$mnt" total)
list "$mnt/gcc/1" >/dev/null
test -e "$mnt/gcc/1/include/no-such-file" && fail "there is no-such-file"
[ "$(($(requests "$mnt" total) - before))" -eq 0 ] || fail "a tree that is mounted costs requests"
check "the statistics tell of images" grep -q '"name":"erofs".*"images":2,' <("$VARVE" stats --json "$mnt")
check "df knows the type" test "$(stat -f -c %T "$mnt/gcc/1")" = erofs
away
check "inode numbers are the same again" eval 'fresh && inodes "$mnt/gcc/1" | diff "$work/inodes" -; away'

# ---- the image itself ----

# Caught in the moment that it has a name: the cache directory lets nothing be removed.
mkdir "$work/cache"
chattr +a "$work/cache" 2>/dev/null && {
	fresh --cache-dir "$work/cache"
	check "touch" test -f "$mnt/gcc/1/big"
	away
	image=$(find "$work/cache" -size +8k -name '*.erofs' | head -n 1)
	truncate -s 64M "$work/blobs"
	check "fsck.erofs" fsck.erofs --device="$work/blobs" "$image"
	check "dump.erofs" grep -q "$(find "$work/tree" -type f -links -2 -o ! -type f | wc -l | awk '{ print $1 + 1 }')" \
		<(dump.erofs -s --device="$work/blobs" "$image")
	chattr -a "$work/cache"
	rm -f "$work/cache"/* "$work/blobs"
}
fresh --cache-dir "$work/cache"
check "touch" test -f "$mnt/gcc/1/big"
[ -z "$(ls -A "$work/cache")" ] || fail "an image has kept its name"
away

# ---- every first touch ----

touched() { # what, command... in a fresh mount, must meet EROFS at once
	local what=$1
	shift
	fresh
	[ "$("$@" 2>&1)" = "$want" ] || fail "first touched by $what: $("$@" 2>&1)"
	is_erofs "$mnt/gcc/1" || fail "$what did not mount it"
	away
}
want=erofs
touched "statfs" stat -f -c %T "$mnt/gcc/1"
touched "open of a directory" python3 -c "
import os, sys
fd = os.open('$mnt/gcc/1', os.O_RDONLY)
print('erofs' if os.fstat(fd).st_ino == os.stat('$mnt/gcc/1').st_ino and 'big' in os.listdir(fd) else 'two views')"
touched "chdir" bash -c "cd '$mnt/gcc/1' && stat -f -c %T ."
touched "a relative path" bash -c "cd '$mnt/gcc' && stat -f -c %T 1/dir"
touched "a listing of attributes" bash -c "ls -l '$mnt/gcc' >/dev/null && stat -f -c %T '$mnt/gcc/1'"
touched "find" bash -c "find '$mnt' -name deepest -printf 'erofs\n' 2>&1 | sort -u"
touched "openat" python3 -c "
import os
at = os.open('$mnt/gcc', os.O_RDONLY)
fd = os.open('1/big', os.O_RDONLY, dir_fd=at)
print('erofs' if os.fstat(fd).st_dev == os.stat('$mnt/gcc/1').st_dev else 'two views')"
want=ran
touched "exec" "$mnt/gcc/1/bin/run"
want=hello
touched "getxattr" getfattr --absolute-names --only-values -n user.comment "$mnt/gcc/1/dir/small6.h"
want="small file 7"
touched "open of a file" cat "$mnt/gcc/1/dir/small7.h"

# All at once: each sees one file system only.
fresh
for i in $(seq 16); do
	(cd "$mnt/gcc/1/dir" && stat -f -c %T . "$mnt/gcc/1" ../big) >"$work/at-once$i" 2>&1 &
done
wait $(jobs -p)
[ "$(sort "$work"/at-once* | uniq -c | awk '{ print $1, $2 }')" = "48 erofs" ] || fail "at once: $(sort "$work"/at-once* | uniq -c)"

# Where the mount does not show, FUSE does: a bind mount made before, another mount namespace.
mkdir "$work/bound"
mount --make-private --bind "$mnt/gcc" "$work/bound" || fail "bind"
mount --make-private "$work/bound"
mount --bind "$mnt/other" "$work/tree/empty dir" && {
	check "a bind mount of an untouched tree" cmp "$work/tree/big" "$work/tree/empty dir/big"
	umount "$work/tree/empty dir"
}
check "through the bind mount" cmp "$work/tree/big" "$work/bound/current/big"
check "listing there" diff <(ls "$work/tree/many") <(ls "$work/bound/current/many")
umount "$work/bound"
away
fresh
unshare -m --propagation private bash -c "
	[ \"\$(cat '$mnt/gcc/1/dir/small9.h')\" = 'small file 9' ] && cmp '$work/tree/big' '$mnt/gcc/1/big' &&
	cd '$mnt/gcc/1' && ls many | wc -l | grep -qx 3000" || fail "in another mount namespace"
check "it is mounted here" test "$(stat -f -c %T "$mnt/gcc/1")" = erofs

# ---- overlayfs makes it writable ----

mkdir "$work/upper" "$work/tmp" "$work/merged"
if mount -t overlay overlay -o "lowerdir=$mnt/gcc/1,upperdir=$work/upper,workdir=$work/tmp" "$work/merged" 2>/dev/null; then
	check "write through overlayfs" eval 'echo new >"$work/merged/dir/small8.h" && rm "$work/merged/zeros"'
	check "it reads back" content_is "$work/merged/dir/small8.h" new
	check "the tree did not change" content_is "$mnt/gcc/1/dir/small8.h" "small file 8"
	umount "$work/merged"
fi

# ---- refs that move ----

mkdir -p "$work/v2/bin"
echo two >"$work/v2/bin/tool"
check "current is the first tree" test -f "$mnt/gcc/current/big"
exec 7<"$mnt/gcc/current/big"
"$VARVE" pack -q gcc/current "$work/v2" || fail "pack"
check "a moved ref shows its new tree" wait_for content_is "$mnt/gcc/current/bin/tool" two
[ "$waited_ms" -le 1000 ] || fail "a moved ref shows after $waited_ms ms"
check "as EROFS too" is_erofs "$mnt/gcc/current"
check "names of the old tree are gone" test ! -e "$mnt/gcc/current/big"
check "its neighbour stays" is_erofs "$mnt/gcc/1"
check "what is open keeps the old tree" cmp "$work/tree/big" /proc/self/fd/7
exec 7<&-
"$VARVE" rm other
"$VARVE" rm gcc/current
check "a removed ref goes" wait_for test ! -e "$mnt/gcc/current"
is_erofs "$mnt/gcc/current" && fail "its mount is left"
"$VARVE" tag gcc/1 gcc/current
check "it comes back" wait_for test -f "$mnt/gcc/current/big"

# Taken away by hand, it is mounted again at the next touch.
umount "$mnt/gcc/1" || fail "umount of a tree"
again() { [ "$(stat -f -c %T "$mnt/gcc/1")" = erofs ]; }
check "a tree that was unmounted comes again" wait_for again

# ---- the end ----

exec 7<"$mnt/gcc/1/big"
said=$("$VARVE" unmount "$mnt" 2>&1) && fail "a busy mount was unmounted"
[[ $said == *"$mnt/gcc/1 is in use"*"open file $mnt/gcc/1/big"* ]] || fail "the user is not named: $said"
check "the mount goes on" test -f "$mnt/gcc/current/big"
check "unmount --lazy" "$VARVE" unmount --lazy "$mnt"
check "nothing is mounted" no_erofs
check "what is open can be read to its end" cmp "$work/tree/big" /proc/self/fd/7
exec 7<&-
check "the server ends with its last user" wait_for has_no_server

fresh
check "touch" test -f "$mnt/gcc/1/big"
kill "$(server)"
check "the server ends at SIGTERM" wait_for has_no_server
check "and leaves no mount" eval 'no_erofs && ! is_mounted "$mnt"'
for way in mount unmount; do
	fresh
	check "touch" test -f "$mnt/gcc/1/big"
	kill -9 "$(server)"
	wait_for has_no_server
	check "$way over what a dead server left" eval '"$VARVE" $way "$mnt" 2>/dev/null'
	[ $way = unmount ] || check "it shows the tree" cmp "$work/tree/big" "$mnt/gcc/1/big"
	[ $way = unmount ] || away
done
check "nothing is left" eval 'no_erofs && ! is_mounted "$mnt"'

# ---- what takes FUSE ----

mistake 2 "host directory" "$VARVE" mount --host erofs "$work/tree@x" "$mnt"
mistake 2 "at the root" "$VARVE" mount --host erofs gcc/1@/ "$mnt"
mistake 2 "overlap" "$VARVE" mount --host erofs gcc/1@a gcc/current@a/b "$mnt"
mistake 2 "auto, fuse or erofs" "$VARVE" mount --host ext4 "$mnt"
"$VARVE" mount "$work/tree@x" "$mnt" || fail "auto with a host directory"
check "auto takes fuse for a host directory" grep -q '"name":"fuse"' <("$VARVE" stats --json "$mnt")
away
"$VARVE" mount --host fuse "$mnt"
check "--host fuse" test "$(stat -f -c %T "$mnt/gcc/1")" = fuseblk
check "a listing through FUSE" diff <(list "$work/tree") <(list "$mnt/gcc/1")
away
# A tree that EROFS cannot show stays with FUSE, and the others do not.
python3 - "$work/long.tar" <<'P'
import io, sys, tarfile
with tarfile.open(sys.argv[1], 'w') as tar:
    for name in ['x' * 300, 'short']:
        info = tarfile.TarInfo(name)
        info.size = 5
        tar.addfile(info, io.BytesIO(b'hello'))
P
"$VARVE" pack -q long "$work/long.tar" || fail "pack of a long name"
fresh
check "a tree with a long name" content_is "$mnt/long/short" hello
is_erofs "$mnt/long" && fail "a name of 300 bytes in EROFS"
check "the other" content_is "$mnt/gcc/1/dir/small9.h" "small file 9"
check "is EROFS" is_erofs "$mnt/gcc/1"
away
finish
