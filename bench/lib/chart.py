"""A chart of a run as one self-contained SVG: bars of ratios to the reference on a logarithmic scale, cold beside warm.

A bar begins at 1, the reference: to the left is faster, to the right slower.  A thin line shows the middle half of the ratios.
"""
import math
from xml.sax.saxutils import escape

VARVE_COLOURS = ["#0b6e4f", "#5fad56", "#8fce7f", "#b7d968"]
OTHER_COLOURS = ["#e08e1b", "#2f6db5", "#9b5094", "#7f8c8d", "#c98bb9", "#8c6d46", "#c0392b", "#5b8fa8"]
LEFT, PANEL, GAP, TOP, BAR, PAD = 300, 330, 50, 108, 10, 12
# What says little beside the others, and would make the picture longer than a page.
LEFT_OUT = ("open", "g++ empty", "clang++ empty", "both hello")
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


def text(x, y, what, size=11, anchor="start", extra=""):
    return '<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s"%s>%s</text>' % (x, y, size, anchor, extra, escape(what))


def rect(x, y, width, height, fill):
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, y, width, height, fill)


def line(x1, y1, x2, y2, stroke, width=1.0):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>' % (x1, y1, x2, y2, stroke, width)


class Axis:
    """Ratios to places in a panel; what lies outside is cut off at the edge."""

    def __init__(self, x, ratios):
        self.x = x
        self.low = max(min([0.7] + [r[0] for r in ratios]) / 1.15, 0.08)
        self.high = min(max([1.5] + [r[0] for r in ratios]) * 1.6, 120)

    def at(self, ratio):
        ratio = min(max(ratio, self.low), self.high)
        return self.x + PANEL * math.log(ratio / self.low) / math.log(self.high / self.low)


def bar(axis, y, ratio, colour):
    middle, low, high = ratio
    start, end = sorted((axis.at(1), axis.at(middle)))
    label = ("%.2f" if middle < 10 else "%.0f") % middle
    parts = [rect(start, y, max(end - start, 1), BAR - 2, colour)]
    if high > low:
        parts.append(line(axis.at(low), y + BAR / 2 - 1, axis.at(high), y + BAR / 2 - 1, "#222", 0.8))
    parts.append(text(max(end, axis.at(high)) + 3, y + BAR - 2, label, 9, extra=' fill="#444"'))
    return parts


def panel(samples, mode, title, x, height, rows, candidates, reference, colours):
    found = {(m, c): samples.ratio(mode, m, c, reference) for m in rows for c in candidates}
    axis = Axis(x, [r for r in found.values() if r])
    parts = [text(x + PANEL / 2, TOP - 26, title, 13, "middle", ' font-weight="bold"')]
    for tick in TICKS:
        if axis.low <= tick <= axis.high:
            parts.append(line(axis.at(tick), TOP - 6, axis.at(tick), height - 30, "#888" if tick == 1 else "#e4e4e4"))
            parts.append(text(axis.at(tick), TOP - 10, "%g" % tick, 10, "middle"))
    y = TOP
    for m in rows:
        for c in candidates:
            if found[m, c]:
                parts += bar(axis, y, found[m, c], colours[c])
            y += BAR
        y += PAD
    return parts


def coloured(candidates):
    varves = [c for c in candidates if c.startswith("varve")]
    others = [c for c in candidates if c not in varves]
    colours = {c: VARVE_COLOURS[i % len(VARVE_COLOURS)] for i, c in enumerate(varves)}
    colours.update({c: OTHER_COLOURS[i % len(OTHER_COLOURS)] for i, c in enumerate(others)})
    return varves + others, colours


def legend(candidates, colours, width):
    parts, x, y = [], LEFT, 46
    for c in candidates:
        if x + 24 + 7 * len(c) > width:
            x, y = LEFT, y + 15
        parts += [rect(x, y - 9, 10, 10, colours[c]), text(x + 14, y, c)]
        x += 30 + 7 * len(c)
    return parts


def svg(samples, labels, reference):
    """None if nothing can be compared."""
    candidates, colours = coloured([c for c in samples.candidates() if c != reference])
    modes = [(mode, title) for mode, title in (("cold", "cold"), ("warm", "warm")) if samples.measures(mode)]
    rows = [m for m in dict.fromkeys(m for mode, _ in modes for m, _ in samples.measures(mode)) if m not in LEFT_OUT]
    if not candidates or not rows:
        return None
    width = LEFT + len(modes) * (PANEL + GAP)
    height = TOP + len(rows) * (len(candidates) * BAR + PAD) + 40
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif">' % (
        width, height, width, height), rect(0, 0, width, height, "#fff"),
        text(12, 22, "Time as a multiple of %s's (logarithmic; left of 1 is faster)" % reference, 15, extra=' font-weight="bold"')]
    parts += legend(candidates, colours, width)
    y = TOP
    for i, m in enumerate(rows):
        group = len(candidates) * BAR
        if i % 2 == 0:
            parts.append(rect(0, y - PAD / 2, width, group + PAD, "#f7f7f4"))
        parts.append(text(12, y + group / 2 + 3, labels.get(m, m)))
        y += group + PAD
    for i, (mode, title) in enumerate(modes):
        parts += panel(samples, mode, title, LEFT + i * (PANEL + GAP), height, rows, candidates, reference, colours)
    parts.append(text(12, height - 12, "Bars: median of the ratios of pairs; thin lines: their middle half.", 10, extra=' fill="#666"'))
    return "\n".join(parts + ["</svg>", ""])
