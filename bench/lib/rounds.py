"""The rounds of a run: each candidate once, one right after the other, then again from another one on.

Cold first, then warm, then memory.  In the end, and if anything fails, nothing is mounted (the caller unmounts).
"""
import os
import subprocess
import sys
import time

import cgroup
import machine
import mounts
from samples import Samples

LEAST_WARM_ROUNDS = 3


class Run:
    """Measures `wanted` of `candidates`; `seconds`, if not None: when to begin no further round."""

    def __init__(self, workload, candidates, wanted, seconds):
        self.w, self.candidates, self.wanted = workload, candidates, wanted
        self.samples, self.start, self.seconds = Samples(), time.monotonic(), seconds

    def is_over(self, part):
        return self.seconds is not None and time.monotonic() - self.start > part * self.seconds

    def in_turn(self, round_):
        """Each round begins with another candidate, so that none profits from its place."""
        n = round_ % len(self.candidates)
        return self.candidates[n:] + self.candidates[:n]

    def say(self, mode, name, round_):
        if sys.stderr.isatty():
            print("\r\033[K%s, round %d: %s" % (mode, round_ + 1, name), end="", file=sys.stderr, flush=True)

    def remount(self, c, group=None):
        """Cold; returns the milliseconds until the root is listed, its programs being in the caches."""
        c.unmount()
        machine.drop_caches()
        for program in c.programs:
            subprocess.run([program, "--version"], stdout=subprocess.DEVNULL)
        start = time.monotonic()
        c.mount(group)
        os.listdir(c.root)
        took = (time.monotonic() - start) * 1e3
        machine.drop_caches()
        return took

    def note(self, mode, m, c, round_, value):
        if isinstance(value, dict):
            for part, its in value.items():
                self.samples.add("each", part, c.name, round_, its, m.unit)
            value = sum(value.values())
        self.samples.add(mode, m.name, c.name, round_, value, m.unit)

    def cold(self, rounds):
        chosen = [m for m in self.wanted if m.cold]
        for round_ in range(rounds):
            for m in chosen:
                self.say("cold", m.name, round_)
                for c in self.in_turn(round_):
                    took = self.remount(c)
                    self.note("cold", m, c, round_, m.function(self.w, c) if m.function else took)
                    c.unmount()
            if self.is_over(0.5):
                break

    def warm(self, rounds):
        """All are mounted at once.  Measure by measure, so that what one brings in does not push out what another needs."""
        for c in self.candidates:
            c.unmount()
            c.mount()
        for m in (m for m in self.wanted if m.warm):
            for _ in range(2):
                for c in self.candidates:
                    m.function(self.w, c)
            for round_ in range(rounds):
                self.say("warm", m.name, round_)
                for c in self.in_turn(round_):
                    self.note("warm", m, c, round_, m.function(self.w, c))
                if self.is_over(0.8) and round_ + 1 >= LEAST_WARM_ROUNDS:
                    break
        self.count_requests()
        for c in self.candidates:
            c.unmount()

    def count_requests(self):
        for c in self.candidates:
            if not c.requests:
                continue
            for name in "g++", "clang++":
                for _ in range(2):
                    before = c.requests()
                    self.w.compile(c.root, (name, "hello.cpp"))
                    after = c.requests()
                self.samples.add("memory", "requests " + name, c.name, 0, after - before, "count")

    def memory(self, rounds):
        for round_ in range(rounds):
            for c in self.in_turn(round_):
                self.say("memory", c.name, round_)
                try:
                    group = cgroup.Group()
                except OSError as e:
                    print("compare: page cache is not measured: %s" % e, file=sys.stderr)
                    return
                try:
                    self.remount(c, group.procs)
                    self.note_memory(c, round_, group)
                finally:
                    c.unmount()
                    group.remove()

    def note_memory(self, c, round_, group):
        def note(when):
            self.samples.add("memory", "cache " + when, c.name, round_, group.page_cache_mib(), "MiB")
            pids = c.pids()
            if pids:
                self.samples.add("memory", "private " + when, c.name, round_, mounts.process_mib(pids, *mounts.PRIVATE), "MiB")
                self.samples.add("memory", "resident " + when, c.name, round_, mounts.process_mib(pids, "VmRSS"), "MiB")

        for name in "g++", "clang++":
            self.w.compile(c.root, (name, "hello.cpp"), group=group.procs)
        note("two")
        for tree in self.w.trees:
            self.w.first_compile(c.root, tree, group=group.procs)
        note("all")
