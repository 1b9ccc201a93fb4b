#!/bin/bash
# Packs are written anew, and gc takes the old ones at once, while everything is read through a mount: no read fails, every
# byte is right, trees stay what they are.  Killed at any moment it leaves a sound store, and the next run finishes.
. "$(dirname "$0")/lib.sh"
rounds=${VARVE_ROUNDS:-4}
[ "$(id -u)" = 0 ] || skip "takes root to drop what the kernel has cached of a mount"

# Six releases: each patched here and there, some files in some of them only.
python3 - "$work/in" <<'P' || exit 1
import os, random, sys
r = random.Random(7)
code = [open(p, "rb").read() for p in ("/bin/bash", "/bin/tar", "/usr/bin/find") if os.path.exists(p)]
words = [b"word%d" % i for i in range(500)]
texts = [b" ".join(r.choices(words, k=r.randrange(20, 3000))) for _ in range(150)]
for release in range(1, 7):
    top = os.path.join(sys.argv[1], str(release))
    for n, data in enumerate(code):
        data = bytearray(data)
        for _ in range(release * 4):
            at = r.randrange(len(data))
            data[at:at + 4] = r.randbytes(r.randrange(9))
        os.makedirs(top + "/bin", exist_ok=True)
        open("%s/bin/%d" % (top, n), "wb").write(data)
    for n, text in enumerate(texts):
        if r.random() < 0.2:
            continue
        folder = "%s/include/%d" % (top, n % 7)
        os.makedirs(folder, exist_ok=True)
        open("%s/%d.%s" % (folder, n, r.choice("hc")), "wb").write(text + (b" %d" % release if n % 9 == 0 else b""))
P
for i in 1 2 3 4; do "$VARVE" pack -q -l 1 "r/$i" "$work/in/$i" || exit 1; done
"$VARVE" mount --memory 64M "$mnt" || exit 1

# Reads all of a ref, past the kernel's cache, and compares; again and again.
cat >"$work/reader.py" <<'P'
import os, sys
mount, source, stop, errors = sys.argv[1:]
files = [os.path.relpath(os.path.join(d, f), source) for d, _, fs in os.walk(source) for f in fs]
rounds = 0
while not os.path.exists(stop) or not rounds:
    for name in files:
        try:
            with open(os.path.join(mount, name), "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                got = file.read()
        except OSError as e:
            got = e
        if got != open(os.path.join(source, name), "rb").read():
            print(name, got if isinstance(got, OSError) else "other bytes", file=open(errors, "a"))
    rounds += 1
print(rounds, "times", mount)
P
for i in 1 2 3 3; do /usr/bin/python3 "$work/reader.py" "$mnt/r/$i" "$work/in/$i" "$work/stop" "$work/errors" & done

trees() { "$VARVE" ls --json | grep -o '"ref": "r/[123]", "tree": "[0-9a-f]*"' | sort; }
trees >"$work/trees"
for round in $(seq "$rounds"); do
	level=$((round + 1))
	check "optimize" "$VARVE" optimize -q --level $level
	check "gc" "$VARVE" gc --grace 0 >/dev/null
	"$VARVE" rm "r/$((round + 3))" && "$VARVE" pack -q -l 1 "r/$((round + 4))" "$work/in/$((4 + round % 3))" || fail "no next release"
	check "gc of garbage" "$VARVE" gc --grace 0 >/dev/null
	check "verify" "$VARVE" verify -q
done
check "the trees are the same" cmp "$work/trees" <(trees)

# ---- killed, and run again ----
for i in $(seq 12); do
	"$VARVE" optimize -q --level $((i % 9 + 7)) 2>/dev/null &
	pid=$!
	sleep "0.$((RANDOM % 9))$((RANDOM % 9))"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	[ $((i % 4)) -ne 0 ] || check "gc after a kill" "$VARVE" gc --grace 0 >/dev/null
	check "verify after a kill" "$VARVE" verify -q
done
"$VARVE" optimize -q --level 19 2>/dev/null &
pid=$!
sleep 0.2
kill -INT $pid 2>/dev/null
wait $pid
check "it runs to its end" "$VARVE" optimize -q --level 19
check "and has nothing left to do" grep -q 'none is worth' <("$VARVE" optimize --level 19)
check "gc of all that" "$VARVE" gc --grace 0 >/dev/null
check "one pack is left" test "$(find "$VARVE_STORE/packs" -type f | wc -l)" = 1
check "no garbage is left" grep -q ' 0 B garbage' <("$VARVE" df)
check "nothing is left over" test -z "$(find "$VARVE_STORE/intents" "$VARVE_STORE/condemned" -type f)"
check "verify at the end" "$VARVE" verify -q
check "the trees are still the same" cmp "$work/trees" <(trees)

touch "$work/stop"
wait
[ ! -e "$work/errors" ] || fail "$(wc -l <"$work/errors") reads: $(head -n 3 "$work/errors")"
check "nothing holds the mount" "$VARVE" unmount "$mnt"

mistake 2 "goes from 1 to 19" "$VARVE" optimize --level 20
mistake 1 "no store at" "$VARVE" optimize -s "$work/none"
finish
