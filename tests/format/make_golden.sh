#!/bin/bash
# make_golden.sh - makes tests/format/golden again, with $VARVE; takes root and a file system with user.* xattrs.
#
# Only a new version of the format is a reason to run it: what is there was written once and must be readable for ever.
# A store lies in <name>/store, what is in its refs in <name>/<ref>.manifest, told of the input and not of the store:
#   versions: two releases of a made-up toolchain, packed one after the other: the second uses frames of the first; and noise
#   archive:  a tar of the second
#   optimized: the two releases and noise again, written anew: packs with notes
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${VARVE:=$PWD/build/release/varve}"
work=$(mktemp -d "${TMPDIR:-/tmp}/varve-golden.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
umask 022

python3 - "$work" <<'PYTHON'
import os, random, struct, sys
os.chdir(sys.argv[1])
r = random.Random(20230610)
words = ["".join(r.choices("etaoinshrdlu", k=r.randrange(2, 8))) for _ in range(120)]
paragraphs = ["".join("%s(%s);\n" % tuple(r.sample(words, 2)) for _ in range(8)) for _ in range(40)]


def text(size, seed):
    r, out = random.Random(seed), ""
    while len(out) < size:
        out += r.choice(paragraphs) + "line %d\n" % len(out)
    return out[:size].encode()


def machine_code(size, seed):
    """Calls of few functions from many places: compresses if the distances become targets."""
    r = random.Random(seed)
    functions = [r.randrange(0, size) for _ in range(20)]
    bodies = [r.randbytes(r.randrange(6, 14)).replace(b"\xe8", b"\x90").replace(b"\xe9", b"\x90")
              for _ in range(12)]
    out = bytearray(b"\x7fELF\x02\x01\x01" + bytes(57))
    while len(out) < size:
        out += r.choice(bodies)
        out += struct.pack("<Bi", r.choice(b"\xe8\xe8\xe9"), r.choice(functions) - len(out) - 5)
    return bytes(out)


def patched(data, seed, places):
    """A near duplicate: some bytes replaced, some put in."""
    r, out = random.Random(seed), bytearray(data)
    for _ in range(places):
        at = r.randrange(len(out))
        out[at:at + r.randrange(3)] = b"patch %d" % r.randrange(1000)
    return bytes(out)


def write(path, data):
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


large, code = text(300000, 1), machine_code(80000, 2)
for release in (1, 2):
    top = "release%d/" % release
    write(top + "bin/cc", code)
    write(top + "lib/one.inc", patched(large[:150000], 1, 4))
    write(top + "lib/two.inc", patched(large[:150000], 2, 4))
    write(top + "lib/slices.inc", large if release == 1 else patched(large, 3, 3))
    write(top + "lib/noise", random.Random(3).randbytes(1000))
    for i in range(12):
        write(top + "include/%d.h" % i, b"#define RELEASE %d\n" % (release if i == 7 else 1) + text(80 + 9 * i, i))
    write(top + "include/File.h", b"upper\n")
    write(top + "include/file.h", b"lower\n")
    write(top + "names/" + "n" * 255, b"long\n")
    write(top.encode() + b"names/not \xff utf-8", b"bytes\n")
    write(top.encode() + b"names/\xc3\xa4\xe2\x82\xac \n", b"utf-8, and a line feed\n")
    write(top + "empty", b"")
    os.mkdir(top + "empty.d")
    with open(top + "holes", "wb") as file:
        file.truncate(3 << 20)
        file.seek(1 << 20)
        file.write(b"data between holes" * 500)
    os.link(top + "bin/cc", top + "bin/gcc")
    os.link(top + "bin/cc", top + "zz-cc")
    os.symlink("../bin/cc", top + "lib/cc")
    os.symlink("/nowhere/" + "x" * 300, top + "lib/dangling")
    os.symlink(b"\xff\xfe", top + "lib/bytes")
    os.mkfifo(top + "fifo")
    if release == 2:
        write(top + "lib/new.inc", patched(large[20000:170000], 4, 4))
        os.unlink(top + "include/3.h")

    os.setxattr(top + "bin/cc", "user.note", b"hello")
    os.setxattr(top + "bin/cc", "user.binary", bytes(range(40)))
    os.setxattr(top + "empty", "user.nothing", b"")
    os.setxattr(top + "lib", "user.of a directory", b"yes")
    os.chown(top + "bin/cc", 1234, 5678)
    os.chown(top + "lib/cc", 4321, 8765, follow_symlinks=False)
    for path, mode in (("bin/cc", 0o4755), ("lib/noise", 0o000), ("empty.d", 0o1777), ("fifo", 0o620)):
        os.chmod(top + path, mode)
    # tar's are read by libarchive, which misreads parts of a second before 1970.
    part = 123456789 if release == 1 else 0
    times = {"empty": -10**9 + part, "holes": -86400 * 10**9 + part, "fifo": 0, "lib/cc": 981173106123456789,
             "lib": 4102444800 * 10**9 + 1, "lib/noise": 2**31 * 10**9 + 999999999}
    for folder, dirs, files in os.walk(os.fsencode(top), topdown=False):
        for name in files + dirs + [b""]:
            path = os.path.join(folder, name)
            ns = times.get(os.fsdecode(os.path.relpath(path, os.fsencode(top))), 1686392096 * 10**9 + release)
            os.utime(path, ns=(ns, ns), follow_symlinks=False)
write("noise/noise", random.Random(4).randbytes(3000))  # does not compress
PYTHON

pack() { # store, ref, input, directory that it holds
	local to=$work/golden/$1
	mkdir -p "$(dirname "$to/$2")"
	[ -d "$to/store" ] || "$VARVE" init "$to/store" >/dev/null
	"$VARVE" pack -q -s "$to/store" "$2" "$3"
	python3 "$here/manifest.py" "$4" >"$to/$2.manifest"
}
cd "$work"
pack versions toy/1.0 release1 release1
pack versions 'Toy 2%' release2 release2
pack versions noise noise noise
tar --format=pax --xattrs --sparse --numeric-owner --sort=name -C release2 -cf release2.tar .
pack archive tar release2.tar release2

for ref in toy/1.0 'Toy 2%' noise; do
	case $ref in toy/1.0) input=release1 ;; 'Toy 2%') input=release2 ;; *) input=noise ;; esac
	pack optimized "$ref" "$input" "$input"
done
"$VARVE" optimize -q -s golden/optimized/store --level 19
"$VARVE" gc -s golden/optimized/store --grace 0 >/dev/null

rm -rf "$here/golden"
find golden -type d -empty -delete
chmod -R u+w golden
cp -r golden "$here/golden"
