# Sourced.  How the compilers of bench/corpus run from wherever their trees are, with nothing of this machine's compilers: the
# environment is made here, the search path is empty, and headers, libraries, assembler and linker are found in the trees.
#
# Each *_at function sets `tool`, the beginning of a command line; "${tool[*]}" is a CC for make if no path has a space.

tool_at() { # tree, program
	tool=(env -i PATH=/nonexistent TMPDIR="${TMPDIR:-/tmp}" LD_LIBRARY_PATH="$1/usr/lib/x86_64-linux-gnu" "$1/usr/bin/$2")
}
gcc_at() { # tree, program
	tool_at "$1" "$2"
	tool+=(--sysroot="$1" -B"$1/usr/bin")
}
clang_at() { # tree, tree of the gcc whose libraries it uses, program ending in -VERSION
	tool_at "$1" "$3"
	tool+=(--sysroot="$2" --gcc-toolchain="$2/usr" -B"$1/usr/lib/llvm-${3##*-}/bin" -fuse-ld=lld -Wno-unused-command-line-argument)
}
# A compiled program, with the C and C++ libraries of a gcc's tree.
run_with() { # tree, program, arguments...
	local lib=$1/lib/x86_64-linux-gnu usr_lib=$1/usr/lib/x86_64-linux-gnu
	shift
	"$lib/ld-linux-x86-64.so.2" --library-path "$lib:$usr_lib" "$@"
}

# Any toolchain of bench/corpus, by the name of its tree, compiling a first program of its language into an object.
declare -A debian_triple=([arm64]=aarch64-linux-gnu [armhf]=arm-linux-gnueabihf [ppc64el]=powerpc64le-linux-gnu [riscv64]=riscv64-linux-gnu)

# Sets `tool`, a whole command line.  SOURCES has hello.cpp, hello.rs and hello.go.  1: the tree is none of these.
first_compile() { # directory of the trees, tree, sources, object
	local tree=$1/$2 name=$2 version triple
	case $name in
	gcc-*-*)
		version=${name#gcc-} triple=${debian_triple[${name##*-}]}
		tool_at "$tree" "$triple-g++-${version%%-*}"
		tool+=(--sysroot="$tree" -B"$tree/usr/bin/$triple-")
		;;
	gcc-*) gcc_at "$tree" "g++-${name#gcc-}" ;;
	clang-*) clang_at "$tree" "$1/gcc-12" "clang++-${name#clang-}" ;;
	mingw-*)
		triple=${name#mingw-} version=${name##*-} triple=${triple%-*}-w64-mingw32
		tool_at "$tree" "${triple/x86-64/x86_64}-g++-$version"
		tool+=(--sysroot="$tree")
		;;
	rust-*)
		tool_at "$tree" rustc
		tool+=(--sysroot="$tree/usr" --emit=obj "$3/hello.rs" -o "$4")
		return
		;;
	go-*)
		tree=$tree/usr/lib/$name
		tool=(env -i PATH=/nonexistent "$tree/pkg/tool/linux_amd64/compile" -I "$tree/pkg/linux_amd64" -p main -o "$4" "$3/hello.go")
		return
		;;
	*) return 1 ;;
	esac
	tool+=(-c "$3/hello.cpp" -o "$4")
}
