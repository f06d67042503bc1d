// A model of the word that processes share, for the model checker Spin
// (https://spinroot.com). check.sh runs it.
//
// N processes call Set, Clear and the waits in any order, any number of times. A
// wait sleeps in the kernel or with the help of the hub, and may have a limit. Any
// process may be killed before any step. A step is one access to the word, one
// system call or one atomic operation of the kernel, beside the Go line that it
// models. With TWO_STEPS, the kernel cannot set and wake in one step.
//
// Backstops exist only once a process has been killed: without a kill, every
// wake-up must come from the kernel or a ring. When nothing else can happen, no
// process waits for a Set that has happened, and one more Set and Clear release
// all waiters.
//
// Spin explores all interleavings and finds every state in which a process is
// stuck, and every failure of an assertion:
//
//   - Set finds the event set, and Clear finds it unset, at some moment between
//     call and return.
//   - A wait succeeds only if the event was set since the wait found it unset (no
//     early wake-up), and stays asleep only if it was not (no lost wake-up).
//
// Each macro with an underscore other than TWO_STEPS seeds a mistake that Spin
// must find.

#ifndef N
#define N 3
#endif

#define set       1
#define asleep    2
#define listening 4
#define passed    8

// The generation of the word is always 0. That of a remembered word is 0 too, until
// a Clear makes it passed: the count wraps around only after 2^29 of them.
byte word;
byte w[N + 2] = passed; // the word as each process remembers it
byte queue;             // processes asleep on the word in the kernel, one bit each
byte listens;           // processes whose bell listens
byte rung;              // and has been rung since it last woke the hub
bool killed;            // some process has been

// Read only by the assertions, one bit for each process:
byte forSet;   // it is in Set, or in a wait that found the event unset
byte forUnset; // it is in Clear
byte seen;     // the event was set (or unset) since then

#define ME    (1 << _pid)
#define isSet (word & set)
#define over  (isSet || w[_pid] & passed)           // passed(e.word.Load(), generation)

chan kill = [0] of { byte };
bool ending;
hidden byte i;

inline call(calls, now) { d_step { calls = calls | ME; seen = (now -> seen | ME : seen) } }
inline end(promise) {
	d_step {
		assert(promise);
		forSet = forSet & ~ME; forUnset = forUnset & ~ME; seen = seen & ~ME;
		queue = queue & ~ME; listens = listens & ~ME; rung = rung & ~ME;
		w[_pid] = passed; timed = false; done = false
	}
}

// The operations on the word; each is part of a d_step.

inline store(new) { word = new; seen = seen | (isSet -> forSet : forUnset) }
inline storeNext() {
	store(0);
#ifndef CLEAR_KEEPS_GENERATION
	for (i : 0 .. N + 1) { w[i] = w[i] | passed };
#endif
	i = 0
}
inline wakeAll() {
#ifdef SET_WAKES_ONE
	queue = queue & (queue - 1)
#else
	queue = 0
#endif
}
inline mark(m) {                                    // func (e *Event) mark(mark, generation) (word, unset) {
	d_step { if :: !over -> word = word | m; w[_pid] = word :: else fi }
}

// The methods.

inline Set() {                                      // func (e *Event) Set() {
	w[_pid] = word;                                 // w, live := e.load()
#ifdef SET_RINGS_FIRST
	rung = (word & listening -> rung | listens : rung);
#endif
	do
	:: (w[_pid] & (set|asleep)) == asleep ->        // if w&(set|asleep) == asleep {
		d_step {                                    //     if !futex.SetAndWake(e.word, w, …) { continue }
			if
#ifdef TWO_STEPS
			:: word != w[_pid] -> w[_pid] = word
			:: else -> store(word | set); done = true
#else
			:: true -> store(word | set); wakeAll(); done = true
#endif
			fi
		};
		if
		:: done ->
#ifdef TWO_STEPS
			wakeAll();
#endif
			d_step {
				if                                  //     now := e.word.Load()
#ifndef SET_IGNORES_LATER_GENERATION
				:: w[_pid] & passed -> w[_pid] = listening // generationOf(now) != generationOf(w): w |= listening
#endif
#ifndef SET_IGNORES_LATER_MARK
				:: else -> w[_pid] = word & ~set    //     else: w = now &^ set }
#else
				:: else
#endif
				fi
			};
			break
		:: else
		fi
	:: (w[_pid] & (set|asleep)) != asleep ->
		d_step {                                    // else if !e.word.CompareAndSwap(w, w|set) { continue }
			if
#ifndef SET_STORES
			:: word != w[_pid] -> w[_pid] = word    // w = e.word.Load()
#endif
			:: else -> store(word | set); done = true
			fi
		};
		if :: done -> break :: else fi
	od;
#ifndef SET_RINGS_FIRST
	if                                              // if w&(set|listening) == listening { e.ring() }
	:: (w[_pid] & (set|listening)) == listening -> rung = rung | listens
	:: else
	fi
#endif
}

