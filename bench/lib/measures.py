"""What is measured: each measure turns a mounted candidate into a time, or into several that are reported singly and as their sum.

Micro-measurements are fsbench's; compiles are those of scripts/lib/compilers.sh, which alone knows how a mounted compiler runs with
nothing of this machine's.  Sources, lists, objects and fsbench itself lie in memory, so that only the candidate is read from a disk.
"""
import functools
import os
import random
import subprocess

HEADERS, BIG_FILES, RANDOM_READS = 2000, 12, 5000
SOURCES = {
    "empty.cpp": "int main() {}\n",
    "hello.cpp": '#include <iostream>\nint main() { std::cout << "hello\\n"; }\n',
    "hello.rs": 'fn main() {\n    println!("hello");\n}\n',
    "hello.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
    # Much of the library, templates to instantiate, a table of an automaton.
    "heavy.cpp": """#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>
int main(int argc, char **argv)
{
    std::map<std::string, std::vector<int>> by_name;
    std::regex word("([a-z]+)=([0-9]+)");
    for (int i = 1; i < argc; i++) {
        std::string text(argv[i]);
        for (std::sregex_iterator m(text.begin(), text.end(), word), end; m != end; ++m)
            by_name[(*m)[1]].push_back(std::stoi((*m)[2]));
    }
    for (auto &entry : by_name) {
        std::sort(entry.second.begin(), entry.second.end(), std::greater<int>());
        std::cout << entry.first << ' ' << std::accumulate(entry.second.begin(), entry.second.end(), 0) << '\\n';
    }
}
""",
}


class Failed(Exception):
    pass


class Workload:
    """The lists, the sources and the commands; owns a directory in memory."""

    def __init__(self, top, corpus, trees, scratch, big_files=BIG_FILES):
        self.top, self.trees, self.scratch = top, trees, scratch
        self.fsbench = self.path("fsbench")
        self._build_fsbench()
        for name, text in SOURCES.items():
            self._write(name, text)
        self.clang = "clang-16" if "clang-16" in self.trees else next(t for t in self.trees if t.startswith("clang-"))
        self._choose_files(corpus, big_files)

    def path(self, name):
        return os.path.join(self.scratch, name)

    def _write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def _build_fsbench(self):
        """Static if possible: then the caches that are dropped have nothing of it."""
        command = ["cc", "-std=c11", "-O2", "-D_GNU_SOURCE", os.path.join(self.top, "bench/fsbench.c"), "-o", self.fsbench]
        if subprocess.run(command + ["-static"], stderr=subprocess.DEVNULL).returncode:
            subprocess.run(command, check=True)

    def _choose_files(self, corpus, big_files):
        """Headers in an order that no directory has, always the same; and the largest libraries."""
        headers, libraries, self.files, self.bytes = [], [], 0, 0
        for tree in self.trees:
            for directory, _, names in os.walk(os.path.join(corpus, tree)):
                for name in names:
                    path = os.path.join(directory, name)
                    if os.path.islink(path):
                        continue
                    size = os.lstat(path).st_size
                    self.files, self.bytes = self.files + 1, self.bytes + size
                    if name.endswith(".h"):
                        headers.append(os.path.relpath(path, corpus))
                    elif ".so" in name:
                        libraries.append((size, os.path.relpath(path, corpus)))
        headers = random.Random(1).sample(sorted(headers), min(HEADERS, len(headers)))
        big = sorted(libraries, reverse=True)[:big_files]
        self.headers, self.big_bytes, self.big_count = len(headers), sum(size for size, _ in big), len(big)
        self._write("trees", "".join(t + "\n" for t in self.trees))
        self._write("headers", "".join(h + "\n" for h in headers))
        self._write("big", "".join(path + "\n" for _, path in big))

    def run_fsbench(self, *args, group=None):
        """(operations, seconds)"""
        command = [self.fsbench, *(["-g", group] if group else []), *args]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Failed("fsbench %s: %s" % (" ".join(args[:3]), (done.stderr or done.stdout).strip()[:500]))
        operations, _, seconds = done.stdout.split("\n")[-2].split("\t")
        return int(operations), float(seconds)

    # ---- compilers ----

    @functools.lru_cache(maxsize=None)
    def _tool(self, *function):
        """The words that a function of compilers.sh sets; fsbench starts programs without an environment, as env -i does."""
        script = '. "$0" && "$@" && printf "%s\\0" "${tool[@]}"'
        done = subprocess.run(["bash", "-c", script, os.path.join(self.top, "scripts/lib/compilers.sh"), *function],
                              capture_output=True, text=True, env={**os.environ, "TMPDIR": self.scratch})
        words = done.stdout.split("\0")[:-1]
        if done.returncode or words[:2] != ["env", "-i"]:
            raise Failed("compilers.sh cannot run %s" % " ".join(function))
        return words[2:]

    def compiler(self, root, name):
        gcc = os.path.join(root, "gcc-12")
        if name == "g++":
            return self._tool("gcc_at", gcc, "g++-12")
        return self._tool("clang_at", os.path.join(root, self.clang), gcc, "clang++-" + self.clang.split("-")[1])

    def compile(self, root, *jobs, group=None):
        """Seconds until all of the jobs, (compiler, source), which begin at once, are done."""
        words = []
        for i, (name, source) in enumerate(jobs):
            words += ["--"] * (i > 0) + [*self.compiler(root, name), "-c", self.path(source), "-o", self.path("%d.o" % i)]
        return self.run_fsbench("run", *words, group=group)[1]

    def first_compile(self, root, tree, group=None):
        words = self._tool("first_compile", root, tree, self.scratch, self.path("first.o"))
        return self.run_fsbench("run", *words, group=group)[1]


