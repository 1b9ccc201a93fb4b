#!/usr/bin/python3
"""newer.py - turn an object of a store into one of a newer version, with right checksums.

    newer.py record FILE      `varve <kind> 1` becomes 2
    newer.py image FILE       the trailer of a tree, or of a pack's index, says 2
    newer.py unknown FILE     a record gets a key that begins with `needs-`
"""
import os
import struct
import sys

import xxhash


def record(text, unknown):
    lines = text.split(b"\n")[:-2]  # without the sum line
    if unknown:
        lines.append(b"needs-wings yes")
    else:
        lines[0] = lines[0][:-1] + b"2"
    text = b"".join(line + b"\n" for line in lines)
    return text + b"sum " + xxhash.xxh3_64_hexdigest(text).encode() + b"\n"


def image(data):
    trailer = bytearray(data[-64:])
    struct.pack_into("<I", trailer, 8, 2)
    struct.pack_into("<Q", trailer, 56, xxhash.xxh3_64_intdigest(bytes(trailer[:56])))
    return data[:-64] + bytes(trailer)


kind, path = sys.argv[1:]
with open(path, "rb") as f:
    data = f.read()
data = image(data) if kind == "image" else record(data, kind == "unknown")
os.unlink(path)
with open(path, "wb") as f:
    f.write(data)
