#!/usr/bin/python3
"""varve_reader.py - a second reader of Varve stores, written from docs/format.md alone.

    varve_reader.py STORE ls              names of the refs, with what they hold
    varve_reader.py STORE extract REF DIR makes DIR and puts the tree of REF into it
    varve_reader.py STORE verify          reads everything there is

It exists to prove that the document is enough: it shares no code with varve, reads one
thing after the other, and believes nothing that it has not checked.  Numbers in comments
are sections of the document.  Needs python3-zstandard; checks checksums with
python3-xxhash, if that is there, and ids always.
"""
import hashlib
import os
import re
import stat
import struct
import sys

import zstandard

try:
    import xxhash
except ImportError:
    xxhash = None

NONE = 0xFFFFFFFF
PAGE = 4096
FRAME_MAX, SLICE_MAX, WINDOW_MAX = 256 * 1024, 64 * 1024, 512 * 1024
NAME_MAX, TARGET_MAX, DEPTH_MAX, SIZE_MAX = 765, 65535, 4096, 1 << 62
COUNT_MAX = (1 << 31) - 1
LINK = 0x80000000
HEX_ID = re.compile(r"[0-9a-f]{64}")
BRANCH = re.compile(rb"[\xe8\xe9].{4}", re.DOTALL)


class Bad(Exception):
    """The store says something that the document does not allow."""


def need(holds, what):
    if not holds:
        raise Bad(what)


def blake(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def check_sum(data, expected, what):
    if xxhash:
        need(xxhash.xxh3_64_intdigest(data) == expected, what + ": wrong checksum")


# ---- 2: keys ----

def encode_ref(name):
    """The key behind refs/ of a ref name (bytes)."""
    need(0 < len(name) <= 1000, "ref name: empty or too long")
    pieces = []
    for part in name.split(b"/"):
        need(0 < len(part) <= 255 and part not in (b".", b".."), "ref name: bad part")
        need(not re.search(rb"[\x00-\x1f@:]", part), "ref name: bad byte")
        piece = ""
        for byte in part:
            plain = re.fullmatch(rb"[a-z0-9+_.-]", bytes([byte]))
            if len(piece) + (1 if plain else 3) > 200:
                pieces.append(piece + "%")
                piece = ""
            if plain and not (byte == 0x2E and piece == ""):
                piece += chr(byte)
            else:
                piece += "%%%02X" % byte
        pieces.append(piece)
    key = "/".join(pieces)
    need(len(key) <= 1000, "ref name: key too long")
    return key


def decode_ref(key):
    joined = key.replace("%/", "").encode("ascii", "replace")
    name = re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), joined)
    need(encode_ref(name) == key, "refs/%s: not the key of a name" % key)
    return name


# ---- 4: records ----

def parse_record(data, kind):
    """{key: [values]} of a record."""
    need(len(data) <= 16 << 20, "record: too large")
    tail = re.search(rb"\nsum ([0-9a-f]{16})\n\Z", data)
    need(tail, "record: no sum line")
    body = data[:tail.start() + 1]
    check_sum(body, int(tail[1], 16), "record")
    lines = body[:-1].split(b"\n")
    head = re.fullmatch(rb"varve ([a-z0-9-]+) ([1-9][0-9]*)", lines[0])
    need(head and head[1] == kind.encode(), "record: not a " + kind)
    need(head[2] == b"1", "record: made by a newer version")
    out = {}
    for line in lines[1:]:
        m = re.fullmatch(rb"([a-z0-9-]{1,32}) ([^\0]{0,4096})", line)
        need(m, "record: bad line")
        need(not m[1].startswith(b"needs-"), "record: made by a newer version")
        out.setdefault(m[1].decode(), []).append(m[2])
    return out


def one(record, key, pattern=rb".*"):
    values = record.get(key, [])
    need(values and re.fullmatch(pattern, values[0]), "record: bad or missing " + key)
    return values[0]


# ---- 5: images ----