inline Clear() {                                    // func (e *Event) Clear() {
	w[_pid] = word;                                 // w, live := e.load()
	if
#ifndef CLEAR_CHANGES_UNSET
	:: !(w[_pid] & set)                             // if w&set != 0 {
#endif
	:: else ->
		d_step {                                    //     e.word.CompareAndSwap(w, generationOf(w)+oneClear) }
			if
			:: word == w[_pid] -> storeNext()
#ifdef CLEAR_STORES
			:: else -> store(0)
#else
			:: else
#endif
			fi
		}
	fi
}

inline sleep() {                                    // func (e *Event) sleep(g, l) {
	do
	:: over -> break
	:: !over ->
#ifdef SLEEPS_WITHOUT_MARK
		d_step { if :: !over -> w[_pid] = word :: else fi };
#else
#ifdef MARK_DROPS_OTHERS
		d_step { if :: !over -> word = asleep; w[_pid] = word :: else fi };
#else
		mark(asleep);                               // w, unset := e.mark(asleep, generation)
#endif
#endif
		d_step {                                    // Sleep: futex(w, futexWaitBitset, want, &until): if w is want,
			if
#ifndef SLEEP_DOES_NOT_COMPARE
			:: word != w[_pid]
#endif
			:: else -> queue = queue | ME           //     sleep
			fi
		};
		if
		:: !(queue & ME)                            //     until a wake,
		:: timed -> queue = queue & ~ME; break      //     or the deadline,
#if defined TWO_STEPS && !defined NO_BACKSTOP
		:: killed && over -> queue = queue & ~ME    //     or the backstop
#endif
		fi
	od
}

inline listen() {                                   // func (e *Event) listen(g, l) {
#ifndef HUB_LISTENS_LAST
	listens = listens | ME;                         // b.Listen(e.page.File())
#endif
#ifndef HUB_MARKS_LAST
	mark(listening);                                // e.mark(listening, g.generation)
#endif
	if
	:: over                                         // if e.ended(g.generation) { return }
	:: !over ->
#ifdef HUB_LISTENS_LAST
		listens = listens | ME;
#endif
#ifdef HUB_MARKS_LAST
		mark(listening);
#endif
		do                                          // select { func watch(b, hurry):
		:: d_step { rung & ME -> rung = rung & ~ME }; // case <-rung:
			if :: over -> break :: !over fi         //     look(idle): g.release()
#ifndef NO_BACKSTOP
		:: killed && over -> break                  // case <-timer.C:
#endif
		:: timed -> break                           // case <-timeout: }
		od
	fi
}

inline Wait() {
	d_step {                                        // func (e *Event) begin() (generation, over, err) {
		w[_pid] = word & set;                       // w, live := e.load()
		forSet = (isSet -> forSet : forSet | ME)    // w&set != 0: return true
	};
	if
	:: !(w[_pid] & set) -> if :: sleep() :: listen() fi
	:: else
	fi
}

active [N] proctype process() {
	bool timed, done;
	{
		do
		:: !ending ->
			if
			:: _pid != 0 -> call(forSet, isSet);    Set();   end(seen & ME)
			:: _pid != 0 -> call(forUnset, !isSet); Clear(); end(seen & ME)
			:: _pid != 2 -> if :: timed = true :: true fi;
				Wait(); end(!(forSet & ME) || !over || seen & ME)
			fi
		:: break
		od
	} unless { atomic { kill?eval(_pid) -> killed = true; end(true) } }
}

active proctype killer() {
	do
	:: kill!0
	:: kill!1
	:: kill!2
	:: break
	od
}

active proctype last() {
	bool timed, done;
	timeout; // nothing else can happen
	assert(!(seen & forSet));
	ending = true;
	Set();
	done = false;
	Clear()
}
