// A model of the gate (wait.go, internal/futex/futex_linux.go), at which a handle's
// waits for one generation meet, for the model checker Spin (https://spinroot.com).
// check.sh runs it.
//
// N waits through one handle begin at any time, those in DONE with a context and
// those in DEADLINE with a deadline. Other processes set and clear the event any
// number of times. With CLOSE, the handle is closed. The kernel may refuse a leader,
// and then the hub serves it. A step is one access to state that goroutines or
// processes share, beside the Go line that it models. The model is simpler than the
// code where that makes no difference:
//
//   - Set, Clear, the marks and the bell are one step each, as word.pml justifies:
//     the hub looks once the generation has passed.
//   - Accesses guarded by a mutex are not separate steps.
//   - The state of the handle, the limits and the generations change only once, so
//     one step can test several of these.
//   - No room among the sleepers is a refusal by the kernel.
//   - An interrupter repeats its wake whenever that has an effect. (The channel
//     left only shortens its pauses.)
//   - Done is a wait without a limit.
//
// Spin explores all interleavings and finds every failure of an assertion, and every
// state in which a goroutine is stuck:
//
//   - A wait reports success only if the event was set since the wait found it
//     unset (no early wake-up).
//   - A wait reports that it gave up, or that the handle is closed, only if that
//     is true and the event was not set before (the event wins ties).
//   - When nothing else can happen, no wait is left whose event was set, whose limit
//     was reached or whose handle is closed (no lost wake-up), and one more Set and
//     Clear end the other waits and all goroutines.
//   - A gate is released only when its generation is over or the handle closed.
//   - A gate never has two tokens, and no thread sleeps on a page that has been
//     replaced.

#define N 2
#ifndef DONE
#define DONE 0
#endif
#ifndef DEADLINE
#define DEADLINE 0
#endif

// Mistakes that Spin must find if they are made.
mtype = { correct,
	ANSWERS_FROM_THE_PAGE, ANSWERS_WITHOUT_MU, CLEAR_KEEPS_GENERATION,
	CLOSE_DETACHES_FIRST, CLOSE_DOES_NOT_INTERRUPT, CLOSE_DOES_NOT_RELEASE,
	CLOSE_SAMPLES_FIRST, INTERRUPTS_ONCE, JOINS_WITHOUT_A_LOOK, KEEPS_THE_TOKEN,
	LIVE_BEFORE_WORD, REFUSAL_ENDS_THE_WAIT, STOP_NOT_TESTED_AGAIN
};
#ifndef MISTAKE
#define MISTAKE correct
#endif
#define wrong(m) (MISTAKE == m)

#define set    1
#define asleep 2
#define next   4
#define other  252 // a generation that no wait remembers
#define none   255 // no gate

byte page[2];               // the word that processes share, and the one that replaces it
bit detached;               // which the handle has
#define word page[detached]
bool remembered;            // some wait remembers the generation: if none, Clear need not change it
byte queue;                 // waits asleep on the shared word in the kernel, one bit each

// type Event struct
bool live = true, mu;
byte gate = none, last;

// type gate struct, and its sleeper: one for each wait that may make one
byte generation[N];
byte over, token;           // over is closed, token is full: one bit for each gate
byte odd;                   // phase is
byte same[N];               // interrupters that have loaded phase as it is now, one bit each

byte reached;               // type limit struct: it was reached, one bit for each wait

// Read only by the assertions, one bit for each wait:
byte waiting;               // it found the event unset
byte seen;                  // the event was set since then,
byte seenByLimit;           // before the limit was reached,
byte seenByClose;           // before the handle was closed

#define ME             (1 << _pid)
#define GATE           (1 << g)
#define passed(w, gen) ((w & ~asleep) != gen)
#define ended(gen)     (passed(word, gen) || !live) // func (e *Event) ended(generation) bool
#define stop           (reached & ME || !live)      // in sleep

inline loadWord() {
	w = word;
	if
	:: !(w & set) && !(waiting & ME) -> waiting = waiting | ME; remembered = remembered || !detached
	:: else
	fi
}
inline load() {                                     // func (e *Event) load() (word, live) {
	d_step { if :: wrong(LIVE_BEFORE_WORD) -> open = live :: else -> loadWord() fi };
	d_step { if :: wrong(LIVE_BEFORE_WORD) -> loadWord() :: else -> open = live fi }
}

