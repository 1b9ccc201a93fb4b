"""What varve is compared with: each peer is one file or directory made from the toolchains of a corpus, once, and kept.

A peer is made under another name and renamed when it is whole, so what is there is whole.  peers.tsv beside them says what each
is and what it cost: name, what it is, bytes, wall seconds, CPU seconds, peak MiB, load when it began.
"""
import os
import shutil
import subprocess
import time

COLUMNS = "name what bytes wall_s cpu_s peak_mib load".split()


def trees_of(corpus):
    """The toolchains of a corpus; what begins with a dot is downloads."""
    if not os.path.isdir(corpus):
        return []
    return sorted(t for t in os.listdir(corpus) if not t.startswith(".") and os.path.isdir(os.path.join(corpus, t)))


class Peer:
    """How to make one; commands(new) lists the argument vectors that make the file or directory `new`."""

    def __init__(self, name, what, program, commands):
        self.name, self.what, self.program, self.commands = name, what, program, commands


def all_peers(corpus, trees, work, varve, quick):
    """In the order to make them.  quick: the least levels, for trying the harness; sizes then say nothing."""
    jobs = str(os.cpu_count())
    left_out = sorted(set(os.listdir(corpus)) - set(trees))

    def squashfs(*options):
        return lambda new: [["mksquashfs", *trees, new, "-noappend", "-no-progress", "-quiet", "-all-root", "-no-xattrs",
                             "-processors", jobs, *options]]

    def erofs(*options):
        return lambda new: [["mkfs.erofs", "--quiet", "--all-root", "-x-1", *("--exclude-path=" + name for name in left_out),
                             *options, new, corpus]]

    def store(new):
        level = ["--level", "3"] if quick else []
        return [[varve, "init", new]] + [[varve, "pack", "-q", *level, "-s", new, t, os.path.join(corpus, t)] for t in trees]

    def wim(new):
        exclude = os.path.join(work, ".wim.ini")
        with open(exclude, "w") as f:
            f.write("[ExclusionList]\n" + "".join("/%s\n" % name for name in left_out))
        return [["wimlib-imagex", "capture", corpus, new, "--compress=LZX", "--threads=" + jobs, "--unix-data", "--no-acls",
                 "--config=" + exclude]]

    level, lz4 = ("3", ["-comp", "lz4"]) if quick else ("15", ["-comp", "lz4", "-Xhc"])
    erofs_lz4 = "lz4" if quick else "lz4hc,12"
    return [
        Peer("varve", "varve store" + (", level 3" if quick else ""), varve, store),
        Peer("squashfs", "squashfs zstd-%s 128K" % level, "mksquashfs",
             squashfs("-comp", "zstd", "-Xcompression-level", level, "-b", "128K")),
        Peer("erofs-lz4", "EROFS %s 64K" % erofs_lz4.split(",")[0], "mkfs.erofs", erofs("-z" + erofs_lz4, "-C65536")),
        Peer("erofs-raw", "EROFS uncompressed", "mkfs.erofs", erofs()),
        Peer("squashfs-lz4", "squashfs %s 128K" % ("lz4" if quick else "lz4hc"), "mksquashfs", squashfs(*lz4, "-b", "128K")),
        Peer("wim", "WIM LZX", "wimlib-imagex", wim),
    ]


def size_of(path):
    """Bytes of a file, or of all files below a directory."""
    if not os.path.isdir(path):
        return os.stat(path).st_size
    return sum(os.lstat(os.path.join(d, f)).st_size for d, _, files in os.walk(path) for f in files)


def run(commands, cwd, log):
    """Run one after the other; return CPU seconds and the peak MiB of the largest."""
    cpu = peak = 0
    for command in commands:
        child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise subprocess.CalledProcessError(child.returncode, command)
        cpu += used.ru_utime + used.ru_stime
        peak = max(peak, used.ru_maxrss // 1024)
    return cpu, peak


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def make(peer, corpus, work):
    """Make one peer if it is not there; True if it is there now."""
    final, new = os.path.join(work, peer.name), os.path.join(work, "." + peer.name + ".new")
    if os.path.exists(final):
        return True
    if not shutil.which(peer.program):
        return False
    remove(new)
    load, start = os.getloadavg()[0], time.monotonic()
    log_path = os.path.join(work, peer.name + ".log")
    try:
        with open(log_path, "w") as log:
            cpu, peak = run(peer.commands(new), corpus, log)
    except subprocess.CalledProcessError as e:
        remove(new)
        raise SystemExit("peers: %s was not made, see %s: %s" % (peer.name, log_path, " ".join(e.cmd[:2])))
    wall = time.monotonic() - start
    os.rename(new, final)
    os.unlink(log_path)
    row = [peer.name, peer.what, str(size_of(final)), "%.1f" % wall, "%.1f" % cpu, str(peak), "%.1f" % load]
    with open(os.path.join(work, "peers.tsv"), "a") as f:
        f.write("\t".join(row) + "\n")
    return True


def read(work):
    """name -> what is known of it, for the peers that are there."""
    try:
        with open(os.path.join(work, "peers.tsv")) as f:
            rows = [dict(zip(COLUMNS, line.rstrip("\n").split("\t"))) for line in f]
    except FileNotFoundError:
        return {}
    return {r["name"]: r for r in rows if os.path.exists(os.path.join(work, r["name"]))}
