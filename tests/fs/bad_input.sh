#!/bin/bash
# What is packed, and the names it gets: missing, closed, of the wrong kind, in each other's way.  Mount points too.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

mkdir -p tree/dir/in
echo hello >tree/file
echo inside >tree/dir/in/file
ln -s file tree/link
"$VARVE" pack -q tree tree && "$VARVE" pack -q gcc/12 tree && "$VARVE" pack -q deep/a/b/c tree || exit 1
refs=$("$VARVE" ls)

# ---- refs that do not exist ----
for command in "cat none:file" "ls none" "ls none:dir" "extract none out" "extract none:dir out" "diff none tree" "diff tree none" \
	"df none" "df tree none" "tag none new" "rm none" "verify none" "verify --against tree none"; do
	# shellcheck disable=SC2086
	mistake 1 "there is no ref 'none'*varve ls" "$VARVE" $command
done
for name in gcc gcc/1 gcc/12/x deep/a/b Tree; do
	mistake 1 "there is no ref '$name'" "$VARVE" ls "$name"
	mistake 1 "there is no ref '$name'" "$VARVE" rm "$name"
done
"$VARVE" tag tree spare
status=0
said=$("$VARVE" rm none spare nothing 2>&1) || status=$?
[ $status -eq 1 ] && [ "$(wc -l <<<"$said")" -eq 2 ] || fail "rm of several: status $status, $said"
[ "$("$VARVE" ls)" = "$refs" ] || fail "rm of several did not remove the one that exists"

# ---- refs in each other's way ----
for name in gcc deep deep/a deep/a/b; do
	mistake 1 "there are refs beneath" "$VARVE" pack "$name" tree
	mistake 1 "there are refs beneath" "$VARVE" tag tree "$name"
done
for name in gcc/12/x tree/x deep/a/b/c/d/e; do
	mistake 1 "is a ref" "$VARVE" pack "$name" tree
	mistake 1 "is a ref" "$VARVE" tag tree "$name"
done
[ "$("$VARVE" ls)" = "$refs" ] || fail "refs in each other's way: $("$VARVE" ls)"
"$VARVE" rm deep/a/b/c && "$VARVE" pack -q deep/a tree && "$VARVE" rm deep/a || fail "a name is free once what was beneath it is gone"
refs=$("$VARVE" ls)

# ---- paths in refs ----
mistake 1 "no 'none' in 'tree'" "$VARVE" cat tree:none
[ "$("$VARVE" cat tree://dir///in//file)" = inside ] || fail "slashes more than needed"
mistake 1 "no 'file/x' in 'tree'" "$VARVE" cat tree:file/x
mistake 1 "no '../tree' in 'tree'" "$VARVE" cat tree:../tree
mistake 1 "no 'dir/..' in 'tree'" "$VARVE" ls tree:dir/..
mistake 1 "tree:dir*directory" "$VARVE" cat tree:dir
mistake 1 "tree:link" "$VARVE" cat tree:link
mistake 1 "no 'none' in 'tree'" "$VARVE" extract tree:none out
long=$(printf 'x%.0s' $(seq 4000))
mistake 1 "tree" "$VARVE" cat "tree:$long"
[ ! -e out ] || fail "out was made"
mkdir full && touch full/it
mistake 1 "full: directory not empty" "$VARVE" extract tree full
mistake 1 "file" "$VARVE" extract tree tree/file
mistake 1 "missing" "$VARVE" extract tree missing/out
mistake 1 "against" "$VARVE" verify --against against tree

# ---- what is packed ----
mistake 1 "none: no such file" "$VARVE" pack new none
mistake 1 "tree/file: neither a directory nor an archive" "$VARVE" pack new tree/file
: >empty
mistake 1 "empty" "$VARVE" pack new empty
head -c 100000 /dev/urandom >noise
mistake 1 "noise: neither a directory nor an archive" "$VARVE" pack new noise
head -c 100000 /dev/zero >zeros
mistake 1 "zeros: there is nothing in this archive" "$VARVE" pack new zeros
mkfifo fifo
mistake 1 "fifo" "$VARVE" pack new fifo
mistake 1 "/dev/zero" "$VARVE" pack new /dev/zero
mistake 1 "/dev/null" "$VARVE" pack new /dev/null
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
mistake 1 "socket" "$VARVE" pack new socket
ln -s nowhere dangling
mistake 1 "dangling: no such file" "$VARVE" pack new dangling
ln -s loop loop
mistake 1 "loop" "$VARVE" pack new loop
mistake 1 "prefix" "$VARVE" pack --prefix ../x new tree
if [ "$(id -u)" = 0 ] && runuser -u nobody -- "$VARVE" help >/dev/null 2>&1; then
	chmod -R a+rwX "$VARVE_STORE"
	mkdir closed shut
	echo secret >closed/secret
	echo open >closed/open
	chmod 600 closed/secret
	mistake 1 "closed/secret: permission denied" runuser -u nobody -- "$VARVE" pack new closed
	mistake 1 "closed/secret: permission denied" runuser -u nobody -- "$VARVE" pack new closed/secret
	mkdir -m 700 closed/a
	chmod 644 closed/secret
	mistake 1 "closed/a: permission denied" runuser -u nobody -- "$VARVE" pack new closed
	runuser -u nobody -- "$VARVE" pack -q -x a new closed || fail "what is closed can be left out"
	"$VARVE" rm new
	chmod 700 shut
	mistake 1 "shut: permission denied" runuser -u nobody -- "$VARVE" pack new shut