def parse_image(data, kind):
    """The body of an image that is all of data."""
    need(len(data) >= 64, "image: too short")
    trailer = data[-64:]
    (magic, version, its_kind, size, body_size, pages, zero, sums_sum, zero2,
     trailer_sum) = struct.unpack("<8sIIQQIIQQQ", trailer)
    need(magic == b"VARVEIMG", "image: wrong magic")
    check_sum(trailer[:56], trailer_sum, "image trailer")
    need(version <= 1, "image: made by a newer version")
    need(version == 1 and its_kind == kind and zero == 0 and zero2 == 0, "image: trailer")
    need(1 <= pages <= 1 << 28 and size == pages * (PAGE + 8) + 64 == len(data),
         "image: wrong size")
    need((pages - 1) * PAGE < body_size <= pages * PAGE, "image: wrong body size")
    sums = data[pages * PAGE:-64]
    check_sum(sums, sums_sum, "image sums")
    for i, page_sum in enumerate(struct.unpack("<%dQ" % pages, sums)):
        check_sum(data[i * PAGE:(i + 1) * PAGE], page_sum, "page %d" % i)
    need(not any(data[body_size:pages * PAGE]), "image: padding")
    return data[:body_size]


def sections(body, offsets, sizes, end, what):
    """Sections end to end behind the header, each at a multiple of 8, fill the body."""
    out = []
    for offset, size in zip(offsets, sizes):
        start = -(-end // 8) * 8
        need(offset == start, what + ": a section is not where it must be")
        need(not any(body[end:start]), what + ": padding")
        end = start + size
        need(end <= len(body), what + ": a section lies outside")
        out.append(memoryview(body)[start:end])
    need(end == len(body), what + ": bytes after the last section")
    return out


# ---- 6.1: folded names ----

def load_upcase():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        "../../src/core/upcase_table.h")
    table = list(range(0x10000))
    with open(path, encoding="utf-8") as file:
        runs = re.findall(r"\{ (0x\w{4}), (0x\w{4}), (\d), (0x\w{4}) \}", file.read())
    for first, last, step, delta in runs:
        for unit in range(int(first, 16), int(last, 16) + 1, int(step)):
            table[unit] = unit + int(delta, 16) & 0xFFFF
    return table


UPCASE = load_upcase()


