#!/usr/bin/env bash
# Checks with Spin and gcc that the models have no error, and that the mistakes
# which they list are found.
set -euo pipefail
models=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() {
	echo "check.sh: $*" >&2
	exit 1
}

# search searches all states of the model $2, with the macros that follow, until
# it finds an error. Its report is $tmp/out. $1 is an option of gcc.
search() {
	local flags=("$1" -DSAFETY -DCOLLAPSE -DMEMLIM=16000)
	shift
	[ "$1" = gate ] || flags+=(-DNOREDUCE) # the reduction does not support "unless"
	(
		cd "$tmp"
		spin "${@:2}" -a "$models/$1.pml" >out || fail "$*: $(<out)"
		gcc -w "${flags[@]}" -o pan pan.c
		./pan -b -m2000000 >out || true # it fails where it finds an error
	)
}

# right checks that a model has no error.
right() {
	local start=$SECONDS
	search -O2 "$@"
	if ! grep -q 'errors: 0$' "$tmp/out" || grep -qE '^Warning: Search not completed|^error:|out of memory' "$tmp/out"; then
		fail "$*: $(<"$tmp/out")"
	fi
	printf '%-30s %10d states %4d s\n' "$*" "$(sed -n 's/ states, stored.*//p' "$tmp/out")" $((SECONDS - start))
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
		search -O0 "$model" "${macros[@]}" "-DMISTAKE=$mistake" # most are found in less time than it takes to optimize
		error=$(sed -n 's/^pan:1: \(invalid end state\|assertion violated\) .*/\1/p' "$tmp/out")
		[ -n "$error" ] || fail "$mistake is not found in $model ${macros[*]}: $(<"$tmp/out")"
		printf '%-30s %s: %s\n' "$model ${macros[*]}" "$mistake" "$error"
		echo "$model $mistake" >>"$tmp/found"
	done
}

# all_mistakes_were_made compares the mistakes that wrong has found with those that
# the models list.
all_mistakes_were_made() {
	local model
	for model in word gate windows; do
		sed -n '/^mtype/,/}/p' "$models/$model.pml" | grep -oE '[A-Z]+_[A-Z_]+' | sed "s/^/$model /"
	done | sort >"$tmp/listed"
	sort -u "$tmp/found" | diff "$tmp/listed" - || fail "< is not checked, > is not listed"
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
right word
right word -DTWO_STEPS
right gate
right gate -DDONE=1 -DDEADLINE=1
right gate -DDONE=1 -DDEADLINE=2
right gate -DCLOSE
right windows
wrong word CLEAR_CHANGES_UNSET CLEAR_KEEPS_GENERATION CLEAR_STORES HUB_HAS_NO_BACKSTOP \
	HUB_LISTENS_LAST HUB_MARKS_LAST MARK_DROPS_OTHERS SET_IGNORES_LATER_GENERATION \
	SET_IGNORES_LATER_MARK SET_IGNORES_LOST_SWAP SET_RINGS_FIRST SET_STORES SET_WAKES_ONE \
	SLEEP_DOES_NOT_COMPARE SLEEP_HAS_NO_MARK
wrong word -DTWO_STEPS SLEEP_HAS_NO_BACKSTOP
wrong gate CLEAR_KEEPS_GENERATION REFUSAL_ENDS_THE_WAIT
wrong gate -DDONE=1 INTERRUPTS_ONCE KEEPS_THE_TOKEN STOP_NOT_TESTED_AGAIN
wrong gate -DCLOSE ANSWERS_FROM_THE_PAGE ANSWERS_WITHOUT_MU CLOSE_DETACHES_FIRST \
	CLOSE_DOES_NOT_INTERRUPT CLOSE_DOES_NOT_RELEASE CLOSE_SAMPLES_FIRST INTERRUPTS_ONCE \
	JOINS_WITHOUT_A_LOOK LIVE_BEFORE_WORD STOP_NOT_TESTED_AGAIN
wrong windows NO_BACKSTOP OPENS_BEFORE_SETTING TESTS_BEFORE_OPENING
all_mistakes_were_made