inline release(g) { assert(ended(generation[g])); over = over | 1 << g }

// The sleeper.

inline addToPhase() { d_step { odd = odd ^ GATE; same[g] = 0 } }

inline interrupt(g, me) {                           // func (s *sleeper) interrupt(w Word) {
	if                                              // phase := s.phase.Load()
	:: !(odd & 1 << g) || me == N && wrong(CLOSE_DOES_NOT_INTERRUPT) // if phase%2 == 0 { return }
	:: d_step { odd & 1 << g -> same[g] = same[g] | 1 << me };
		do
		:: !(same[g] & 1 << me) -> break            // for s.phase.Load() == phase &&
		:: d_step { same[g] & 1 << me && queue && !detached -> queue = 0 } // futex(w, futexWakeBitset, …)
		:: !queue && wrong(INTERRUPTS_ONCE) -> break
		od
	fi
}

inline futexWait() {                                // futex(w, futexWaitBitset, want, &until, ownBit):
	d_step { if :: word == (gen | asleep) -> assert(!detached); queue = queue | ME :: else fi };
	if
	:: !(queue & ME)                                // until a wake
	:: DEADLINE & reached & ME -> queue = queue & ~ME // or the deadline
	fi
}

proctype interrupter(byte me, g) {                  // go func() in sleep { select {
end:                                                // case <-finished:
	reached & 1 << me;                              // case <-l.done:
	interrupt(g, me)                                //     g.sleeper.Interrupt(e.word) } }
}

// The gate.

inline join() {                                     // func (e *Event) join(generation) *gate {
	d_step {
		!mu;                                        // e.mu.Lock()
		if
		:: ended(gen) && !wrong(JOINS_WITHOUT_A_LOOK) -> g = none // if e.ended(generation) { return nil }
		:: else ->
			if                                      // if e.gate == nil || e.gate.generation != generation ||
			:: gate != none && generation[gate] == gen && !(over & 1 << gate) // e.gate.released() {
			:: else ->
				gate = _pid;                        //     e.gate = &gate{ …
				generation[gate] = gen;             //     generation: generation }
				token = token | 1 << gate           //     e.gate.token <- struct{}{} }
			fi;
			g = gate                                // return e.gate
		fi
	}
}

inline waitAt() {                                   // func (e *Event) waitAt(g, l) { select {
	if
	:: over & GATE                                  // case <-g.over:
	:: reached & ME                                 // case <-l.done: case <-timeout:
	:: d_step { token & GATE -> token = token & ~GATE }; // case <-g.token:
		lead()                                      //     e.lead(g, l) }
	fi
}

inline lead() {                                     // func (e *Event) lead(g, l) {
	sleep();                                        // if !e.sleep(g, l) {
	if
	:: refused && !wrong(REFUSAL_ENDS_THE_WAIT) -> listen() // e.listen(g, l) }
	:: else
	fi;
	if
	:: ended(gen) -> d_step { release(g) }          // if e.ended(g.generation) { g.release() }
	:: !ended(gen) ->                               // else { g.token <- struct{}{} }
		d_step { assert(!(token & GATE)); token = (wrong(KEEPS_THE_TOKEN) -> token : token | GATE) }
	fi
}

inline sleep() {                                    // func (e *Event) sleep(g, l) (ok bool) {
	if
	:: DONE & ME -> run interrupter(_pid, g)        // if l.done != nil { go func() … }
	:: else
	fi;
	do
	:: stop || refused -> break
	:: !stop && !refused ->                         // for !stop() {
		if                                          //     w, unset := e.mark(asleep, g.generation)
		:: passed(word, gen) -> break               //     if !unset { break }
		:: d_step { !passed(word, gen) -> word = word | asleep }
		fi;
		addToPhase();                               //     g.sleeper.Sleep: s.phase.Add(1)
		if
		:: stop && !wrong(STOP_NOT_TESTED_AGAIN)
		:: else ->                                  //     if !stop() {
			if
			:: futexWait()                          //         futex(…) }
			:: refused = true                       //         (the kernel does)
			fi
		fi;
		addToPhase()                                //     s.phase.Add(1)
	od                                              // }
}

