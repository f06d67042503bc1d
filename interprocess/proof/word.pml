// A model of the word that processes share, for the model checker Spin
// (https://spinroot.com). ../../model/check.sh runs it.
//
// N processes call Set, Clear, Wait and WaitTimeout in any order, any number of
// times. Any process may be killed before any step. A step is one access to the
// word, or one atomic operation of the kernel, beside the Go line that it models.
// WaitTimeout stands for WaitContext too. When every process has stopped, was
// killed or waits, no process waits for a Set that has happened, and one more Set
// and Clear release all waiters.
//
// Spin explores all interleavings and finds every state in which a process is
// stuck, and every failure of an assertion:
//
//   - Set finds the event set, and Clear finds it unset, at some moment between
//     call and return.
//   - A wait succeeds only if the event was set since the wait found it unset (no
//     early wake-up), and stays asleep only if it was not (no lost wake-up).
//   - WaitTimeout reports false only if the event was not set between the call
//     and the deadline.
//
// Each macro tested with #ifdef seeds a mistake that Spin must find, except
// FALLBACK, which models a kernel that cannot set and wake in one step.

#ifndef N
#define N 3
#endif

#define set    1
#define asleep 2
#define next   4

// The generation of the word is always 0. In a remembered word it is 0 while it is
// current, and 1 once it has passed, since it wraps around only after 2^30 Clears.
byte word;
byte w[N + 2] = next; // the word as each process remembers it
byte queue;           // the processes asleep on the word in the kernel, one bit each

// Read only by the assertions, one bit for each process:
byte forSet;   // it is in Set, or in a wait that found the event unset
byte forUnset; // it is in Clear
byte seen;     // the event was set (or unset) since then

#define isSet (word & set)
#define over  ((word & ~asleep) != w[_pid])         // func (e *Event) ended(generation) bool
#define ME    (1 << _pid)

chan kill = [0] of { byte };
bool ending;
hidden byte i;

inline call(calls, now) {
	d_step { calls = calls | ME; seen = (now -> seen | ME : seen) }
}
inline end(promise) {
	d_step {
		assert(promise);
		forSet = forSet & ~ME; forUnset = forUnset & ~ME; seen = seen & ~ME;
		w[_pid] = next; timed = false; ok = false; passed = false; tie = false
	}
}

// The operations on the word, and the kernel's.

inline store(new) { word = new; seen = seen | (isSet -> forSet : forUnset) }
inline storeNext() {
	store(0);
	for (i : 0 .. N + 1) { w[i] = w[i] | next };
	i = 0 // a d_step cannot end in a loop
}

inline setAndWake() {                               // func setAndWake(word) {
#ifdef FALLBACK
	d_step { store(word | set) };                   // word.Or(set)
	queue = 0                                       // futex(word, futexWake, math.MaxInt32)
#else
#ifdef SET_WAKES_LATER
	d_step { store(word | set) };
	queue = 0
#else
#ifdef SET_WAKES_ONE
	d_step { store(word | set); queue = queue & (queue - 1) }
#else
	d_step { store(word | set); queue = 0 }         // futex(word, futexWakeOp, math.MaxInt32, orSet)
#endif
#endif
#endif
}

inline park(want) {                                 // func park(word, want, deadline) {
	d_step {
		if                                          // futex(word, futexWaitBitset, want, &until): if word is want,
#ifndef PARK_DOES_NOT_COMPARE
		:: word != (want)
#endif
		:: else -> queue = queue | ME               //     sleep
		fi
	};
	if
	:: !(queue & ME)                                //     until a wake
	:: timed -> d_step { queue = queue & ~ME; passed = true; tie = (seen & ME) != 0 } // or the deadline
#ifdef FALLBACK
	:: queue & ME && word != (want) -> queue = queue & ~ME // or for 100 ms
#endif
	fi
}

// The methods.

