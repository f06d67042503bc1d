// A model of sleeping and waking on Windows (internal/futex/futex_windows.go), for
// the model checker Spin (https://spinroot.com). check.sh runs it.
//
// Two sleepers wait at any time, with or without a limit, and two setters set and
// clear the event. One of the four may be killed before any step, or a stranger
// signal the object of the first generation. A step is one access to the word or one
// system call, beside the Go line that it models. The object of a generation exists
// while a process has it open. The private event of a sleeper, which the timer and
// interrupts signal, is left out: they end the sleep themselves.
//
// There is no backstop until a process has been killed or a stranger has signalled:
// before, every wake-up must come from the object. Spin explores all interleavings
// and finds every failure of an assertion, and every state in which a process is
// stuck:
//
//   - When nothing else can happen, no sleeper waits for a Set that has happened,
//     and one more Set releases both.

#define generations 3

// Mistakes that Spin must find if they are made.
mtype = { correct, NO_BACKSTOP, OPENS_BEFORE_SETTING, TESTS_BEFORE_OPENING };
#ifndef MISTAKE
#define MISTAKE correct
#endif
#define wrong(m) (MISTAKE == m)

#define set    1
#define asleep 2
#define next   4

byte word;
byte open[generations];      // processes that have the object of the generation open, one bit each
bool signalled[generations]; // the object is
bool disturbed;              // there was a kill or a stranger's signal

// Read only by the assertion:
byte waiting;                // sleepers that found the event unset
byte seen;                   // and it was set since then

#define ME        (1 << _pid)
#define of(w)     (w / next)                        // generationOf
#define passed(g) ((word & ~asleep) != g * next)

chan kill = [0] of { byte };

inline closeHandle(g) { atomic { open[g] = open[g] & ~ME; signalled[g] = signalled[g] && open[g] } }

inline wait() {                                     // func (e *Event) sleep(g, l) (ok bool) {
	do
	:: passed(g) -> break
	:: d_step { !passed(g) -> word = word | asleep }; // w, unset := e.mark(asleep, g.generation)
		open[g] = open[g] | ME;                     // func (s *sleeper) sleep(…) { createEventEx.Call(…)
		if
		:: passed(g) && !wrong(TESTS_BEFORE_OPENING)
		:: else ->                                  // for ; w.Load() == want …
			do                                      //     waitForAny.Call(…):
			:: signalled[g] && !heard ->
				heard = true;                       //     n = 1
				if :: passed(g) -> break :: else fi
			:: limited -> break                     //     (an interrupt)
			:: disturbed && passed(g) && !wrong(NO_BACKSTOP) -> break // (the timer)
			od
		fi;
		closeHandle(g);                             // syscall.CloseHandle(object)
		heard = false;
		if :: limited -> break :: else fi
	od
}

inline openObject() { opened = open[of(w)] != 0; open[of(w)] = (opened -> open[of(w)] | ME : 0) }
inline load() {
	w = word;
	if :: wrong(OPENS_BEFORE_SETTING) && (w & (set|asleep)) == asleep -> openObject() :: else fi
}

inline Set() {                                      // func (e *Event) Set() {
	d_step { load() };
	do
	:: (w & (set|asleep)) == asleep ->              // func setAndWake(w, old, bit, key) {
		d_step {                                    //     if !w.CompareAndSwap(old, old|bit)
			done = word == w;
			if :: done -> word = w | set; seen = seen | waiting :: else fi
		};
		if                                          //     object := openEvent.Call(…)
		:: done && !wrong(OPENS_BEFORE_SETTING) -> d_step { openObject() }
		:: else
		fi;
		if
		:: opened ->
			if :: done -> signalled[of(w)] = true :: else fi; // setEvent.Call(object)
			opened = false;
			closeHandle(of(w))                      //     syscall.CloseHandle(object)
		:: else
		fi;
		if :: done -> break :: else -> d_step { load() } fi // }
	:: (w & (set|asleep)) != asleep ->
		d_step {                                    // e.word.CompareAndSwap(w, w|set)
			done = word == w;
			if :: done -> word = w | set; seen = seen | waiting :: else -> load() fi
		};
		if :: done -> break :: else fi
	od;
	done = false
}

inline Clear() {                                    // func (e *Event) Clear() {
	w = word;
	d_step {                                        // e.word.CompareAndSwap(w, generationOf(w)+oneClear)
		if :: w & set && word == w -> word = (of(w) + 1) * next :: else fi
	}
}

inline die() {
	d_step {
		for (i : 0 .. generations - 1) { open[i] = open[i] & ~ME; signalled[i] = signalled[i] && open[i] };
		waiting = waiting & ~ME; seen = seen & ~ME; disturbed = true; i = 0
	}
}
hidden byte i;

active [2] proctype sleeper() {
	byte g;
	bool heard, limited;
	{
		if :: limited = true :: true fi;
		d_step {
			g = of(word);                           // func (e *Event) begin() (generation, over, err) {
			if :: !(word & set) -> waiting = waiting | ME :: else fi
		};
		if :: waiting & ME -> wait() :: else fi;
		atomic { waiting = waiting & ~ME; seen = seen & ~ME; g = 0; heard = false; limited = false }
	} unless { atomic { kill?eval(_pid) -> die() } }
}

active [2] proctype setter() {
	byte w;
	bool done, opened;
	{
		Set();
		Clear();
		w = 0
	} unless { atomic { kill?eval(_pid) -> die() } }
}

active proctype others() {
	byte w;
	bool done, opened;
	if
	:: kill!0
	:: kill!2
	:: d_step { open[0] -> signalled[0] = true; disturbed = true }
	:: true
	fi;
	timeout; // nothing else can happen
	assert(!(seen & waiting));
	Set()
}
