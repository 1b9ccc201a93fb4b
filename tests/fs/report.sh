#!/bin/bash
# What refs share: as a table, as JSON and as a page, with names that mean mischief, and with more refs than a table holds.
. "$(dirname "$0")/lib.sh"

evil='<script>alert("1")</script>'
mark=$(printf 'n\xc3\xa4me \xe2\x80\xae \xff & more')
mkdir "$work/in"
cp /bin/bash "$work/in/a"
"$VARVE" pack -q -l 1 one "$work/in"
cp /bin/tar "$work/in/b"
"$VARVE" pack -q -l 1 "$evil" "$work/in"
rm "$work/in/a"
"$VARVE" pack -q -l 1 "$mark" "$work/in"

check "a page is drawn" "$VARVE" report "$work/page.html"
python3 - "$work/page.html" "$evil" <<'P' || fail "the page is not what it should be"
import sys
from html.parser import HTMLParser
void = {"meta", "br"}
class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], {}, []
    def handle_starttag(self, tag, attrs):
        self.seen[tag] = self.seen.get(tag, 0) + 1
        assert tag not in ("script", "link", "img", "iframe", "object", "foreignobject"), tag
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("src", "href", "xlink:href"), name
            assert "url(" not in (value or ""), value
        if tag not in void:
            self.open.append(tag)
    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in void:
            self.open.pop()
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
    def handle_data(self, data):
        self.text.append(data)
raw = open(sys.argv[1], encoding="utf-8").read()
page = Page()
page.feed(raw)
page.close()
assert not page.open, page.open
assert "http" not in raw and "@import" not in raw
assert page.seen["svg"] == 3, page.seen
text = "".join(page.text)
assert sys.argv[2] in text and "n\u00e4me \ufffd \ufffd & more" in text, text
assert "\u202e" not in raw and "NaN" not in raw and "inf" not in raw
P
check "a page on stdout is the same" cmp -s "$work/page.html" <("$VARVE" report -)
mistake 1 "cannot write '$work/none/page.html'" "$VARVE" report "$work/none/page.html"
if [ -e /dev/full ]; then
	check "a full disk is a failure" test "$("$VARVE" report - 2>/dev/null >/dev/full; echo $?)" = 1
fi

"$VARVE" df --matrix >"$work/table"
check "the table has a line for each ref" test "$(grep -c ' = ' "$work/table")" = 3
check "what shares nothing has a dot" grep -q ' \. .* one$' "$work/table"
"$VARVE" df --matrix --json >"$work/pairs"
python3 - "$work/pairs" <<'P' || fail "the pairs are not what they should be"
import json, sys
pairs = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
assert len(pairs) == 2, pairs
for p in pairs:
    assert 0 < p["shared_bytes"] <= min(p["a_bytes"], p["b_bytes"]), p
P
check "two refs alone have two lines" test "$("$VARVE" df --matrix one "$evil" | grep -c ' = ')" = 2
mistake 1 "there is no ref 'none'" "$VARVE" df --matrix none

for i in {1..40}; do "$VARVE" tag one "many/$i"; done
check "many refs have neighbours instead of columns" test "$("$VARVE" df --matrix | grep -c 'many/[0-9]*:.* 100 %,')" = 40
check "many refs are drawn" "$VARVE" report "$work/page.html"

rm -r "$VARVE_STORE"
"$VARVE" init "$VARVE_STORE"
check "an empty store has a page" "$VARVE" report "$work/page.html"
check "and a table" "$VARVE" df --matrix >/dev/null
check "without figures that are none" bash -c "! grep -qiE 'nan|inf\b' '$work/page.html'"
finish
