#!/usr/bin/python3
"""damage.py - harm one object of a store at a time and see that nothing else suffers.

    damage.py VARVE GOOD STORE MOUNTPOINT REF...

GOOD is a store that is whole, STORE where damaged copies of it are made; each REF was packed from a directory of
that name.  For each kind of object and each harm: `varve verify` names the object and exits 1; in a mount every file
either reads as the original or says EIO (or is not there, if the harm was to names); other refs are whole; the
server lives.  Prints what failed.
"""
import errno
import os
import random
import shutil
import subprocess
import sys

VARVE, GOOD, STORE, MNT = sys.argv[1:5]
REFS = sys.argv[5:]
random_ = random.Random(4711)
failed = 0


def fail(what):
    global failed
    failed += 1
    print("failed:", what, flush=True)


def run(*args, timeout=30):
    env = dict(os.environ, VARVE_STORE=STORE)
    return subprocess.run([VARVE, *args], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)


def objects(kind):
    found = []
    for top, _, files in os.walk(os.path.join(GOOD, kind)):
        found += [os.path.relpath(os.path.join(top, f), GOOD) for f in files]
    return sorted(found)


def restore(*keys):
    """Fresh copies of these objects; the whole store costs more."""
    for key in keys:
        path = os.path.join(STORE, key)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif os.path.exists(path):
            os.unlink(path)
        shutil.copy2(os.path.join(GOOD, key), path)


def rewrite(key, change):
    path = os.path.join(STORE, key)
    with open(path, "rb") as f:
        data = bytearray(f.read())
    os.unlink(path)
    data = change(data)
    with open(path, "wb") as f:
        f.write(data)


def cut(share):
    return "cut to %s" % share, lambda key: rewrite(key, lambda d: d[:int(len(d) * share)])


def cut_end(n):
    return "without its last %d" % n, lambda key: rewrite(key, lambda d: d[:-n])


def grow(key):
    rewrite(key, lambda d: d + b"x" * 100)


def flip(where, count=1):
    def change(data):
        for _ in range(count):
            at = int(where * len(data)) if where is not None else random_.randrange(len(data))
            data[min(at, len(data) - 1)] ^= 1 << random_.randrange(8)
        return data
    return "%d bit(s) flipped at %s" % (count, where), lambda key: rewrite(key, change)


def zero(begin, end):
    def change(data):
        a, b = int(begin * len(data)), int(end * len(data))
        data[a:b] = bytes(b - a)
        return data
    return "zeros at %s-%s" % (begin, end), lambda key: rewrite(key, change)


def delete(key):
    os.unlink(os.path.join(STORE, key))


def become_directory(key):
    delete(key)
    os.mkdir(os.path.join(STORE, key))


HARMS = [cut(0), cut(0.01), cut(0.5), cut(0.99), cut_end(1), cut_end(64), cut_end(4096), ("with a tail", grow),
         ("deleted", delete), ("a directory", become_directory), zero(0.2, 0.3), zero(0.95, 1),
         flip(0), flip(0.5), flip(0.999), flip(None, 3), flip(None, 100)] + [flip(None)] * 12


