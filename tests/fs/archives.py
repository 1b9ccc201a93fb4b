#!/usr/bin/python3
"""archives.py - hostile archives for bad_archives.sh.

    archives.py DIR   one file for each evil; `refused-*` must be refused, `kept-*` must be packed
"""
import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import warnings
import zipfile

TIME = 1600000000
REG, LNK, SYM, DIR, CHR = tarfile.REGTYPE, tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE


def member(name, data=b"", kind=REG, link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, link, mode, TIME
    info.size = len(data) if kind == REG else 0
    return info, data


def tar(path, *members, fmt=tarfile.PAX_FORMAT):
    with tarfile.open(path, "w", format=fmt) as t:
        for info, data in members:
            t.addfile(info, io.BytesIO(data))


def zipped(path, *members):
    with zipfile.ZipFile(path, "w") as z, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names that occur twice
        for name, data in members:
            z.writestr(name, data)


def header(name, size=b"%011o\0" % 0, kind=b"0", link=b"", mode=b"0000644\0", magic=b"ustar\00000"):
    """A raw tar header; each field is the caller's."""
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108] = mode
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = size
    h[136:148] = b"%011o\0" % TIME
    h[148:156] = b" " * 8
    h[156:157] = kind
    h[157:157 + len(link)] = link
    h[257:265] = magic
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


END = bytes(1024)


def base256(n):
    return b"\x80" + n.to_bytes(11, "big")


def pax(name, **records):
    text = b""
    for key, value in records.items():
        body = key.replace("_", ".").encode() + b"=" + value + b"\n"
        n = len(body) + 2
        while len(str(n)) + 1 + len(body) != n:
            n += 1
        text += str(n).encode() + b" " + body
    return header(b"pax", b"%011o\0" % len(text), b"x") + text + bytes(-len(text) % 512) + name


def raw(path, *parts):
    with open(path, "wb") as f:
        for part in parts:
            f.write(part)


