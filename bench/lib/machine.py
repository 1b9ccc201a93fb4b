"""What disturbs a measurement and what it depends on: caches, the machine, the load of others."""
import glob
import mmap
import os
import platform
import subprocess
import time


def drop_caches():
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3\n")


def keep_loader_libraries():
    """Map the libraries that mounted programs take from this machine, so that dropping caches leaves them: they are not measured."""
    kept = []
    for pattern in "ld-linux*", "libc.so*", "libm.so*", "libz.so.1", "libtinfo.so.6", "libgcc_s.so.1", "libstdc++.so.6", "libsframe.so.*":
        for path in glob.glob("/lib/x86_64-linux-gnu/" + pattern):
            with open(path, "rb") as f:
                m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
            for at in range(0, len(m), mmap.PAGESIZE):
                m[at]
            kept.append(m)
    return kept


def cpu_times():
    """Jiffies of all processors since boot: total, idle, stolen by the machine below."""
    with open("/proc/stat") as f:
        t = list(map(int, f.readline().split()[1:9]))
    return sum(t), t[3] + t[4], t[7]


class Noise:
    """Load and stolen time from its making to said()."""

    def __init__(self):
        self.load, self.times, self.start = os.getloadavg()[0], cpu_times(), time.monotonic()

    def said(self):
        total, idle, steal = (b - a for a, b in zip(self.times, cpu_times()))
        stolen = 100 * steal / max(total, 1)
        text = "load %.1f at the beginning and %.1f at the end, processors %.0f %% busy, %.1f %% stolen, %.0f minutes" % (
            self.load, os.getloadavg()[0], 100 - 100 * idle / max(total, 1), stolen, (time.monotonic() - self.start) / 60)
        # A compile alone keeps the load near 1.
        noisy = self.load > 1 or os.getloadavg()[0] > 2 or stolen > 2
        return text + (". **Others worked on this machine: read ratios of pairs, not times.**" if noisy else ".")


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]
    except OSError:
        return ""


def processor():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())


def uring():
    """Whether FUSE over io_uring is on; kernels before 6.14 have none."""
    try:
        with open("/sys/module/fuse/parameters/enable_uring") as f:
            return "on" if f.read().strip() == "Y" else "off"
    except OSError:
        return "not there"


def described(work):
    mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return "Linux %s; %d processors, %s; %d MiB; images and stores on %s; FUSE over io_uring %s" % (
        platform.release(), os.cpu_count(), processor(), mib,
        first_line("findmnt", "-n", "-o", "SOURCE,FSTYPE", "-T", work) or "an unknown disk", uring())
