# Sourced by each script: a private directory, a store in it, and mounts that are gone at the end.
# Scripts use $VARVE (the program) and print what failed; exit 0 passed, 1 failed, 77 skipped.
set -u
: "${VARVE:=$PWD/build/release/varve}"
work=$(mktemp -d "${TMPDIR:-/tmp}/varve-fs.XXXXXX")
chmod 755 "$work"
export VARVE_STORE=$work/store
mnt=$work/mnt
failures=0

cleanup() {
	cd /
	local point
	for point in $(grep -o "$work[^ ]* fuse.varve" /proc/mounts | cut -d' ' -f1); do
		"$VARVE" unmount "$point" 2>/dev/null || umount -l "$point"
	done
	rm -rf --one-file-system "$work"
}
trap cleanup EXIT

skip() {
	echo "$*"
	exit 77
}
fail() {
	echo "failed: $*"
	failures=$((failures + 1))
}
check() { # message, command...
	local message=$1
	shift
	"$@" || fail "$message"
}
# A mistake: exit status, what the one line on stderr says (a pattern), command... says so, and nothing on stdout.
mistake() {
	local want_status=$1 want=$2 status=0 said
	shift 2
	timeout 20 "$@" >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
	said=$(tr '\0' '?' <"$work/stderr")
	[ "$status" -eq "$want_status" ] || fail "${*//"$VARVE"/varve}: status $status, want $want_status: $said"
	# shellcheck disable=SC2053 # a pattern
	[[ $said == *$want* ]] || fail "${*//"$VARVE"/varve}: said '$said', want '$want'"
	[ "$(wc -l <"$work/stderr")" -eq 1 ] || fail "${*//"$VARVE"/varve}: not one line: $said"
	[ ! -s "$work/stdout" ] || fail "${*//"$VARVE"/varve}: on stdout: $(head -c 200 "$work/stdout")"
}
finish() {
	[ "$failures" -eq 0 ] || echo "$failures failed"
	exit $((failures != 0))
}
# Up to two seconds for a command to hold; how long it took is in $waited_ms.
wait_for() {
	local start=${EPOCHREALTIME/./}
	until "$@"; do
		waited_ms=$(((${EPOCHREALTIME/./} - start) / 1000))
		[ "$waited_ms" -lt 2000 ] || return 1
		sleep 0.02
	done
	waited_ms=$(((${EPOCHREALTIME/./} - start) / 1000))
}
is_mounted() { grep -q " $1 fuse.varve " /proc/mounts; }
content_is() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
# The process that serves $mnt; a zombie serves nothing.
server() {
	ps -eo pid=,stat=,args= | awk -v m="$mnt" '$2 !~ /Z/ && index($0, " mount ") && index($0, m) && !/awk/ { print $1 }'
}
requests() { # mount point, member
	"$VARVE" stats --json "$1" | grep -o '"requests":{[^}]*}' | grep -o "\"$2\":[0-9]*" | cut -d: -f2
}

# All requests of a mount: for names, and, where trees are EROFS mounts, for blobs.
asked() { # mount point
	local blobs
	blobs=$("$VARVE" stats --json "$1" | grep -o '"blob_requests":[0-9]*' | cut -d: -f2)
	echo $(($(requests "$1" total) + ${blobs:-0}))
}

[ -x "$VARVE" ] || skip "no program at $VARVE"
[ -c /dev/fuse ] || skip "no /dev/fuse"
[ "$(id -u)" = 0 ] || skip "takes root"
mkdir "$mnt"
"$VARVE" init "$VARVE_STORE" >/dev/null || exit 1