def hostile():
    good = member("good", b"good\n")
    # Names that lead out.
    tar("refused-parent.tar", good, member("../evil", b"evil"))
    tar("refused-parent-inside.tar", good, member("a/../../evil", b"evil"))
    tar("refused-parent-end.tar", good, member("a/..", kind=DIR))
    tar("refused-parent-link.tar", good, member("evil", kind=LNK, link="../../etc/passwd"))
    zipped("refused-parent.zip", ("good", b"good\n"), ("../evil", b"evil"))
    zipped("refused-parent-deep.zip", ("good", b"good\n"), ("a/b/../../../evil", b"evil"))
    # Absolute names lose their slash; symlinks are data, wherever they point.
    tar("kept-absolute.tar", good, member("/etc/evil", b"evil"), member("//./x//y", b"y"))
    zipped("kept-absolute.zip", ("good", b"good\n"), ("/etc/evil", b"evil"))
    tar("kept-symlink.tar", good, member("out", kind=SYM, link="/etc"), member("up", kind=SYM, link="../../.."))
    # A file through a symlink: it must not be followed, nor may the tree have both.
    tar("refused-through-symlink.tar", good, member("out", kind=SYM, link="/tmp"), member("out/evil", b"evil"))
    tar("refused-below-file.tar", good, member("f", b"f"), member("f/g", b"g"))
    # Hard links.
    tar("refused-link-nowhere.tar", good, member("l", kind=LNK, link="none"))
    tar("refused-link-absolute.tar", good, member("l", kind=LNK, link="/etc/passwd"))
    tar("refused-link-self.tar", good, member("l", kind=LNK, link="l"))
    tar("refused-link-cycle.tar", good, member("a", kind=LNK, link="b"), member("b", kind=LNK, link="a"))
    tar("refused-link-later.tar", good, member("a", kind=LNK, link="b"), member("b", b"b"))
    tar("refused-link-dir.tar", good, member("d", kind=DIR, mode=0o755), member("l", kind=LNK, link="d"))
    tar("kept-link-chain.tar", good, member("a", b"abc"), member("b", kind=LNK, link="a"), member("c", kind=LNK, link="b"))
    tar("kept-link-again.tar", good, member("a", b"one"), member("b", kind=LNK, link="a"), member("a", b"two!"))
    # Twice.
    tar("kept-twice.tar", good, member("a", b"one"), member("a", b"second"))
    tar("kept-twice-dir.tar", good, member("a", kind=DIR, mode=0o755), member("a/b", b"b"), member("a", kind=DIR, mode=0o700))
    zipped("kept-twice.zip", ("good", b"good\n"), ("a", b"one"), ("a", b"second"))
    # Long names and depth.
    tar("kept-long-255.tar", good, member("n" * 255, b"n"))
    tar("kept-long-765.tar", good, member("\u20ac" * 255, b"n"))
    tar("refused-long-766.tar", good, member("n" * 766, b"n"))
    tar("refused-long-100k.tar", good, member("n" * 100000, b"n"))
    tar("kept-deep-4096.tar", good, member("/".join("d" * 4096), b"n"))
    tar("refused-deep-4097.tar", good, member("/".join("d" * 4097), b"n"))
    tar("refused-deep-200k.tar", good, member("/".join("d" * 200000), b"n"))
    tar("kept-target-4095.tar", good, member("l", kind=SYM, link="t" * 4095))
    tar("refused-target-100k.tar", good, member("l", kind=SYM, link="t" * 100000))
    tar("refused-target-empty.tar", good, member("l", kind=SYM, link=""))
    raw("refused-root-file.tar", header(b"./", b"%011o\0" % 1), b"x" + bytes(511), END)
    # Numbers.
    raw("refused-size-overflow.tar", header(b"big", base256((1 << 63) - 1)), b"x" * 512, END)
    raw("refused-size-negative.tar", header(b"neg", b"\xff" * 12), b"x" * 512, END)
    raw("refused-size-huge.tar", header(b"big", base256(1 << 60)), b"x" * 512, END)
    raw("refused-size-pax.tar", pax(header(b"big"), size=b"9223372036854775807"), b"x" * 512, END)
    raw("refused-owner.tar", pax(header(b"own"), uid=b"4294967296"), END)
    raw("kept-owner.tar", pax(header(b"own"), uid=b"4294967295", gid=b"4294967294"), END)
    raw("kept-time.tar", pax(header(b"early"), mtime=b"-5000000000"), pax(header(b"late"), mtime=b"99999999999.999999999"), END)
    # A sparse file of 2 GiB, none of them there.
    hole = header(b"hole", b"%011o\0" % 512)
    raw("kept-sparse.tar", pax(hole, GNU_sparse_major=b"1", GNU_sparse_minor=b"0", GNU_sparse_name=b"hole",
                               GNU_sparse_realsize=b"%d" % (1 << 31)), b"0\n" + bytes(510), END)
    # Attributes.
    big = b"v" * 70000
    raw("refused-xattr-long.tar", pax(header(b"x"), **{"SCHILY_xattr_user_big": big}), END)
    # Cut short.
    tar("kept-whole.tar", good, member("a", b"a" * 100000), member("b", b"b" * 100000))
    data = open("kept-whole.tar", "rb").read()
    for cut in (1, 300, 511, 1300, 1600, 50000, 120000):
        raw("refused-cut-%d.tar" % cut, data[:cut])
    packed = gzip.compress(data, mtime=0)
    for cut in (1, 9, 20, len(packed) // 2):
        raw("refused-cut-%d.tar.gz" % cut, packed[:cut])
    for name, pack in (("xz", lzma.compress), ("bz2", bz2.compress)):
        packed = bytearray(pack(os.urandom(3) + data))
        packed[len(packed) // 2] ^= 0x55
        raw("refused-flip.tar." + name, packed)
    zipped("kept-whole.zip", ("a", b"a" * 1000), ("b", os.urandom(3000)))
    data = open("kept-whole.zip", "rb").read()
    raw("refused-cut.zip", data[:len(data) // 2])
    flip = bytearray(data)
    flip[data.index(b"b", 100) + 200] ^= 1
    raw("refused-flip.zip", flip)
    with zipfile.ZipFile("encrypted", "w") as z:
        z.writestr("secret", b"secret")
    data = bytearray(open("encrypted", "rb").read())
    os.unlink("encrypted")
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    raw("refused-encrypted.zip", data)
    # Names that are not text.
    raw("kept-bytes.tar", header(b"\xff\xfe\x01name"), header(b"new\nline"), END)
    raw("refused-empty-name.tar", header(b""), END)
    # Nothing in it.
    tar("refused-empty.tar")
    zipped("refused-empty.zip")
    raw("refused-empty.tar.gz", gzip.compress(END))
    raw("refused-empty.deb", b"!<arch>\n")
    raw("refused-ar.deb", b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (b"x", 0, 0, 0, 0o644, 2) + b"x\n")
    raw("refused-no-data.deb", b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8o%-10d`\n" % (b"debian-binary", 0, 0, 0, 0o644, 4) + b"2.0\n")
    # 3 GiB of zeros in 3 MB, and a header that promises 8 EiB to a gzip of nothing.
    with gzip.open("kept-bomb.tar.gz", "wb", compresslevel=1) as f:
        f.write(header(b"zeros", base256(3 << 30)))
        for _ in range(3 << 10):
            f.write(bytes(1 << 20))
        f.write(END)


os.chdir(sys.argv[1])
hostile()
