#!/bin/bash
# Requests over io_uring and over /dev/fuse: the same answers, and nobody waits for somebody else's fetch.
. "$(dirname "$0")/lib.sh"

switch=/sys/module/fuse/parameters/enable_uring
[ -w $switch ] || skip "this kernel has no FUSE over io_uring"
was=$(cat $switch)
slow_server=
restore() {
	echo "$was" >$switch
	[ -z "$slow_server" ] || kill -CONT "$slow_server" 2>/dev/null
	! mountpoint -q "$VARVE_STORE/packs" || umount -l "$VARVE_STORE/packs"
	! mountpoint -q "$work/control" || umount "$work/control"
	cleanup
}
trap restore EXIT
host() { "$VARVE" stats --json "$mnt" | grep -o '"host":{[^}]*}'; }
host_says() { # message, part...
	local said message=$1 part
	shift
	said=$(host)
	for part in "$@"; do
		[[ $said == *"$part"* ]] || fail "$message: $said"
	done
}
core() { # number, command...: on that core, if it is there
	local number=$1
	shift
	taskset -c "$((number % $(nproc)))" "$@"
}

mkdir "$work/tree"
for i in $(seq 48); do head -c 200000 /dev/urandom >"$work/tree/file$i"; done
"$VARVE" pack tree "$work/tree" >/dev/null || exit 1

# The choice, and what is said about it.
echo N >$switch
"$VARVE" mount --host fuse "$mnt" || exit 1
host_says "off" '"transport":"dev"' "enable_uring is off" "echo Y | sudo tee $switch"
"$VARVE" unmount "$mnt"
mistake 1 "enable_uring is off (echo Y | sudo tee $switch)" "$VARVE" mount --transport=io_uring "$mnt"
is_mounted "$mnt" && fail "a refused mount is left"
[ "$(cat $switch)" = N ] || fail "the kernel's switch was touched"
echo Y >$switch
"$VARVE" mount --host fuse "$mnt" || exit 1
host_says "on" '"transport":"io_uring"' '"queues":'
check "the tree is the same" diff -r "$work/tree" "$mnt/tree"
"$VARVE" unmount "$mnt"
"$VARVE" mount --host fuse --transport=dev "$mnt" || exit 1
host_says "asked for" '"transport":"dev"' '"transport_reason":"asked for"'
"$VARVE" unmount "$mnt"
mistake 2 "auto, io_uring or dev" "$VARVE" mount --transport=pigeon "$mnt"

# A session that is open stays as it is when the switch is turned off.
"$VARVE" mount --host fuse --transport=io_uring "$mnt" || exit 1
echo N >$switch
check "an open session goes on" cmp "$work/tree/file1" "$mnt/tree/file1"
"$VARVE" unmount "$mnt"
echo Y >$switch

# What every mount must do.
for transport in io_uring dev; do
	cat >"$work/varve-$transport" <<-END
		#!/bin/bash
		[ "\$1" != mount ] || { shift && set -- mount --transport=$transport "\$@"; }
		exec "$VARVE" "\$@"
	END
	chmod +x "$work/varve-$transport"
	for script in lifecycle follow view layers corrupt; do
		VARVE=$work/varve-$transport timeout 250 "${0%/*}/$script.sh" >"$work/said" 2>&1 ||
			fail "$script over $transport: $(cat "$work/said")"
	done
done

# A fetch that takes as long as we like: the packs lie on another mount, whose server sleeps.
VARVE_STORE=$work/slow "$VARVE" init "$work/slow" >/dev/null
"$VARVE" pack -s "$work/slow" packs "$VARVE_STORE/packs" >/dev/null || exit 1
mkdir "$work/slow-mnt"
"$VARVE" mount -s "$work/slow" --host fuse --transport=dev "$work/slow-mnt" || exit 1
slow_server=$(pgrep -f "mount -s $work/slow " | head -n 1)
mount --bind "$work/slow-mnt/packs" "$VARVE_STORE/packs"

held_readers() { # the transport; readers of 40 files on core 0, all held
	"$VARVE" mount --host fuse --transport="$1" "$mnt" || exit 1
	cat "$mnt/tree/file48" >/dev/null # the index of the pack
	echo 1 >/proc/sys/vm/drop_caches
	kill -STOP "$slow_server"
	readers=
	for i in $(seq 40); do
		core 0 cmp "$work/tree/file$i" "$mnt/tree/file$i" &
		readers="$readers $!"
	done
	wait_for all_asked || wait_for all_asked || wait_for all_asked || fail "$1: 40 readers ask: $(requests "$mnt" read)"
}
all_asked() { [ "$(timeout 2 "$VARVE" stats --json "$mnt" | grep -o '"read":[0-9]*' | cut -d: -f2)" -ge 40 ]; }
for transport in io_uring dev; do
	held_readers $transport
	for number in 0 1; do
		core $number timeout 5 test -e "$mnt/tree/no-such-$number"
		[ $? -eq 1 ] || fail "$transport: a name waits for a fetch on core $number"
		core $number timeout 5 ls "$mnt/tree" >/dev/null || fail "$transport: a listing waits for a fetch"
	done
	kill -CONT "$slow_server"
	for reader in $readers; do wait "$reader" || fail "$transport: a held reader got wrong bytes"; done
	"$VARVE" unmount "$mnt" || fail "$transport: unmount after a held fetch"
done
has_no_server() { [ -z "$(server)" ]; }
check "the server has left the packs" wait_for has_no_server
umount "$VARVE_STORE/packs" || exit 1

# Readers while the mount goes away: an error for them, an end for the server, at once.
endless_readers() { # processes that read until they may not
	readers=
	for number in 0 1 0 1; do
		core $number timeout 60 bash -c 'while cat "$0"/tree/* >/dev/null 2>&1 && echo 1 >/proc/sys/vm/drop_caches; do :; done' "$mnt" &
		readers="$readers $!"
	done
	sleep 0.3
}
mkdir "$work/control"
mount -t fusectl none "$work/control" || exit 1
for transport in io_uring dev; do
	for way in kill-9 lazy TERM abort; do
		"$VARVE" mount --host fuse --transport=$transport "$mnt" || exit 1
		connection=$(mountpoint -d "$mnt" | cut -d: -f2)
		endless_readers
		case $way in
		lazy) "$VARVE" unmount --lazy "$mnt" || fail "$transport: a lazy unmount under load" ;;
		abort) echo 1 >"$work/control/$connection/abort" ;;
		*) kill -${way#kill-} $(server) ;;
		esac
		for reader in $readers; do wait "$reader"; done
		check "$transport: the server ends after $way" wait_for has_no_server
		is_mounted "$mnt" && "$VARVE" unmount "$mnt" 2>/dev/null
	done
done

# Many readers, two cores, the least budget: right bytes, and the transport's memory is in the budget.
(cd "$work/tree" && sha256sum file*) >"$work/sums"
for transport in io_uring dev; do
	"$VARVE" mount --host fuse --transport=$transport --memory=16M "$mnt" || exit 1
	readers=
	for seed in 1 2 3 4; do
		(cd "$mnt/tree" && shuf --random-source=<(yes $seed) "$work/sums" | sha256sum --quiet -c -) &
		readers="$readers $!"
	done
	for reader in $readers; do wait "$reader" || fail "$transport: wrong bytes"; done
	"$VARVE" stats --json "$mnt" | grep -q '"transport":[1-9]' || fail "$transport: its memory is not in the budget"
	"$VARVE" unmount "$mnt" || fail "$transport: unmount"
done
finish
