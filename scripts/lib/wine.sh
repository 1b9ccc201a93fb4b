#!/bin/bash
# wine.sh PROGRAM [ARGUMENT...] - run a Windows program under Wine, in a prefix of its own under build/wine, which is made if it is not there.
#
# 64 bits, no display, no Mono, no browser; drive Z: is /.  Wine's chatter is off: what a program says is all there is.
set -eu
export WINEPREFIX=${VARVE_WINEPREFIX:-$(cd "$(dirname "$0")/../.." && pwd)/build/wine}
export WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=" WINEARCH=win64
wine=/usr/lib/wine/wine64
[ -x "$wine" ] || { echo "wine.sh: wine64 is missing; run scripts/bootstrap" >&2; exit 127; }
if [ ! -e "$WINEPREFIX/varve-ready" ]; then
	mkdir -p "$WINEPREFIX"
	exec 9>"$WINEPREFIX/.lock"
	flock 9
	if [ ! -e "$WINEPREFIX/varve-ready" ]; then
		"$wine" wineboot.exe -i >/dev/null 2>&1 9>&-
		# Wine says Windows 7 unless told; the newer requests that we make first exist since 10.
		"$wine" reg.exe add 'HKCU\Software\Wine' /v Version /d win10 /f >/dev/null 2>&1 9>&-
		touch "$WINEPREFIX/varve-ready"
	fi
	exec 9>&-
fi
# A server started by the program would hold its output open, and whoever reads that would wait for the server's end.
"${wine%/*}/wineserver64" -p5 </dev/null >/dev/null 2>&1 || true
exec "$wine" "$@"