def read(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while True:
            piece = os.read(fd, 1 << 20)
            if not piece:
                return data
            data += piece
    finally:
        os.close(fd)


def check_ref(ref, name, what):
    """How many of its entries cannot be used; wrong ones are failures."""
    lost = 0
    for top, dirs, files in os.walk(ref):
        for entry in dirs + files:
            original = os.path.join(top, entry)
            shown = os.path.join(MNT, name, os.path.relpath(original, ref))
            try:
                if os.path.islink(original):
                    good = os.readlink(shown) == os.readlink(original)
                elif os.path.isdir(original):
                    good = sorted(os.listdir(shown)) == sorted(os.listdir(original))
                else:
                    good = read(shown) == read(original)
                if not good:
                    fail("%s: %s is wrong" % (what, shown))
            except OSError as e:
                lost += 1
                if e.errno not in (errno.EIO, errno.ENOENT):
                    fail("%s: %s: %s" % (what, shown, e.strerror))
                if e.errno == errno.ENOENT and "packs" in what:
                    fail("%s: %s is gone" % (what, shown))
    return lost


def mounted(what, whole):
    r = subprocess.run([VARVE, "mount", MNT], env=dict(os.environ, VARVE_STORE=STORE), stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
    if r.returncode:
        return fail("%s: mount: status %d" % (what, r.returncode))
    try:
        for ref, name in whole:
            if check_ref(ref, name, what):
                fail("%s: %s suffers and has no part in it" % (what, name))
        lost = sum(check_ref(ref, ref, what) for ref in REFS)
        os.statvfs(MNT)
        os.listdir(MNT)
        return lost
    except OSError as e:
        fail("%s: the mount: %s" % (what, e.strerror))
    finally:
        r = run("unmount", MNT)
        if r.returncode:
            fail("%s: unmount: %s" % (what, r.stderr.decode()))
            subprocess.run(["umount", "-l", MNT])


def packs_of(ref):
    """The packs that only this ref needs: found by taking each away."""
    needs = set()
    for key in objects("packs"):
        os.rename(os.path.join(STORE, key), os.path.join(STORE, "aside"))
        if run("verify", "-q", ref).returncode:
            needs.add(key)
        os.rename(os.path.join(STORE, "aside"), os.path.join(STORE, key))
    return needs


def verified(key, what):
    r = run("verify", "-j", "2")
    said = r.stdout.decode("utf-8", "replace")
    name = key.split("/", 1)[1] if key.startswith("refs/") else os.path.basename(key)
    if key.startswith("refs/") and r.returncode == 0 and not os.path.isfile(os.path.join(STORE, key)):
        return  # a ref that is not there is no ref
    if r.returncode != 1:
        fail("%s: verify: status %d: %s" % (what, r.returncode, said[:300]))
    elif not os.path.isfile(os.path.join(STORE, key)) and key.startswith("packs/"):
        if "no pack has it" not in said:  # nothing names a pack: what is missing is blobs
            fail("%s: verify does not miss its blobs: %s" % (what, said[:600]))
    elif name not in said:
        fail("%s: verify does not name it: %s" % (what, said[:600] + r.stderr.decode()[:300]))
    if r.stderr.count(b"\n") > 1:
        fail("%s: verify says more than one line on stderr: %s" % (what, r.stderr[:600]))


needs = {ref: packs_of(ref) for ref in REFS}
silent = 0
for kind in ("packs", "trees", "refs"):
    for number, (title, harm) in enumerate(HARMS):
        keys = objects(kind)
        key = keys[number % len(keys)]
        what = "%s %s" % (key[:24], title)
        try:
            harm(key)
            verified(key, what)
            whole = [(r, r) for r in REFS if kind == "packs" and key not in needs[r]]
            if kind == "refs":
                whole = [(r, r) for r in REFS if key != "refs/" + r]
            lost = mounted(what, whole)
            silent += lost == 0
            for verb in (("gc", "--grace", "0"), ("df",), ("ls",), ("diff", *REFS[:2]), ("gc", "-n", "--grace", "0")):
                r = run(*verb)
                if r.returncode not in (0, 1):
                    fail("%s: %s: status %d" % (what, verb[0], r.returncode))
        except subprocess.TimeoutExpired as e:
            fail("%s: %s hangs" % (what, e.cmd))
        if kind == "refs" or not all(os.path.exists(os.path.join(STORE, k)) for k in objects("packs") + objects("trees")):
            shutil.rmtree(STORE)
            shutil.copytree(GOOD, STORE, symlinks=True)
        else:
            restore(key)
r = run("verify", "-q")
if r.returncode:
    fail("what was restored is not whole: %s" % r.stdout.decode())
sys.exit(failed != 0)
