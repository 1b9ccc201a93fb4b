"""Samples of a run, and what is said of them: medians, ratios of pairs, the middle half.

A sample belongs to a round.  In a round every candidate was measured, one after the other, so the ratio of two samples of one round
is hardly touched by a disturbance that lasts longer than the round; the median of these ratios is what is reported.
"""
import os
import statistics
from collections import namedtuple

Sample = namedtuple("Sample", "mode measure candidate round value unit load")


class Samples:
    def __init__(self):
        self.all = []

    def add(self, mode, measure, candidate, round_, value, unit):
        self.all.append(Sample(mode, measure, candidate, round_, value, unit, os.getloadavg()[0]))

    def write(self, path, head):
        """head: pairs of a name and a text, which read() gives back."""
        with open(path, "w") as f:
            for name, text in head:
                f.write("# %s\t%s\n" % (name, text))
            for s in self.all:
                f.write("%s\t%s\t%s\t%d\t%.6g\t%s\t%.2f\n" % s)

    @classmethod
    def read(cls, path):
        samples, head = cls(), []
        with open(path) as f:
            for line in f:
                words = line.rstrip("\n").split("\t")
                if line.startswith("# "):
                    head.append((words[0][2:], words[1]))
                else:
                    samples.all.append(Sample(*words[:3], int(words[3]), float(words[4]), words[5], float(words[6])))
        return samples, head

    def of(self, mode, measure, candidate):
        """round -> value"""
        return {s.round: s.value for s in self.all if (s.mode, s.measure, s.candidate) == (mode, measure, candidate)}

    def measures(self, mode):
        """In the order of their measuring: (name, unit)"""
        return list(dict.fromkeys((s.measure, s.unit) for s in self.all if s.mode == mode))

    def candidates(self):
        return list(dict.fromkeys(s.candidate for s in self.all))

    def median(self, mode, measure, candidate):
        values = self.of(mode, measure, candidate)
        return statistics.median(values.values()) if values else None

    def ratio(self, mode, measure, candidate, reference):
        """(median, lower quartile, upper quartile) of the ratios of pairs; None without a pair."""
        mine, its = self.of(mode, measure, candidate), self.of(mode, measure, reference)
        ratios = sorted(mine[r] / its[r] for r in mine if its.get(r))
        if not ratios:
            return None
        n = len(ratios)
        return statistics.median(ratios), ratios[n // 4], ratios[n - 1 - n // 4]
