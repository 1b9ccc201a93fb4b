"""Versions of a toolchain that never was: as many files as wanted, a few of them other ones in each version.

Made of numbers alone, so that every machine makes the same.  Files are headers of a few KiB that compress as text does; a tree has
directories of 40 files, three levels deep.  Each version rewrites one file in fifty, so no two trees are the same.
"""
import os
import random

FILES_IN_DIRECTORY, CHANGED_ONE_IN = 40, 50
WORDS = ["word%d" % i for i in range(2000)]


def content(seed):
    draw = random.Random(seed)
    words = draw.choices(WORDS, k=draw.randrange(20, 600))
    return "/* %d */\n%s\n" % (seed, " ".join(words))


def place(root, number):
    directory = number // FILES_IN_DIRECTORY
    return os.path.join(root, "usr", "part%d" % (directory % 10), "dir%d" % directory, "file%d.h" % number)


class Toolchain:
    """A directory that becomes one version after the other."""

    def __init__(self, root, files):
        self.root, self.files, self.version = root, files, 0
        for number in range(files):
            path = place(root, number)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self._write(path, number)

    @staticmethod
    def _write(path, seed):
        with open(path, "w") as f:
            f.write(content(seed))

    def next_version(self):
        self.version += 1
        draw = random.Random(self.version)
        for number in draw.sample(range(self.files), max(1, self.files // CHANGED_ONE_IN)):
            self._write(place(self.root, number), self.files * self.version + number)
