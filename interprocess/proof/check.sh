#!/usr/bin/env bash
# Checks with Spin and gcc that the models have no errors, and that each mistake
# seeded in them is found. With the argument large, checks the larger
# configurations instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

event=model/event.pml
word=interprocess/model/word.pml
gate=interprocess/model/gate.pml

small() {
	compile=(-DMEMLIM=4000)
	run=(-m2000000)
	right $event
	right $word
	right $word -DFALLBACK
	right $gate
	right $gate -DDONE=1 -DDEADLINE=1
	right $gate -DDONE=1 -DDEADLINE=2
	right $gate -DDONE=3
	right $gate -DDONE=1 -DOTHERS
	right $gate -DCLOSE
	right $gate -DCLOSE -DDEADLINE=1
	wrong $event AWAIT_DOES_NOT_LOCK AWAIT_STORES CLEAR_DOES_NOT_SETTLE ISSET_DOES_NOT_SETTLE \
		RELEASE_KEEPS_CHANNEL RELEASE_SETS_FIRST SET_DOES_NOT_SETTLE SET_IGNORES_LOST_CAS \
		SWAP_READS_FIRST WAIT_READS_TWICE WAIT_SELECTS_ONCE WAIT_TESTS_AGAIN
	wrong $word CLEAR_CHANGES_UNSET CLEAR_KEEPS_GENERATION CLEAR_STORES DEADLINE_DECIDES \
		PARKS_WITHOUT_ANNOUNCING PARK_DOES_NOT_COMPARE SET_STORES SET_WAKES_LATER SET_WAKES_ONE \
		WAIT_READS_TWICE
	wrong $gate CLEAR_KEEPS_GENERATION PARKS_WITHOUT_ANNOUNCING
	wrong $gate -DDONE=1 -DDEADLINE=1 KEEPS_THE_TOKEN SECOND_LOOK_SKIPS_LIMIT TRUSTS_THE_DEADLINE WAKES_ONCE
	wrong $gate -DCLOSE ANSWERS_FROM_THE_PAGE ANSWERS_WITHOUT_MU CLOSE_DETACHES_FIRST CLOSE_DOES_NOT_WAKE \
		CLOSE_WAKES_FIRST JOINS_WITHOUT_A_LOOK LIVE_BEFORE_WORD SECOND_LOOK_SKIPS_CLOSE WAKES_ONCE
	all_mistakes_were_seeded
}

# The figures are those of one run on an AMD EPYC.
large() {
	compile=(-DMEMLIM=16000 -DCOLLAPSE)
	run=(-m30000000 -w27)
	right $gate -DN=3                         #  39254041 states, depth 115,  54 s, 4.3 GB
	right $gate -DCLOSE -DDONE=1              #  38764398 states, depth 113,  62 s, 4.2 GB
	right $gate -DCLOSE -DDONE=1 -DDEADLINE=1 # 109020130 states, depth 120, 301 s, 7.3 GB
}

fail() {
	echo "model/check.sh: $*" >&2
	exit 1
}

# search searches all states of the model $1, with the macros that follow, until
# it finds an error. Its report is $tmp/out.
search() {
	local flags=("${compile[@]}")
	if [ "$1" = $word ]; then # the partial order reduction does not support its "unless"
		flags+=(-DNOREDUCE)
	fi
	(
		cd "$tmp"
		spin "${@:2}" -a "$root/$1" >out || fail "$(cat out)"
		gcc -w -O2 -DSAFETY "${flags[@]}" -o pan pan.c
		./pan -b "${run[@]}" >out || true # it fails where it finds an error
	)
}

# right checks that a model has no error.
right() {
	local start=$SECONDS
	search "$@"
	if ! grep -q 'errors: 0$' "$tmp/out" || grep -qE '^Warning: Search not completed|^error:|out of memory' "$tmp/out"; then
		fail "$*: $(cat "$tmp/out")"
	fi
	awk -v name="$*" -v seconds=$((SECONDS - start)) '
		/depth reached/ { depth = $0; gsub(/.*reached |,.*/, "", depth) }
		/states, stored/ { states = $1 }
		/total actual memory usage/ { memory = $1 }
		END { printf "%-52s %10d states, depth %7d, %4d s, %4.1f GB\n", name, states, depth, seconds, memory / 1024 }
	' "$tmp/out"
}

# wrong checks that each of the given mistakes is found in the model $1, with the
# macros that follow it.
wrong() {
	local model=$1 macros=() error
	shift
	while [[ $1 == -D* ]]; do
		macros+=("$1")
		shift
	done
	for mistake; do
		search "$model" "${macros[@]}" "-D$mistake"
		error=$(sed -n 's/^pan:1: \(invalid end state\|assertion violated\) .*/\1/p' "$tmp/out")
		[ -n "$error" ] || fail "$mistake is not found in $model ${macros[*]}: $(cat "$tmp/out")"
		printf '%-52s %s: %s\n' "$model ${macros[*]}" "$mistake" "$error"
		echo "$model $mistake" >>"$tmp/found"
	done
}

# all_mistakes_were_seeded compares the mistakes that wrong has found with those
# in the models: the macros whose names contain an underscore.
all_mistakes_were_seeded() {
	local model
	for model in $event $word $gate; do
		grep -E '^#if' "$model" | grep -oE '[A-Z]+_[A-Z_]+' | sed "s|^|$model |"
	done | sort -u >"$tmp/seeded"
	sort -u "$tmp/found" | diff "$tmp/seeded" - || fail "< is not checked, > is not in the model"
}

root=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
case ${1-} in
"") small ;;
large) large ;;
*) fail "usage: model/check.sh [large]" ;;
esac
