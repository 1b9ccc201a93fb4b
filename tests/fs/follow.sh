#!/bin/bash
# A mount follows its store: refs that come, move and go show within a second; what is open keeps what it was.
. "$(dirname "$0")/lib.sh"

# What the store does is seen within a second.
soon() { # what, command...
	local what=$1
	shift
	wait_for "$@" || { fail "$what" && return; }
	[ "$waited_ms" -le 1000 ] || fail "$what: after $waited_ms ms"
}

for version in 1 2; do
	mkdir -p "$work/v$version/bin" "$work/extra$version"
	echo "version $version" >"$work/v$version/bin/tool"
	echo "only in $version" >"$work/v$version/only$version"
	echo "base" >"$work/extra$version/base"
done
"$VARVE" pack gcc/1 "$work/v1" >/dev/null && "$VARVE" pack gcc/current "$work/v1" >/dev/null || exit 1
"$VARVE" mount "$mnt" || exit 1

content_is "$mnt/gcc/current/bin/tool" "version 1" || fail "first content"
[ ! -e "$mnt/gcc/2" ] || fail "gcc/2 is there too early" # a negative name that the kernel remembers
[ ! -e "$mnt/clang" ] || fail "clang is there too early"
[ ! -e "$mnt/gcc/current/only2" ] || fail "only2 is there too early"
ls "$mnt" "$mnt/gcc" >/dev/null                         # listings that the kernel caches
exec 7<"$mnt/gcc/current/bin/tool"

"$VARVE" pack gcc/2 "$work/v2" >/dev/null
soon "a new ref appears although its name was missed before" test -e "$mnt/gcc/2/bin/tool"
check "the listing has it" grep -qx 2 <(ls "$mnt/gcc")
"$VARVE" pack clang/1 "$work/v1" >/dev/null
soon "a new first part of a name appears" test -e "$mnt/clang/1/only1"
check "the root's listing has it" grep -qx clang <(ls "$mnt")

"$VARVE" tag gcc/2 gcc/current
soon "a moved ref shows its new tree" content_is "$mnt/gcc/current/bin/tool" "version 2"
check "names missed in the old tree are found in the new" test -e "$mnt/gcc/current/only2"
check "names of the old tree are gone" test ! -e "$mnt/gcc/current/only1"
check "what is open keeps its old content" content_is /proc/self/fd/7 "version 1"
exec 7<&-

(cd "$mnt/gcc/current" && {
	"$VARVE" tag gcc/1 gcc/current
	wait_for content_is "$mnt/gcc/current/bin/tool" "version 1"
	content_is bin/tool "version 2"
}) || fail "a working directory keeps the old tree"

"$VARVE" rm gcc/2
soon "a removed ref goes" test ! -e "$mnt/gcc/2"
check "the listing does not have it" test -z "$(ls "$mnt/gcc" | grep -x 2)"
check "its neighbours stay" content_is "$mnt/gcc/1/bin/tool" "version 1"
"$VARVE" rm clang/1
soon "with the last ref its parent goes" test ! -e "$mnt/clang"
"$VARVE" unmount "$mnt" || fail "unmount"

# The same in a merged view.
"$VARVE" pack base "$work/extra1" >/dev/null && "$VARVE" pack top "$work/v1" >/dev/null || exit 1
"$VARVE" mount top@/ base@/ "$mnt" || exit 1
content_is "$mnt/base" base && content_is "$mnt/only1" "only in 1" || fail "the merged view"
[ ! -e "$mnt/only2" ] || fail "only2 is there too early"
ls "$mnt" >/dev/null
exec 7<"$mnt/bin/tool"
"$VARVE" pack top "$work/v2" >/dev/null
soon "a moved layer shows" content_is "$mnt/bin/tool" "version 2"
check "its new names show" content_is "$mnt/only2" "only in 2"
check "its old names are gone" test ! -e "$mnt/only1"
check "the merged listing is the new one" diff <(printf 'base\nbin\nonly2\n') <(ls "$mnt")
check "what is open keeps its old content in a merged view too" content_is /proc/self/fd/7 "version 1"
exec 7<&-
"$VARVE" rm top
soon "a removed layer uncovers the ones below" test ! -e "$mnt/bin"
check "alone" diff <(echo base) <(ls "$mnt")
"$VARVE" pack top "$work/v1" >/dev/null
soon "a layer that comes back covers them" content_is "$mnt/bin/tool" "version 1"
check "nothing holds the mount" "$VARVE" unmount "$mnt"
finish
