#!/bin/bash
# Damaged packs: an input/output error for the files that they hold, told with their names; never wrong bytes, and the rest goes on.
. "$(dirname "$0")/lib.sh"

mkdir "$work/bad" "$work/good"
for i in 1 2 3; do
	head -c 400000 /dev/urandom >"$work/bad/file$i"
	head -c 400000 /dev/urandom >"$work/good/file$i"
done
"$VARVE" pack good "$work/good" >/dev/null || exit 1
find "$VARVE_STORE/packs" -type f | sort >"$work/packs-of-good"
"$VARVE" pack bad "$work/bad" >/dev/null || exit 1
for pack in $(find "$VARVE_STORE/packs" -type f | sort | comm -13 "$work/packs-of-good" -); do
	chmod u+w "$pack"
	dd if=/dev/urandom of="$pack" bs=1 seek=600000 count=64 conv=notrunc 2>/dev/null
done

"$VARVE" mount --foreground "$mnt" 2>"$work/log" &
pid=$!
wait_for test -e "$mnt/bad/file1" || exit 1
errors=0
for i in 1 2 3; do
	said=$(cat "$mnt/bad/file$i" 2>&1 >"$work/out") && {
		cmp "$work/out" "$work/bad/file$i" || fail "wrong bytes in file$i"
		continue
	}
	errors=$((errors + 1))
	broken=file$i
	[[ $said == *"Input/output error"* ]] || fail "file$i: $said"
done
[ $errors -eq 1 ] || fail "$errors files cannot be read, want 1"
grep -q "bad/${broken:-?}" "$work/log" || fail "the log does not name it: $(cat "$work/log")"
grep -q "cannot print 'bad:$broken'" <("$VARVE" cat "bad:$broken" 2>&1 >/dev/null) || fail "cat does not name it"
for i in 1 2 3; do
	cmp "$mnt/good/file$i" "$work/good/file$i" || fail "a file of another pack"
done

# An error is not remembered as content, and two thousand of them are a burst of lines for each window of time, not two thousand.
before=$(wc -l <"$work/log") start=$SECONDS
python3 - "$mnt/bad/$broken" <<'PY' || fail "it became readable"
import sys
for _ in range(2000):
    try:
        with open(sys.argv[1], "rb", buffering=0) as f:
            while f.read(131072):
                pass
        sys.exit(1)
    except OSError:
        pass
PY
windows=$((2 + (SECONDS - start) / 10)) # of 20 lines each, and one that counts the rest; three places tell
[ $(($(wc -l <"$work/log") - before)) -le $((windows * 3 * 21)) ] || fail "$(wc -l <"$work/log") lines in the log"
[ "$("$VARVE" stats --json "$mnt" | grep -o '"read_errors":[0-9]*' | cut -d: -f2)" -ge 2000 ] || fail "errors are not counted"
kill $pid
wait $pid || fail "the server ended with status $?"
finish