class Measure:
    """label: what it is, for a reader; unit: ms or us; then, whether it is measured cold, warm and in a quick run."""

    def __init__(self, name, label, unit, function, cold=True, warm=True, quick=False):
        self.name, self.label, self.unit, self.function = name, label, unit, function
        self.cold, self.warm, self.quick = cold, warm, quick


def per_operation(verb, list_name, *more):
    def value(w, candidate):
        operations, seconds = w.run_fsbench(verb, w.path(list_name), candidate.root, *more)
        return seconds * 1e6 / operations
    return value


def whole(verb, list_name, *more):
    return lambda w, candidate: w.run_fsbench(verb, w.path(list_name), candidate.root, *more)[1] * 1e3


def compiling(*jobs):
    return lambda w, candidate: w.compile(candidate.root, *jobs) * 1e3


def in_turn(w, candidate):
    return {tree: w.first_compile(candidate.root, tree) * 1e3 for tree in w.trees}


def all_measures(w):
    """In the order of the report; `mount` is special: the driver times it while it mounts."""
    big = "%d largest libraries, %d MiB" % (w.big_count, w.big_bytes >> 20)
    measures = [
        Measure("mount", "mount until listed", "ms", None, warm=False, quick=True),
        Measure("stat", "stat of all %d files" % w.files, "ms", whole("stat", "trees"), quick=True),
        Measure("lookup", "lookup, each of %d headers" % w.headers, "us", per_operation("lookup", "headers"), quick=True),
        Measure("failed", "failed lookup, each of %d" % w.headers, "us", per_operation("failed", "headers"), quick=True),
        Measure("open", "open and close a header", "us", per_operation("open", "headers"), cold=False),
        Measure("small", "open, read and close a header", "us", per_operation("small", "headers"), quick=True),
        Measure("mapped", "mapped read of the " + big, "ms", whole("mapped", "big"), quick=True),
        Measure("sequential", "sequential read of the same", "ms", whole("sequential", "big")),
        Measure("random", "random read of 4 KiB of the same, each of %d" % RANDOM_READS, "us",
                per_operation("random", "big", str(RANDOM_READS))),
    ]
    for source, what in ("empty", "nothing"), ("hello", "<iostream>"), ("heavy", "14 headers, instantiated"):
        file = source + ".cpp"
        for name in "g++", "clang++":
            measures.append(Measure(name + " " + source, "%s -c of %s" % (name, what), "ms", compiling((name, file)),
                                    quick=source == "hello"))
        if source != "empty":
            measures.append(Measure("both " + source, "g++ and clang++ at once, " + what, "ms",
                                    compiling(("g++", file), ("clang++", file))))
    measures.append(Measure("turn", "first compile by each of %d compilers in turn" % len(w.trees), "ms", in_turn, warm=False))
    return measures
