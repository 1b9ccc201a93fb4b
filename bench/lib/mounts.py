"""The candidates of a comparison: how each is mounted, unmounted, and which processes serve it.

Every candidate shows the same toolchains below `root`.  mount() returns when it can be used; unmount() returns when it is gone, and
its serving process with it, so that nothing stays warm.  A plain directory does neither: only the caches are dropped under it.
"""
import ctypes
import json
import os
import shlex
import shutil
import subprocess
import time

PATIENCE_S = 20
MS_RDONLY = 1
PRIVATE = "RssAnon", "RssShmem"  # what a process holds that is no page of a file
libc = ctypes.CDLL(None, use_errno=True)


class MountFailed(Exception):
    pass


def run(command, group=None):
    """Run a command that mounts or unmounts, inside a cgroup if one is named."""
    if group:
        command = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', group] + command
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise MountFailed("%s: %s" % (shlex.join(command), done.stderr.strip()))


def serving(mnt):
    """The processes that have the mount point as an argument."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if mnt.encode() in words[1:] and int(pid) != os.getpid():
            found.append(int(pid))
    return found


def wait_until(holds, what):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise MountFailed("%s: not after %d s" % (what, PATIENCE_S))
        time.sleep(0.002)


class Directory:
    """Files that are there already."""
    requests = None  # where it can tell: a function that says how many reached the serving process
    programs = []  # what mounts it, to have in the caches when only the mount is measured

    def __init__(self, name, root, what):
        self.name, self.root, self.what = name, root, what

    def mount(self, group=None):
        pass

    def unmount(self):
        pass

    def pids(self):
        return []


class Mount(Directory):
    programs, unmount_command = ["mount"], ["umount"]

    def __init__(self, name, mnt, what):
        super().__init__(name, mnt, what)
        os.makedirs(mnt, exist_ok=True)

    def unmount(self):
        end = time.monotonic() + PATIENCE_S
        while os.path.ismount(self.root):
            if subprocess.run([*self.unmount_command, self.root], stderr=subprocess.DEVNULL).returncode == 0:
                continue
            if time.monotonic() > end:
                raise MountFailed("%s stays busy" % self.root)
            time.sleep(0.05)


class Image(Mount):
    """A file system of the kernel's in a file: through a loop device, or read by the kernel straight from the file."""

    def __init__(self, name, mnt, what, kind, image, loop=True):
        super().__init__(name, mnt, what)
        self.kind, self.image, self.loop = kind, image, loop

    def mount(self, group=None):
        if self.loop:
            run(["mount", "-t", self.kind, "-o", "loop,ro", self.image, self.root], group)
        elif libc.mount(self.image.encode(), self.root.encode(), self.kind.encode(), MS_RDONLY, None):
            raise MountFailed("%s: %s" % (self.image, os.strerror(ctypes.get_errno())))


class Overlay(Mount):
    """A writable layer of the kernel's over another candidate's image."""

    def __init__(self, name, mnt, what, lower):
        super().__init__(name, mnt, what)
        self.lower, self.layers = lower, mnt + ".upper"

    def mount(self, group=None):
        self.lower.mount(group)
        upper, scratch = os.path.join(self.layers, "upper"), os.path.join(self.layers, "work")
        os.makedirs(upper, exist_ok=True)
        os.makedirs(scratch, exist_ok=True)
        run(["mount", "-t", "overlay", "overlay", "-o",
             "lowerdir=%s,upperdir=%s,workdir=%s" % (self.lower.root, upper, scratch), self.root], group)

    def unmount(self):
        super().unmount()
        self.lower.unmount()
        shutil.rmtree(self.layers, ignore_errors=True)


class Served(Mount):
    """A file system that a process serves."""

    def __init__(self, name, mnt, what, mount_command):
        super().__init__(name, mnt, what)
        self.mount_command, self.programs = mount_command, mount_command[:1]

    def mount(self, group=None):
        run(self.mount_command, group)
        wait_until(lambda: os.path.ismount(self.root), "mounting " + self.root)

    def unmount(self):
        super().unmount()
        wait_until(lambda: not self.pids(), "the end of the process that served " + self.root)

    def pids(self):
        return serving(self.root)


def names_store(options):
    return any(w in ("-s", "--store") or w.startswith("--store=") for w in shlex.split(options))


class Varve(Served):
    def __init__(self, name, mnt, program, store, options):
        """`options` may begin with the path of another program, and may name another store with -s."""
        words = shlex.split(options)
        if words and "/" in words[0] and os.access(words[0], os.X_OK):
            program = words.pop(0)
        if not names_store(options):
            words = ["-s", store] + words
        what = "varve mount " + (options or "as it is")
        super().__init__(name, mnt, what, [program, "mount", *words, mnt])
        self.program, self.unmount_command = program, [program, "unmount"]

    def stats(self):
        return json.loads(subprocess.run([self.program, "stats", "--json", self.root], check=True, capture_output=True).stdout)

    def requests(self):
        return self.stats()["requests"]["total"]


def process_mib(pids, *fields):
    """The sum of these lines of /proc/PID/status."""
    total = 0
    for pid in pids:
        with open("/proc/%d/status" % pid) as f:
            total += sum(int(line.split()[1]) for line in f if line.split(":")[0] in fields)
    return total / 1024


def can_mount_files(image, mnt):
    """Whether this kernel reads EROFS from a file without a loop device."""
    os.makedirs(mnt, exist_ok=True)
    if libc.mount(image.encode(), mnt.encode(), b"erofs", MS_RDONLY, None):
        return False
    libc.umount2(mnt.encode(), 0)
    return True
