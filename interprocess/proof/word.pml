// A model of the word that processes share (event.go), for the model checker Spin
// (https://spinroot.com). check.sh runs it.
//
// Three processes call methods any number of times: the first waits, the last sets
// and clears, and the other does both. A wait sleeps in the kernel or with the help
// of a hub, and one of the first may have a limit. Any process may be killed, before
// any step. A step is one access to the word, one system call or one atomic
// operation of the kernel. With TWO_STEPS, the kernel cannot set and wake in one.
//
// There is no backstop until a process has been killed: before, every wake-up must
// come from the kernel or a ring. Spin explores all interleavings and finds every
// failure of an assertion, and every state in which a process is stuck:
//
//   - Set finds the event set, and Clear finds it unset, at some moment between
//     call and return.
//   - A wait succeeds only if the event was set since the wait found it unset (no
//     early wake-up).
//   - When nothing else can happen, no process waits for a Set that has happened
//     (no lost wake-up), and one more Set and Clear release all waiters.

#ifdef TWO_STEPS
#define ONE_STEP false
#else
#define ONE_STEP true
#endif

// Mistakes that Spin must find if they are made.
mtype = { correct,
	CLEAR_CHANGES_UNSET, CLEAR_KEEPS_GENERATION, CLEAR_STORES, HUB_HAS_NO_BACKSTOP,
	HUB_LISTENS_LAST, HUB_MARKS_LAST, MARK_DROPS_OTHERS, SET_IGNORES_LATER_GENERATION,
	SET_IGNORES_LATER_MARK, SET_IGNORES_LOST_SWAP, SET_RINGS_FIRST, SET_STORES,
	SET_WAKES_ONE, SLEEP_DOES_NOT_COMPARE, SLEEP_HAS_NO_BACKSTOP, SLEEP_HAS_NO_MARK
};
#ifndef MISTAKE
#define MISTAKE correct
#endif
#define wrong(m) (MISTAKE == m)

#define set       1
#define asleep    2
#define listening 4

byte word;         // without its generation, which is in:
byte passed = 255; // processes that remember no word of this generation, one bit each
byte queue;        // processes asleep on the word in the kernel
byte listens;      // processes whose bell listens
byte rung;         // and has been rung since it last woke the hub
bool killed;       // some process has been

// Read only by the assertions:
byte forSet;       // processes in Set, or in a wait that found the event unset
byte forUnset;     // processes in Clear
byte seen;         // and the event was set (or unset) since then

#define ME     (1 << _pid)
#define isSet  (word & set)
#define over   (isSet || passed & ME)
#define same   (word == w && !(passed & ME))        // a compare-and-swap finds w

chan kill = [0] of { byte };
bool stopped; // processes begin no more calls

inline begin(calls, now) { d_step { calls = calls | ME; seen = (now -> seen | ME : seen) } }
inline end(promise) {
	d_step {
		assert(promise);
		forSet = forSet & ~ME; forUnset = forUnset & ~ME; seen = seen & ~ME;
		queue = queue & ~ME; listens = listens & ~ME; rung = rung & ~ME;
		passed = passed | ME; w = 0; timed = false; done = false
	}
}

// Operations on the word. Each is one step, or part of one.

inline load() { w = word; passed = passed & ~ME }
inline store(new) { word = new; seen = seen | (isSet -> forSet : forUnset) }
inline mark(m) {
	if
	:: over
	:: else -> word = (wrong(MARK_DROPS_OTHERS) -> m : word | m); w = word
	fi
}
inline wakeAll() { queue = (wrong(SET_WAKES_ONE) -> queue & (queue - 1) : 0) }
inline ring(now) { rung = (now && (w & (set|listening)) == listening -> rung | listens : rung) }

// The methods.