def fold(name):
    units = []
    at = 0
    while at < len(name):
        for length in range(1, 5):
            try:
                char = name[at:at + length].decode("utf-8", "surrogatepass")
                break
            except UnicodeDecodeError:
                char = None
        if char is None:
            units.append(0xDC00 + name[at])
            length = 1
        else:
            wide = char.encode("utf-16-le", "surrogatepass")
            units += [UPCASE[u] for u in struct.unpack("<%dH" % (len(wide) // 2), wide)]
        at += length
    return units


# ---- 6: trees ----

class Entry:
    """One entry; of a further hard link, first is the entry that has the data."""
    __slots__ = ("name", "attr", "data", "aux", "size", "first", "mode", "uid", "gid",
                 "mtime_ns", "extras", "parent", "children", "blob", "target")


class Tree:
    def __init__(self, data):
        body = parse_image(data, 1)
        need(len(body) >= 128, "tree: too short")
        h = struct.unpack("<8sIIIIIIQQQQQQQQQQQQ", body[:128])
        need(h[0] == b"VARVETRE", "tree: wrong magic")
        need(h[1] <= 1, "tree: made by a newer version")
        need(h[1] == 1 and h[2] == 0 and h[6] == 0, "tree: header")
        entries, attrs, blobs = h[3:6]
        need(1 <= entries <= COUNT_MAX and attrs <= entries and blobs <= entries,
             "tree: counts")
        offsets = (h[7], h[8], h[9], h[10], h[11], h[13], h[15])
        sizes = (entries * 24, entries * 4, attrs * 40, blobs * 32, h[12], h[14], h[16])
        (rows, folded, attr_rows, blob_ids, self.names, self.targets,
         self.extras) = sections(body, offsets, sizes, 128, "tree")
        self.file_count, self.file_bytes = h[17:19]
        self.folded = struct.unpack("<%dI" % entries, folded)
        self.blobs = [bytes(blob_ids[i * 32:i * 32 + 32]) for i in range(blobs)]
        self.lists = {}
        self.attrs = [self.read_attr(row) for row in struct.iter_unpack("<IIIIqQQ", attr_rows)]
        need(len(set(self.attrs)) == attrs, "tree: attributes twice")
        need(len(set(self.blobs)) == blobs, "tree: a blob id twice")
        self.check_lists()
        self.read_entries(list(struct.iter_unpack("<IIIIQ", rows)))
        self.check_structure()
        self.check_folded()

    def read_attr(self, row):
        mode, uid, gid, nsec, sec, extras, zero = row
        need(mode <= 0o177777 and nsec <= 999999999 and zero == 0, "tree: attributes")
        if extras and extras - 1 not in self.lists:
            self.lists[extras - 1] = self.read_list(extras - 1)
        return mode, uid, gid, sec * 10**9 + nsec, extras

    def read_list(self, at):
        """The items of a list of extras, and its end (6.3)."""
        items = []
        need(at % 8 == 0, "extras: not aligned")
        while True:
            need(at + 8 <= len(self.extras), "extras: outside")
            kind, name_size, value_size = struct.unpack("<HHI", self.extras[at:at + 8])
            if kind == 0:
                need(items and name_size == value_size == 0, "extras: bad end")
                return items, at + 8
            end = at + 8 + name_size + value_size
            need(value_size <= 1 << 20 and end <= len(self.extras), "extras: outside")
            name = bytes(self.extras[at + 8:at + 8 + name_size])
            need(kind != 1 or (1 <= name_size <= 255 and value_size <= 65536
                               and b"\0" not in name), "extras: bad xattr")
            need(not items or items[-1][:2] < (kind, name), "extras: not sorted")
            items.append((kind, name, bytes(self.extras[end - value_size:end])))
            at = -(-end // 8) * 8
            need(not any(self.extras[end:at]), "extras: padding")

    def check_lists(self):
        end = 0
        for start, (_, after) in self.lists.items():  # in order of first use
            need(start == end, "extras: not in order")
            end = after
        need(end == len(self.extras), "extras: not all used")
        contents = [bytes(self.extras[a:b]) for a, (_, b) in self.lists.items()]
        need(len(set(contents)) == len(contents), "extras: a list twice")

    def read_entries(self, rows):
        self.entries = []
        attrs_used = 0
        ends = [row[0] for row in rows[1:]] + [len(self.names)]
        need(rows[0][0] == 0, "names do not begin at 0")
        for index, (row, end) in enumerate(zip(rows, ends)):
            e = Entry()
            start, attr, e.data, e.aux, e.size = row
            need(start <= end <= len(self.names), "entry %d: name outside" % index)
            e.name = bytes(self.names[start:end])
            need(len(e.name) <= NAME_MAX and not re.search(rb"[/\0]", e.name)
                 and e.name not in (b".", b"..") and (index == 0) == (e.name == b""),
                 "entry %d: not a name" % index)
            e.attr, e.first = attr & ~LINK, index
            need(e.attr < len(self.attrs), "entry %d: attributes outside" % index)
            e.mode, e.uid, e.gid, e.mtime_ns, e.extras = self.attrs[e.attr]
            if attr & LINK:
                need(e.data < index and e.aux == e.size == 0, "entry %d: bad link" % index)
                first = self.entries[e.data]
                need(first.first == e.data and first.attr == e.attr
                     and not stat.S_ISDIR(e.mode), "entry %d: bad link" % index)
                e.first = e.data
            else:
                need(e.attr <= attrs_used, "attributes not in order of first use")
                attrs_used = max(attrs_used, e.attr + 1)
            self.entries.append(e)
        need(attrs_used == len(self.attrs), "attributes that nothing uses")
        need(stat.S_ISDIR(self.entries[0].mode), "the root is not a directory")

    def check_structure(self):
        """Runs, parents, link counts, and everything that comes in order of first use."""
        runs, blobs, targets, files, total = 1, 0, 0, 0, 0
        links, blob_sizes, depth = {}, {}, {0: 0}
        for index, e in enumerate(self.entries):
            where = "entry %d: " % index
            e.blob = e.target = None
            e.children = range(0)
            files += stat.S_ISREG(e.mode)
            links[e.first] = links.get(e.first, 0) + 1
            if e.first != index:
                continue
            if stat.S_ISDIR(e.mode):
                e.parent = e.size & NONE
                need(e.data == (runs if e.aux else 0), where + "children out of place")
                runs += e.aux
                need(runs <= len(self.entries), where + "children outside")
                e.children = range(e.data, e.data + e.aux)
                children = [self.entries[c] for c in e.children]
                need(all(a.name < b.name for a, b in zip(children, children[1:])),
                     where + "children out of order")
                subdirs = [c for c in e.children if stat.S_ISDIR(self.entries[c].mode)]
                need(e.size >> 32 == len(subdirs), where + "sub-directories miscounted")
                need(all(self.entries[c].size & NONE == index for c in subdirs),
                     where + "not the parent of its directories")
                depth.update((c, depth[index] + 1) for c in e.children)
                need(depth[index] < DEPTH_MAX or not e.aux, where + "too deep")
            elif stat.S_ISREG(e.mode):
                need(e.size <= SIZE_MAX, where + "size")
                total += e.size
                if e.size == 0:
                    need(e.data == NONE, where + "empty, with a blob")
                    continue
                need(e.data <= blobs and e.data < len(self.blobs), where + "blob")
                blobs = max(blobs, e.data + 1)
                e.blob = self.blobs[e.data]
                need(blob_sizes.setdefault(e.blob, e.size) == e.size, where + "blob size")
            elif stat.S_ISLNK(e.mode):
                need(e.data == targets and 1 <= e.size <= TARGET_MAX, where + "target")
                targets += e.size
                e.target = bytes(self.targets[e.data:targets])
                need(len(e.target) == e.size and b"\0" not in e.target, where + "target")
            else:
                device = stat.S_ISCHR(e.mode) or stat.S_ISBLK(e.mode)
                plain = stat.S_ISFIFO(e.mode) or stat.S_ISSOCK(e.mode)
                need(device or (plain and e.size == 0), where + "type")
                need(e.data == 0, where + "data")
        need(runs == len(self.entries), "entries in no directory")
        need(self.entries[0].size & NONE == 0, "the root has a parent")
        need(blobs == len(self.blobs) and targets == len(self.targets), "unused data")
        need((files, total) == (self.file_count, self.file_bytes), "totals")
        for index, e in enumerate(self.entries):
            need(e.first != index or stat.S_ISDIR(e.mode) or e.aux == links[index],
                 "entry %d: links miscounted" % index)

    def check_folded(self):
        need(self.folded[0] == 0, "folded order")
        for e in self.entries:
            names = [(fold(self.entries[c].name), self.entries[c].name, c)
                     for c in e.children]
            expected = tuple(c for _, _, c in sorted(names))
            need(self.folded[e.data:e.data + len(expected)] == expected or not expected,
                 "folded order")


# ---- 7: packs ----

class Pack:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(16)
            need(head[:8] == b"VARVEPCK" and size >= 16 + 64, "pack: wrong magic")
            need(struct.unpack("<II", head[8:16]) == (1, 0), "pack: version")
            file.seek(size - 64 + 16)
            image_size = struct.unpack("<Q", file.read(8))[0]
            need(image_size <= size - 16, "pack: index larger than the file")
            file.seek(size - image_size)
            image = file.read(image_size)
        self.id = blake(image)
        need(self.id.hex() == os.path.basename(path), "pack: not what its name says")
        self.parse(parse_image(image, 2), size - image_size)

    def parse(self, body, index_at):
        need(len(body) >= 72, "pack index: too short")
        (magic, version, flags, frames, blobs, extents, values, *offsets,
         self.end) = struct.unpack("<8sIIIIIIQQQQQ", body[:72])
        need(magic == b"VARVEIDX" and flags == 0, "pack index: header")
        need(version == 1, "pack index: version %d" % version)
        need(self.end >= 16 and -(-self.end // PAGE) * PAGE == index_at, "pack: frames_end")
        frame_rows, blob_rows, extent_rows, sketches = sections(
            body, offsets, (frames * 80, blobs * 48, extents * 16, values * 3), 72,
            "pack index")
        self.frames = list(struct.iter_unpack("<32sQIIQIHHIIQ", frame_rows))
        self.extents = list(struct.iter_unpack("<QII", extent_rows))
        self.by_id = {f[0]: f for f in self.frames}
        need(list(self.by_id) == sorted(self.by_id) and len(self.by_id) == frames,
             "pack index: frames out of order")
        for f in self.frames:
            self.check_frame(*f)
        self.check_sketches(sketches)
        self.blobs = {}
        rows = list(struct.iter_unpack("<32sQII", blob_rows))
        need([r[0] for r in rows] == sorted({r[0] for r in rows}), "blobs out of order")
        after = 0
        for blob_id, size, first, count in rows:
            need(first == after and count >= 1, "blob: extents out of order")
            after += count
            need(after <= extents, "blob: extents outside")
            self.blobs[blob_id] = size, self.check_blob(size, self.extents[first:after])
        need(after == extents, "extents of no blob")

    def check_frame(self, _, offset, stored, plain, checksum, ref, codec, filt, *others):
        need(1 <= plain <= FRAME_MAX and codec <= 1 and filt <= 1 and others[-1] == 0,
             "frame: bad row")
        need(filt == 0 or (codec == 1 and ref == NONE), "frame: filter")
        if offset == 0:
            need(stored == 0 and codec == 0 and ref == NONE, "frame: elsewhere, but stored")
            return
        need(16 <= offset and offset + stored <= self.end, "frame: outside")
        need(stored == plain if codec == 0 else 0 < stored < plain, "frame: stored size")
        if ref != NONE:
            need(codec == 1 and ref < len(self.frames) and self.frames[ref][5] == NONE,
                 "frame: bad reference")

    def check_sketches(self, rows):
        values = [int.from_bytes(rows[i:i + 3], "little") for i in range(0, len(rows), 3)]
        after = 0
        for _, offset, _, _, _, ref, _, _, first, count, _ in self.frames:
            need(first == (after if count else 0) and count <= 256, "sketch: bad place")
            need(count == 0 or (offset and ref == NONE), "sketch: of no base")
            sketch = values[first:first + count]
            need(sketch == sorted(set(sketch)) and len(sketch) == count, "sketch: values")
            after += count
        need(after == len(values), "sketch of no frame")

    def check_blob(self, size, extents):
        """[(frame id or None, offset in it, length)], of all the blob."""
        need(1 <= size <= SIZE_MAX and extents[0][0] == 0, "blob: size or first extent")
        out = []
        ends = [e[0] for e in extents[1:]] + [size]
        for nth, ((start, frame, offset), end) in enumerate(zip(extents, ends)):
            length = end - start
            need(length >= (4096 if nth + 1 < len(extents) else 1), "extent: too short")
            if frame == NONE:
                need(offset == 0, "extent: a hole with an offset")
                out.append((None, 0, length))
                continue
            need(frame < len(self.frames), "extent: no such frame")
            plain = self.frames[frame][3]
            need(offset + length <= plain, "extent: outside its frame")
            need(size <= FRAME_MAX or plain <= SLICE_MAX, "extent: slice too large")
            out.append((self.frames[frame][0], offset, length))
        return out


def undo_branches(data):
    """7.1: the matches do not overlap, so they are the places of the walk."""
    out = bytearray(data)
    for found in BRANCH.finditer(data):
        at = found.start()
        if data[at + 4] in (0, 255):
            n = int.from_bytes(data[at + 1:at + 5], "little") - (at + 5) & 0x1ffffff
            n |= 0xfe000000 if n >> 24 else 0
            out[at + 1:at + 5] = n.to_bytes(4, "little")
    return bytes(out)


# ---- stores ----

class Store:
    def __init__(self, root):
        self.root = root
        parse_record(self.read("varve"), "store")
        self.packs = [Pack(path) for path in self.objects("packs")]
        self.stored = {f[0]: (p, f) for p in self.packs for f in p.frames if f[1]}
        self.blobs = {i: b for p in self.packs for i, b in p.blobs.items()}
        self.last = None, None  # frame id, plain bytes: neighbours share frames

    def read(self, *parts):
        with open(os.path.join(self.root, *parts), "rb") as file:
            return file.read()

    def objects(self, kind):
        """Paths of all trees or packs."""
        for top, dirs, files in os.walk(os.path.join(self.root, kind)):
            dirs[:] = sorted(d for d in dirs if not d.startswith("."))
            for name in sorted(files):
                if HEX_ID.fullmatch(name) and os.path.basename(top) == name[:2]:
                    yield os.path.join(top, name)

    def refs(self):
        top = os.path.join(self.root, "refs")
        for folder, dirs, files in os.walk(top):
            dirs[:] = sorted(d for d in dirs if not d.startswith("."))
            for file in sorted(f for f in files if not f.startswith(".")):
                key = os.path.relpath(os.path.join(folder, file), top)
                yield decode_ref(key), self.ref(key)

    def ref(self, key):
        record = parse_record(self.read("refs", key), "ref")
        need(one(record, "name") == key.encode(), "ref: the name is not the key")
        one(record, "tree", rb"[0-9a-f]{64}")
        one(record, "published", rb"-?[0-9]+")
        return record

    def tree(self, hex_id):
        data = self.read("trees", hex_id[:2], hex_id)
        need(blake(data).hex() == hex_id, "tree: not what its name says")
        return Tree(data)

    def frame(self, frame_id, is_reference=False):
        need(frame_id in self.stored, "frame %s: in no pack" % frame_id.hex())
        pack, row = self.stored[frame_id]
        _, offset, stored, plain, checksum, ref, codec, filt = row[:8]
        need(not is_reference or ref == NONE, "frame: reference of a reference")
        with open(pack.path, "rb") as file:
            file.seek(offset)
            data = file.read(stored)
        need(len(data) == stored, "frame: file too short")
        if codec == 1:
            base = self.frame(pack.frames[ref][0], True) if ref != NONE else None
            data = self.decompress(data, plain, base)
        need(len(data) == plain, "frame: wrong size")
        if filt == 1:
            data = undo_branches(data)
        check_sum(data, checksum, "frame " + frame_id.hex())
        need(blake(data) == frame_id, "frame: not what its id says")
        return data

    @staticmethod
    def decompress(data, plain, base):
        try:
            head = zstandard.get_frame_parameters(data)
            need(head.dict_id == 0 and head.window_size <= WINDOW_MAX
                 and head.content_size == plain, "frame: zstd header")
            dictionary = base and zstandard.ZstdCompressionDict(
                base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
            decoder = zstandard.ZstdDecompressor(dict_data=dictionary).decompressobj()
            out = decoder.decompress(data)
        except zstandard.ZstdError as error:
            raise Bad("frame: " + str(error)) from None
        need(decoder.unused_data == b"", "frame: bytes behind the zstd frame")
        return out

    def blob(self, blob_id, size):
        """Pieces of a blob; the id is checked behind the last one."""
        need(blob_id in self.blobs, "blob %s: in no pack" % blob_id.hex())
        its_size, extents = self.blobs[blob_id]
        need(its_size == size, "blob: wrong size")
        state = hashlib.blake2b(digest_size=32)
        for frame_id, offset, length in extents:
            for piece in self.pieces(frame_id, offset, length):
                state.update(piece)
                yield piece
        need(state.digest() == blob_id, "blob %s: not what its id says" % blob_id.hex())

    def pieces(self, frame_id, offset, length):
        if frame_id is None:
            for start in range(0, length, 1 << 20):
                yield bytes(min(1 << 20, length - start))
            return
        if self.last[0] != frame_id:
            self.last = frame_id, self.frame(frame_id)
        yield self.last[1][offset:offset + length]


# ---- commands ----

def list_refs(store):
    for name, record in store.refs():
        print("%s\t%s files\t%s bytes" % (name.decode("utf-8", "backslashreplace"),
                                          one(record, "files", rb"[0-9]+").decode(),
                                          one(record, "bytes", rb"[0-9]+").decode()))


def make(store, tree, paths, index):
    """Puts one entry that is no directory where paths says."""
    e, path = tree.entries[index], paths[index]
    if e.first != index and not os.path.lexists(paths[e.first]):
        return  # left out
    if e.first != index:
        os.link(paths[e.first], path, follow_symlinks=False)
    elif stat.S_ISREG(e.mode):
        with open(path, "xb") as file:
            for piece in store.blob(e.blob, e.size) if e.blob else ():
                file.write(piece)
    elif stat.S_ISLNK(e.mode):
        os.symlink(e.target, path)
    elif stat.S_ISFIFO(e.mode) or stat.S_ISSOCK(e.mode) or os.geteuid() == 0:
        os.mknod(path, e.mode & ~0o7777 | 0o600, os.makedev(e.size >> 32, e.size & NONE))
    else:
        print("needs root, left out: %r" % path, file=sys.stderr)


def finish(tree, e, path):
    """Owner, mode, xattrs and time; the order matters."""
    if not os.path.lexists(path):
        return
    if os.geteuid() == 0:
        os.chown(path, e.uid, e.gid, follow_symlinks=False)
    if not stat.S_ISLNK(e.mode):
        os.chmod(path, e.mode & 0o7777)
    for kind, name, value in tree.lists[e.extras - 1][0] if e.extras else ():
        try:
            if kind == 1:
                os.setxattr(path, name, value, follow_symlinks=False)
        except OSError as error:
            print("xattr %r of %r: %s" % (name, path, error), file=sys.stderr)
    os.utime(path, ns=(e.mtime_ns, e.mtime_ns), follow_symlinks=False)


def extract(store, name, target):
    record = store.ref(encode_ref(os.fsencode(name)))
    tree = store.tree(one(record, "tree").decode())
    os.mkdir(target, 0o700)  # new, so nothing in it leads elsewhere
    paths = {0: os.fsencode(os.path.abspath(target))}
    for index, e in enumerate(tree.entries):
        if index and stat.S_ISDIR(e.mode):
            os.mkdir(paths[index], 0o700)
        elif index:
            make(store, tree, paths, index)
        paths.update((c, os.path.join(paths[index], tree.entries[c].name))
                     for c in e.children)
    for index in reversed(range(len(tree.entries))):
        if tree.entries[index].first == index:
            finish(tree, tree.entries[index], paths[index])


def verify(store):
    trees, frames = {}, 0
    for path in store.objects("trees"):
        trees[os.path.basename(path)] = store.tree(os.path.basename(path))
    for name, record in store.refs():
        need(one(record, "tree").decode() in trees, "ref %r: its tree is missing" % name)
    for frame_id in store.stored:
        store.frame(frame_id)
        frames += 1
    blobs = {e.blob: e.size for t in trees.values() for e in t.entries if e.blob}
    blobs.update((i, size) for i, (size, _) in store.blobs.items())
    for blob_id, size in blobs.items():
        for _ in store.blob(blob_id, size):
            pass
    print("%d trees, %d packs, %d frames, %d blobs: good%s" %
          (len(trees), len(store.packs), frames, len(blobs),
           "" if xxhash else " (checksums not checked: no python3-xxhash)"))


def main(args):
    commands = {("ls", 2): list_refs, ("extract", 4): extract, ("verify", 2): verify}
    command = len(args) > 1 and commands.get((args[1], len(args)))
    if not command:
        sys.exit(__doc__)
    try:
        command(Store(args[0]), *args[2:])
    except (Bad, OSError) as error:
        sys.exit("varve_reader: %s" % error)


if __name__ == "__main__":
    main(sys.argv[1:])