fi
[ "$("$VARVE" ls)" = "$refs" ] || fail "a pack that failed left a ref: $("$VARVE" ls)"
[ -z "$(find "$VARVE_STORE" -name '.*' -type f)$(ls "$VARVE_STORE/intents" 2>/dev/null)" ] || fail "leftovers: $(find "$VARVE_STORE" -name '.*') $(ls "$VARVE_STORE/intents")"

# An option too many does not empty a ref.
tree=$("$VARVE" ls -R tree)
mistake 1 "tree: --exclude and --strip-components leave nothing" "$VARVE" pack -x '*' tree tree
mistake 1 "tree: --exclude and --strip-components leave nothing" "$VARVE" pack --strip-components 9 tree tree
tar -cf tree.tar tree
mistake 1 "tree.tar: --exclude and --strip-components leave nothing" "$VARVE" pack -x /tree tree tree.tar
[ "$("$VARVE" ls -R tree)" = "$tree" ] || fail "the ref is not what it was"

# What is odd and no mistake.
mkdir nothing odd
"$VARVE" pack -q nothing nothing || fail "an empty directory"
[ -z "$("$VARVE" ls -R nothing)" ] && "$VARVE" verify -q --against nothing nothing || fail "an empty directory is one"
mv socket odd/socket
mkfifo odd/fifo
mknod odd/null c 1 3 2>/dev/null
echo x >odd/file
said=$("$VARVE" pack -q odd odd 2>&1) || fail "odd files: $said"
[[ $said == *"warning: odd/socket"* ]] && [ "$(wc -l <<<"$said")" -eq 1 ] || fail "a socket: '$said'"
[ "$("$VARVE" ls odd)" = "$(ls -I socket odd)" ] || fail "odd: $("$VARVE" ls odd)"
"$VARVE" pack -q -x 'nothing*' nothing nothing || fail "an empty directory of which nothing is left out"
python3 - <<'END'
import os
os.mkdir("deep")
os.chdir("deep")
for i in range(500):
    os.mkdir("d" * 10)
    os.chdir("d" * 10)
END
"$VARVE" pack -q deep/dirs deep && "$VARVE" verify -q --against deep deep/dirs || fail "paths longer than PATH_MAX"
rm -rf deep

# ---- mount points ----
mistake 1 "none does not exist" "$VARVE" mount none
mistake 1 "file is not a directory" "$VARVE" mount tree/file
mistake 1 "no ref 'none'" "$VARVE" mount none@/ "$mnt"
mistake 1 "no ref 'none'" "$VARVE" mount tree@/ none "$mnt"
mistake 1 "./none" "$VARVE" mount ./none "$mnt"
mistake 1 "tree/file" "$VARVE" mount ./tree/file@/x "$mnt"
mistake 1 "not a varve mount" "$VARVE" unmount tree
mistake 1 "not a varve mount" "$VARVE" unmount /proc
mistake 1 "none" "$VARVE" unmount none
mistake 1 "none" "$VARVE" stats none
mistake 1 "not the root of a varve mount" "$VARVE" stats tree
"$VARVE" mount "$mnt" || exit 1
mistake 1 "varve mount already*varve unmount" "$VARVE" mount "$mnt"
mistake 1 "varve mount already" "$VARVE" mount tree@/ "$mnt/"
mistake 1 "not the root of a varve mount" "$VARVE" stats "$mnt/tree"
mistake 1 "$mnt/tree is not a varve mount" "$VARVE" unmount "$mnt/tree"
mistake 1 "" "$VARVE" init "$mnt/store"
mistake 1 "ead-only" "$VARVE" extract tree "$mnt/out"
"$VARVE" pack -q copy "$mnt/tree" || fail "packing what is mounted"
"$VARVE" unmount "$mnt" || fail "unmount"
check "and the store is whole" "$VARVE" verify -q
finish
