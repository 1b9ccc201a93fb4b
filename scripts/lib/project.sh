# Sourced, after compilers.sh.  A real project's source from Debian, built by a gcc of bench/corpus, and what a busy store does
# meanwhile.

# The upstream source of a Debian package, unpacked; archives stay in the cache.  apt's own configuration and lists are not touched.
unpack_source() { # package, cache, new directory
	local package=$1 cache=$2 to=$3
	ls "$cache/$package"_*.dsc >/dev/null 2>&1 || download_source "$package" "$cache" || return
	dpkg-source --skip-patches --no-check -x "$(ls "$cache/$package"_*.dsc | tail -n 1)" "$to" >/dev/null
}
download_source() { # package, cache
	local root options
	root=$(mktemp -d) && chmod 755 "$root" && mkdir -p "$2" "$root/lists/partial" "$root/cache/archives/partial" || return
	apt-get indextargets --format 'deb-src $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
		sort -u >"$root/sources.list"
	options=(-o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$root/lists"
		-o Dir::Cache="$root/cache")
	(cd "$root" && apt-get -qq "${options[@]}" update && apt-get -qq "${options[@]}" source --download-only "$1" && mv "$1"_* "$2") \
		>"$root/log" 2>&1 || { cat "$root/log" >&2 && rm -rf "$root" && return 1; }
	rm -rf "$root"
}

# make -j2 with gcc, ar and ld of a tree; what make said is in SOURCE/log.  -g: objects name every header that they were made from.
build_project() { # package, source, tree
	local cc ar goals
	gcc_at "$3" gcc-12
	cc="${tool[*]}"
	tool_at "$3" ar
	ar="${tool[*]}"
	case $1 in
	lua5.4) goals=(-C "$2/src" CC="$cc -std=gnu99" MYCFLAGS=-g AR="$ar rcu" RANLIB=true linux) ;;
	libzstd) goals=(-C "$2/programs" CC="$cc" MOREFLAGS=-g AR="$ar" HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0 zstd) ;;
	esac
	make -j2 "${goals[@]}" >"$2/log" 2>&1
}
# A busy store: publishes, moves, removes and collects, round after round, until OWN/stop exists or OWN is gone.  Each round moves
# the compiler's ref to the other one of its trees.  $VARVE_STORE is the store; OWN/rounds counts; what failed is in OWN/failed.
churn() { # own directory, compiler's ref, a tree of it, another
	local own=$1 round=0
	mkdir -p "$own/tree/dir"
	while [ -d "$own" ] && [ ! -e "$own/stop" ]; do
		round=$((round + 1))
		churn_round "$own" "$2" "${@:3+round%2:1}" $round >"$own/log" 2>&1 || {
			echo "round $round: $(cat "$own/log")" >"$own/failed"
			return 1
		}
		echo $round >"$own/rounds"
	done
}
churn_round() { # own directory, compiler's ref, its tree for now, round
	echo "$4" >"$1/tree/dir/round"
	head -c 300000 /dev/urandom >"$1/tree/dir/noise"
	"$VARVE" pack -q --level 1 "noise/$4" "$1/tree" &&
		"$VARVE" tag "$3" "$2" &&
		"$VARVE" tag "noise/$4" noise/last &&
		{ [ "$4" -lt 3 ] || "$VARVE" rm "noise/$(($4 - 2))"; } &&
		"$VARVE" gc --grace 0
}
