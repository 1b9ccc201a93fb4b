"""Markdown of a run: conditions, what the candidates are and cost, times, ratios with their spread, memory."""

MODES = (
    ("cold", "Cold: remounted, caches dropped"),
    ("warm", "Warm: mounted all together, each measurement done before"),
    ("each", "The first compiles in turn, each"),
)


def number(value):
    """Three digits that count."""
    if value is None:
        return ""
    if value >= 100 or value == int(value):
        return "%.0f" % value
    return "%.3g" % value


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def times(samples, mode, labels):
    candidates = samples.candidates()
    rows = [["%s, %s" % (labels.get(m, m), unit)] + [number(samples.median(mode, m, c)) for c in candidates]
            for m, unit in samples.measures(mode)]
    return table(["median"] + candidates, rows)


def short(ratio):
    return "%.2f" % ratio if ratio >= 0.1 else "%.2g" % ratio


def spread(ratio, rounds):
    """One or two rounds have no middle half."""
    middle, low, high = map(short, ratio)
    return "%s (%s-%s)" % (middle, low, high) if rounds > 2 else middle


def ratios(samples, mode, labels, reference):
    others = [c for c in samples.candidates() if c != reference]
    rows = []
    for m, _ in samples.measures(mode):
        row = [labels.get(m, m)]
        for c in others:
            r = samples.ratio(mode, m, c, reference)
            row.append(spread(r, len(samples.of(mode, m, reference))) if r else "")
        row.append(str(len(samples.of(mode, m, reference))))
        if any(row[1:-1]):
            rows.append(row)
    return table(["time / time of %s (middle half)" % reference] + others + ["n"], rows)


def costs(peers_made):
    if not peers_made:
        return []
    rows = [[p["name"], p["what"], "%.1f" % (int(p["bytes"]) / 1e6), p["wall_s"], p["cpu_s"], p["peak_mib"], p["load"]]
            for p in peers_made]
    return ["## What they are made of", ""] + table(
        ["", "", "MB", "wall s", "CPU s to make", "peak MiB", "load when it began"], rows)


def markdown(samples, head, peers_made, reference, chart=None):
    """head: the pairs of Samples.write; those named `label X` are labels of measures, the others are printed."""
    labels = {name[6:]: text for name, text in head if name.startswith("label ")}
    lines = ["# Varve and what else there is", ""]
    lines += ["- %s: %s" % pair for pair in head if not pair[0].startswith("label ")]
    lines += ["", "`bench/how-to-measure.md` says what not to conclude. A ratio is the median of ratios of pairs that were measured",
              "one right after the other; below 1 is faster than %s. n: rounds." % reference, ""]
    if chart:
        lines += ["![Ratios](%s)" % chart, ""]
    lines += costs(peers_made)
    for mode, title in MODES:
        if samples.measures(mode):
            lines += ["## " + title, ""] + times(samples, mode, labels) + ratios(samples, mode, labels, reference)
    if samples.measures("memory"):
        lines += ["## Memory and requests", ""] + times(samples, "memory", labels)
    return "\n".join(lines)