inline Set() {                                      // func (e *Event) Set() {
	do                                              // for w, open := e.load(); ; w = e.word.Load() {
	:: (word & (set|asleep)) == asleep ->           // if w&(set|asleep) == asleep {
		setAndWake(); break                         //     setAndWake(e.word); break }
	:: d_step { (word & (set|asleep)) != asleep -> w[_pid] = word };
		d_step {
			ok = word == w[_pid];                   // if e.word.CompareAndSwap(w, w|set) {
#ifdef SET_STORES
			ok = true;
#endif
			if :: ok -> store(word | set) :: else fi;
			w[_pid] = next
		};
		if :: ok -> break :: else fi                //     break } }
	od
}

inline Clear() {                                    // func (e *Event) Clear() {
	if                                              // w, open := e.load()
	:: !isSet ->                                    // if w&set != 0 {
#ifdef CLEAR_CHANGES_UNSET
		d_step { storeNext() }
#else
		skip
#endif
	:: d_step { isSet -> w[_pid] = word };
		d_step {
			ok = word == w[_pid];                   //     e.word.CompareAndSwap(w, w&^(set|asleep)+next) }
			if
#ifdef CLEAR_KEEPS_GENERATION
			:: ok -> store(0)
#else
			:: ok -> storeNext()
#endif
#ifdef CLEAR_STORES
			:: !ok -> store(0)
#endif
			:: else
			fi;
			w[_pid] = next
		}
	fi
}

inline begin(limit) {                               // func (e *Event) begin() (generation, ended, err) {
	d_step {
		w[_pid] = word & ~asleep;                   // w, open := e.load()
		ok = isSet;                                 // w&set != 0: return 0, true, nil; return w &^ asleep
		forSet = (ok -> forSet : forSet | ME);
		timed = limit
	}
}

inline waitFor() {                                  // func (e *Event) waitFor(generation, l) error {
	if
	:: !ok ->
#ifdef WAIT_READS_TWICE
		w[_pid] = word & ~asleep;
#endif
		if
		:: sleep()
		:: poll()
		fi;
#ifdef DEADLINE_DECIDES
		ok = !passed
#else
		ok = over                                   // case w&^asleep != generation: return nil
#endif
	:: else
	fi
}

inline sleep() {                                    // func (e *Event) sleep(g, l) {
	do                                              // for !l.reached() && e.announce(g.generation) {
#ifdef PARKS_WITHOUT_ANNOUNCING
	:: if :: over -> break :: !over fi;
		park(w[_pid]);
#else
	:: d_step { word == w[_pid] -> word = word | asleep } // e.word.CompareAndSwap(generation, generation|asleep)
	:: over -> break                                //     e.word.Load() == generation|asleep
	:: word == (w[_pid] | asleep) ->
		park(w[_pid] | asleep);                     //     park(e.word, g.generation|asleep, l.deadline)
#endif
		if :: passed -> break :: else fi
	od                                              // }
}

inline poll() {                                     // func look() bool {
	if
	:: over                                         // if e.ended(g.generation) { g.release() }
	:: timed -> d_step { passed = true; tie = (seen & ME) != 0 }
	fi
}

active [N] proctype process() {
	bool timed, ok, passed, tie;
	{
		do
		:: !ending ->
			if
			:: call(forSet, isSet);    Set();   end(seen & ME)
			:: call(forUnset, !isSet); Clear(); end(seen & ME)
			:: if
			   :: begin(false) // Wait
			   :: begin(true)  // WaitTimeout
			   fi;
			   waitFor(); end(!(forSet & ME) || ok && seen & ME || !ok && passed && !tie)
			fi
		:: break
		od
	} unless { atomic { kill?eval(_pid) -> queue = queue & ~ME; end(true) } }
}

active proctype killer() {
	do
	:: kill!0
	:: kill!1
	:: kill!2
	:: kill!3
	:: break
	od
}

active proctype last() {
	bool timed, ok, passed, tie;
	timeout; // nothing else can go on
	assert(!(seen & forSet));
	ending = true;
	Set();
	Clear()
}