inline listen() {                                   // func (e *Event) listen(g, l) {
	if
	:: ended(gen)                                   // if e.ended(g.generation) { return }
	:: !ended(gen) ->
		if                                          // select {
		:: over & GATE                              // case <-g.over:
		:: passed(page[0], gen) -> d_step { release(g) } // (a ring: look releases g)
		:: reached & ME                             // case <-l.done: case <-timeout: }
		fi
	fi
}

active [N] proctype wait() {
	byte w, g, gen;
	bool open, refused;

	load();                                         // func (e *Event) begin() (generation, over, err) {
	if
	:: !open || w & set                             // case !live: return ErrClosed; case w&set != 0: return nil }
	:: else ->                                      // func (e *Event) waitFor(generation, l) error {
		gen = w & ~asleep;
		if
		:: reached & ME
		:: !(reached & ME) ->                       // if !l.reached() {
			join();                                 //     if g := e.join(generation)
			if
			:: g != none -> waitAt()                //     g != nil { e.waitAt(g, l) } }
			:: else
			fi
		fi;
		load();                                     // w, live := e.load()
		if
		:: !open && !wrong(ANSWERS_FROM_THE_PAGE) -> // if !live {
			!mu || wrong(ANSWERS_WITHOUT_MU);       //     e.mu.Lock()
			w = last                                //     w = e.last; e.mu.Unlock() }
		:: else
		fi;
		if
		:: passed(w, gen) -> assert(seen & ME)      // case passed(w, generation): return nil
		:: !passed(w, gen) && !open -> assert(!live && !(seenByClose & ME)) // !live: return ErrClosed
		:: !passed(w, gen) && open -> assert(reached & ME && !(seenByLimit & ME)) // return errGaveUp
		fi
	fi;
	d_step {
		waiting = waiting & ~ME; seen = seen & ~ME;
		seenByLimit = seenByLimit & ~ME; seenByClose = seenByClose & ~ME;
		w = 0; g = 0; gen = 0; open = false; refused = false
	}
}

inline endLive() { live = false; seenByClose = seen } // e.live.CompareAndSwap(true, false)

active proctype close() {                           // func (e *Event) Close() error {
	byte g;

#ifndef CLOSE
end:
	false;
#endif
	d_step {
		mu = true;                                  // e.mu.Lock()
		if :: wrong(CLOSE_SAMPLES_FIRST) -> last = word :: else -> endLive() fi
	};
	d_step {                                        // e.last = e.word.Load()
		if :: wrong(CLOSE_SAMPLES_FIRST) -> endLive() :: else -> last = word fi
	};
	d_step {
		g = gate; mu = false;                       // g := e.gate; e.mu.Unlock()
		detached = wrong(CLOSE_DETACHES_FIRST)
	};
	if
	:: g != none ->                                 // if g != nil {
		d_step { if :: wrong(CLOSE_DOES_NOT_RELEASE) :: else -> release(g) fi }; // g.release()
		interrupt(g, N)                             //     g.sleeper.Interrupt(e.word) }
	:: else
	fi;
	if                                              // e.page.Close()
	:: d_step { assert(!queue); detached = 1 }      // (zeros have the generation of a wait,
	:: d_step { assert(!queue); detached = 1; page[1] = other } // or another one)
	:: true                                         // (not Linux)
	fi
}

inline Set() {
	d_step { page[0] = page[0] | set; queue = (page[0] & asleep -> 0 : queue); seen = seen | waiting }
}
inline Clear() {
	d_step {
		page[0] & set;
		page[0] = page[0] & ~(set|asleep);
		page[0] = page[0] + (remembered && !wrong(CLEAR_KEEPS_GENERATION) -> next : 0);
		remembered = false
	}
}
inline reach(i) {
	d_step {
		(DONE | DEADLINE) & ~reached & 1 << i;
		reached = reached | 1 << i;
		seenByLimit = seenByLimit | seen & 1 << i
	}
}

active proctype others() {
	do
	:: Set()
	:: Clear()
	:: reach(0)
	:: reach(1)
	:: break
	od;
	timeout; // nothing else can happen
	assert(!(waiting & (seen | reached)) && (live || !waiting));
	Set();
	Clear()
}
