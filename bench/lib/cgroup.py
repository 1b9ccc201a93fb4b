"""A memory cgroup, of either version: limits a serving process, and counts the page cache that work brings in.

The kernel charges a page of a file to the group that first touches it, whoever owns the file.  So with caches dropped before, a group
that holds the serving process and the compilers is charged for all that the work needs, twice for what is cached twice.
"""
import os
import time

ROOT = "/sys/fs/cgroup"


class Group:
    def __init__(self, limit_bytes=None):
        """Raises OSError where there is no memory controller, or no right to use it."""
        self.version = 2 if os.path.exists(ROOT + "/cgroup.controllers") else 1
        if self.version == 2:
            self._write(ROOT + "/cgroup.subtree_control", "+memory")
        self.path = "%s%s/varve-bench-%d" % (ROOT, "" if self.version == 2 else "/memory", os.getpid())
        os.mkdir(self.path)
        self.procs = self.path + "/cgroup.procs"
        if limit_bytes:
            self._limit(limit_bytes)

    def _write(self, path, value):
        with open(path, "w") as f:
            f.write(value)

    def _limit(self, limit_bytes):
        """Without swap."""
        if self.version == 2:
            self._write(self.path + "/memory.max", str(limit_bytes))
            if os.path.exists(self.path + "/memory.swap.max"):
                self._write(self.path + "/memory.swap.max", "0")
        else:
            self._write(self.path + "/memory.limit_in_bytes", str(limit_bytes))
            self._write(self.path + "/memory.swappiness", "0")

    def _table(self, name):
        with open(self.path + "/" + name) as f:
            return {k: int(v) for k, v in (line.split() for line in f)}

    def page_cache_mib(self):
        """Pages of files, without those of tmpfs."""
        stat = self._table("memory.stat")
        cached = stat["file"] if self.version == 2 else stat["cache"]
        return (cached - stat["shmem"]) / (1 << 20)

    def kills(self):
        return self._table("memory.events" if self.version == 2 else "memory.oom_control")["oom_kill"]

    def remove(self):
        for _ in range(100):
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.05)
