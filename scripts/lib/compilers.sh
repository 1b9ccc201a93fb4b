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