inline Set() {
	d_step { load(); ring(wrong(SET_RINGS_FIRST)) };
	do
	:: (w & (set|asleep)) == asleep ->
		d_step {                                    // futex.SetAndWake
			if
			:: ONE_STEP -> store(word | set); wakeAll(); done = true
			:: !ONE_STEP && same -> store(word | set); done = true
			:: else -> load()
			fi
		};
		if
		:: done ->
#ifdef TWO_STEPS
			wakeAll();
#endif
			d_step {                                // now := e.word.Load()
				if
				:: passed & ME -> w = (wrong(SET_IGNORES_LATER_GENERATION) -> w : w | listening)
				:: else        -> w = (wrong(SET_IGNORES_LATER_MARK) -> w : word & ~set)
				fi
			};
			break
		:: else
		fi
	:: else ->
		d_step {                                    // e.word.CompareAndSwap(w, w|set)
			if
			:: same || wrong(SET_STORES) -> store(w | set); done = true
			:: else -> load(); done = wrong(SET_IGNORES_LOST_SWAP)
			fi
		};
		if :: done -> break :: else fi
	od;
	ring(!wrong(SET_RINGS_FIRST))
}

inline Clear() {
	d_step { load() };
	if
	:: !(w & set) && !wrong(CLEAR_CHANGES_UNSET)
	:: else ->
		d_step {                                    // e.word.CompareAndSwap(w, generationOf(w)+oneClear)
			if
			:: same -> store(0); passed = (wrong(CLEAR_KEEPS_GENERATION) -> passed : 255)
			:: !same && wrong(CLEAR_STORES) -> store(0)
			:: else
			fi
		}
	fi
}

inline sleep() {
	do
	:: over -> break
	:: !over ->
		d_step { if :: wrong(SLEEP_HAS_NO_MARK) -> load() :: else -> mark(asleep) fi };
		d_step { if :: same || wrong(SLEEP_DOES_NOT_COMPARE) -> queue = queue | ME :: else fi };
		if
		:: !(queue & ME)                            // was woken, or did not fall asleep
		:: timed -> queue = queue & ~ME; break      // the limit
		:: !ONE_STEP && killed && over && !wrong(SLEEP_HAS_NO_BACKSTOP) -> queue = queue & ~ME
		fi
	od
}

inline listen() {
	d_step { if :: wrong(HUB_LISTENS_LAST) :: else -> listens = listens | ME fi };
	d_step { if :: wrong(HUB_MARKS_LAST)   :: else -> mark(listening)        fi };
	if
	:: over
	:: d_step { !over -> w = 0 };
		do
		:: d_step { rung & ME -> rung = rung & ~ME };
			if :: over -> break :: !over fi         // the hub looks
		:: killed && over && !wrong(HUB_HAS_NO_BACKSTOP) -> break
		:: timed -> break
		:: d_step { wrong(HUB_LISTENS_LAST) && !(listens & ME) -> listens = listens | ME }
		:: d_step { wrong(HUB_MARKS_LAST) && !over && !(word & listening) -> mark(listening) }
		od
	fi
}

inline Wait() {
	d_step { load(); w = w & set; forSet = (w -> forSet : forSet | ME) };
	if
	:: w
	:: !w -> if :: sleep() :: listen() fi
	fi
}

active [3] proctype process() {
	byte w;
	bool timed, done;
	{
		do
		:: !stopped ->
			if
			:: _pid != 0 -> begin(forSet, isSet);    Set();   end(seen & ME)
			:: _pid != 0 -> begin(forUnset, !isSet); Clear(); end(seen & ME)
			:: _pid != 2 -> if :: _pid == 0 -> timed = true :: true fi;
				Wait(); end(!(forSet & ME) || !over || seen & ME)
			fi
		:: break
		od
	} unless { atomic { kill?eval(_pid) -> killed = true; end(true) } }
}

active proctype others() {
	byte w;
	bool timed, done;
	if
	:: kill!0
	:: kill!1
	:: kill!2
	:: true
	fi;
	timeout; // nothing else can happen
	assert(!(seen & forSet));
	stopped = true;
	Set();
	done = false;
	Clear()
}
