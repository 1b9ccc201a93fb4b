#!/usr/bin/python3
"""manifest.py DIR - one line for everything below DIR, to compare two directories as text.

A line: path, type, mode, owner, size, mtime in ns, content, xattrs; separated by tabs.
Content is the SHA-256 of a file and the target of a symlink.  A further name of a file
says `= first name` there.  Bytes that are not plain ASCII are percent-encoded.
"""
import hashlib
import os
import stat
import sys
import urllib.parse

TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink",
         stat.S_IFIFO: "fifo"}
firsts = {}


def quote(data):
    return urllib.parse.quote(data, safe="/ ")


def content(path, info, name):
    first = firsts.setdefault(info.st_ino, name)
    if first != name:
        return "= " + quote(first)
    if stat.S_ISLNK(info.st_mode):
        return quote(os.readlink(path))
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    return "-"


def xattrs(path):
    names = (os.fsencode(n) for n in os.listxattr(path, follow_symlinks=False))
    return " ".join("%s=%s" % (quote(n), os.getxattr(path, n, follow_symlinks=False).hex())
                    for n in sorted(names) if n.startswith(b"user.")) or "-"


def tell(path, name):
    info = os.lstat(path)
    is_sized = stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)
    print(quote(name), TYPES[stat.S_IFMT(info.st_mode)], "%04o" % stat.S_IMODE(info.st_mode),
          "%d:%d" % (info.st_uid, info.st_gid), info.st_size if is_sized else "-",
          info.st_mtime_ns, content(path, info, name), xattrs(path), sep="\t")
    if stat.S_ISDIR(info.st_mode):
        for child in sorted(os.listdir(path)):
            tell(os.path.join(path, child), os.path.join(name, child) if name else child)


tell(os.fsencode(sys.argv[1]), b"")
