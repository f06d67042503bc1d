// A model of the gate, at which a handle's waits for one generation meet, for the
// model checker Spin (https://spinroot.com). ../../model/check.sh runs it.
//
// N waits through one handle begin at any time, and may have limits. Other
// processes set and clear the event any number of times. The handle may be
// closed. The kernel may or may not have a place for a leader; if not, the poller
// serves it. A step is one access to state that goroutines or processes share,
// beside the Go line that it models, with these exceptions:
//
//   - Set and Clear are one step each, as word.pml justifies.
//   - Accesses guarded by a mutex are not separate steps.
//   - The state of the handle, the limits and the generations change only once, so
//     one step can test several of these.
//   - Operations without effect are left out: spins, and wakes that find no thread
//     asleep. The kernel never refuses a wake.
//   - Done is a wait without a limit.
//
// When nothing else can happen, no wait that should have ended is left, and one
// more Set and Clear end the other waits and all goroutines.
//
// Spin explores all interleavings and finds every state in which a goroutine is
// stuck, and every failure of an assertion:
//
//   - A wait reports success only if the event was set since the wait found it
//     unset (no early wake-up), and stays at the gate only if it was not, its
//     limit was not reached and the handle is open (no lost wake-up).
//   - A wait reports that it gave up, or that the handle is closed, only if that
//     is true and the event was not set before (the event wins ties).
//   - A gate opens only when its generation is over or the handle closed.
//   - A gate never has two tokens, and no thread sleeps on a page that has been
//     replaced.
//
// Each macro tested with #ifdef seeds a mistake that Spin must find, except
// CLOSE, which closes the handle, and OTHERS, which adds other processes that wait.

#ifndef N
#define N 2
#endif
#ifndef DONE
#define DONE 0     // the waits whose limit has a done channel, one bit each
#endif
#ifndef DEADLINE
#define DEADLINE 0 // the waits whose limit has a deadline, one bit each
#endif

#define set    1
#define asleep 2
#define next   4
#define other  252 // a generation that no wait remembers
#define none   255 // no gate

byte word;                  // in the page that processes share
byte zeros;                 // in the page that replaces it when the handle is closed
bool detached;              // whether it has
#define page (detached -> zeros : word)
bool remembered;            // a wait remembers the generation: if none does, Clear need not change it
byte queue;                 // the waits asleep on the word in the kernel, one bit each

// type Event struct
bool live = true;           // live atomic.Bool
bool mu;                    // mu   sync.Mutex
byte gate = none;           // gate *gate
byte last;                  // last uint32

// type gate struct, one for each wait that may create one
byte generation[N];         // generation uint32
byte open;                  // open       chan struct{}: closed, one bit for each gate
byte token;                 // token      chan struct{}: full
byte parks;                 // parks      atomic.Uint32: odd
byte same[N];               // the wakers that have loaded parks as it is now, one bit each
byte polled;                // poller.gates

// type limit struct
byte done;                  // done     <-chan struct{}: closed, one bit for each wait
byte passed;                // deadline time.Time: passed
byte finished;              // what sleep closes when it returns

// Read only by the assertions, one bit for each wait:
byte waiting;               // it found the event unset
byte seen;                  // the event was set since then,
byte seenByLimit;           // before the limit was reached,
byte seenByClose;           // before the handle was closed
bool closed;

#define ME              (1 << _pid)
#define GATE            (1 << g)
#define isOver(w)       ((w & ~asleep) != gen)
#define ended(gen)      ((page & ~asleep) != gen || !live)                  // func (e *Event) ended(generation) bool
#define reached         ((DONE & ME -> done : DEADLINE & passed) & ME)      // func (l limit) reached() bool

// The operations on the word, and the kernel's.

inline setAndWake() {
	word = word | set;
	if :: word & asleep -> queue = 0 :: else fi;
	seen = seen | waiting
}
inline clear() {
	word = word & ~(set|asleep);
#ifndef CLEAR_KEEPS_GENERATION
	word = word + (remembered -> next : 0);
#endif
	remembered = false
}
inline wake() { if :: !detached -> queue = 0 :: else fi }

inline park() {                                     // func park(word, want, deadline) {
	d_step {                                        // futex(word, futexWaitBitset, want, &until):
		if
#ifdef PARKS_WITHOUT_ANNOUNCING
		:: page == gen -> assert(!detached); queue = queue | ME
#else
		:: page == (gen | asleep) ->                //     if word is want,
			assert(!detached); queue = queue | ME   //     sleep
#endif
		:: else
		fi
	};
	if
	:: !(queue & ME)                                //     until a wake
	:: deadline && passed & ME -> queue = queue & ~ME // or the deadline
	fi
}

// The gate.

inline release(g) {                                 // func (g *gate) release() {
	d_step {
		assert(ended(generation[g]));
		open = open | 1 << g                        // close(g.open)
	}
}

inline addParks() { d_step { parks = parks ^ GATE; same[g] = 0 } }

inline wakeLeader(g, waker) {                       // func (e *Event) wakeLeader(g *gate) {
	if                                              // n := g.parks.Load()
	:: d_step { parks & 1 << g -> same[g] = same[g] | 1 << waker }; // for n%2 == 1 &&
#ifdef WAKES_ONCE
		d_step { wake() }
#else
		do
		:: !(same[g] & 1 << waker) -> break         // g.parks.Load() == n {
		:: d_step { same[g] & 1 << waker && queue && !detached -> wake() } // wake(e.word) }
		od
#endif
	:: !(parks & 1 << g)
	fi
}

proctype wakeWhenDone(byte p, g) {                  // func (e *Event) wakeWhenDone(g, l, finished) {
	if                                              // select {
	:: finished & 1 << p -> goto out                // case <-finished: return
	:: done & 1 << p                                // case <-l.done: }
	fi;
	if
	:: DEADLINE & passed & 1 << p ->                // if l.expired() {
#ifdef TRUSTS_THE_DEADLINE
		goto out
#endif
		if                                          //     select {
		:: finished & 1 << p -> goto out            //     case <-finished: return
		:: true                                     //     case <-time.After(time.Millisecond): } }
		fi
	:: else
	fi;
	wakeLeader(g, p);                               // e.wakeLeader(g)
out:
	skip
}

inline join() {                                     // func (e *Event) join(generation) *gate {
	d_step {
		!mu;                                        // e.mu.Lock()
		if
#ifndef JOINS_WITHOUT_A_LOOK
		:: ended(gen) -> g = none                   // if e.ended(generation) { return nil }
#endif
		:: else ->
			if                                      // if e.gate == nil || e.gate.generation != generation {
			:: gate != none && generation[gate] == gen
			:: else ->
				gate = _pid;                        //     e.gate = &gate{ …
				generation[gate] = gen;             //     generation: generation }
				token = token | 1 << gate           //     e.gate.token <- struct{}{} }
			fi;
			g = gate                                // return e.gate
		fi
	}
}

inline waitAt() {                                   // func (e *Event) waitAt(g, l) {
	if                                              // select { // which first tries the token alone
	:: open & GATE                                  // case <-g.open:
	:: reached                                      // case <-l.done: case <-timeout:
	:: d_step { token & GATE -> token = token & ~GATE }; // case <-g.token:
		lead()                                      //     e.lead(g, l) }
	fi
}

inline lead() {                                     // func (e *Event) lead(g, l) {
	if
	:: reached || ended(gen)                        // if !l.reached() && !e.spin(g.generation) { select {
	:: place = true                                 //     case places <- struct{}{}:
	:: poll()                                       //     default: hasPlace = e.poll(g, l, places) }
	fi;
	if
	:: place -> sleep()                             //     if hasPlace { e.sleep(g, l); <-places } }
	:: else
	fi;
	if
	:: ended(gen) -> release(g)                     // if e.ended(g.generation) { g.release() }
#ifdef KEEPS_THE_TOKEN
	:: !ended(gen)
#else
	:: !ended(gen) ->                               // else {
		d_step { assert(!(token & GATE)); token = token | GATE } // g.token <- struct{}{} }
#endif
	fi
}

inline poll() {                                     // func (e *Event) poll(g, l, places) (hasPlace bool) {
	polled = polled | GATE;                         // startPolling(g, e)
	if
	:: true -> if                                   // select { // where no place becomes free
		:: open & GATE
		:: reached
		fi
	:: true -> if                                   // select {
		:: open & GATE                              // case <-g.open:
		:: reached                                  // case <-l.done: case <-timeout:
		:: place = true                             // case places <- struct{}{}: hasPlace = true }
		fi
	fi;
	polled = polled & ~GATE                         // delete(poller.gates, g)
}

#ifdef SECOND_LOOK_SKIPS_LIMIT
#define looksAgain (!live)
#else
#ifdef SECOND_LOOK_SKIPS_CLOSE
#define looksAgain reached
#else
#define looksAgain (reached || !live)
#endif
#endif

inline sleep() {                                    // func (e *Event) sleep(g, l) {
	deadline = (DEADLINE & ME) != 0;
	if
	:: DONE & ME -> run wakeWhenDone(_pid, g)       // if l.done != nil { go e.wakeWhenDone(g, l, finished) }
	:: else
	fi;
	do
	:: reached || !live -> break
	:: !reached && live ->                          // for !l.reached() && e.live.Load() &&
#ifndef PARKS_WITHOUT_ANNOUNCING
		d_step {                                    // e.announce(g.generation) {
			if                                      //     e.word.CompareAndSwap(generation, generation|asleep)
			:: page == gen && !detached -> word = gen | asleep
			:: page == gen && detached -> zeros = gen | asleep
			:: else
			fi
		};
#endif
		if
		:: isOver(page) -> break                    //     e.word.Load() == generation|asleep
		:: !isOver(page)
		fi;
		addParks();                                 // g.parks.Add(1)
		if
		:: looksAgain                               // if !l.reached() && e.live.Load() {
		:: !looksAgain -> park()                    //     park(e.word, g.generation|asleep, l.deadline) }
		fi;
		addParks();                                 // g.parks.Add(1)
		if
		:: DONE & ME && deadline && passed & ME ->  // if l.done != nil && l.expired() {
			if                                      //     select {
			:: done & ME                            //     case <-l.done:
			:: deadline = false                     //     case <-time.After(time.Millisecond): l.deadline = … } }
			fi
		:: else
		fi
	od;                                             // }
	finished = finished | ME                        // close(finished)
}

active [N] proctype wait() {
	byte w, g, gen;
	bool place, deadline, closing;

#ifdef LIVE_BEFORE_WORD
	if :: !live -> goto out :: live fi;
#endif
	d_step {                                        // func (e *Event) begin() (generation, ended, err) {
		w = page;                                   // w = e.word.Load()
		gen = w & ~asleep;
		if
		:: w & set
		:: else -> waiting = waiting | ME; remembered = remembered || !detached
		fi
	};
#ifndef LIVE_BEFORE_WORD
	if
	:: !live -> goto out                            // case !open: return 0, true, ErrClosed
	:: live
	fi;
#endif
	if
	:: w & set -> goto out                          // case w&set != 0: return 0, true, nil }
	:: else
	fi;                                             // func (e *Event) waitFor(generation, l) error {
	if
	:: reached
	:: !reached ->                                  // if !l.reached() {
		join();                                     //     if g := e.join(generation)
		if
		:: g != none -> waitAt()                    //     g != nil { e.waitAt(g, l) } }
		:: else
		fi
	fi;
#ifdef LIVE_BEFORE_WORD
	if :: !live -> d_step { !mu -> w = last; closing = true } :: live -> w = page fi;
#else
	w = page;                                       // w, open := e.load()
	if
	:: !live -> closing = true;                     // if !open {
#ifndef ANSWERS_FROM_THE_PAGE
#ifdef ANSWERS_WITHOUT_MU
		w = last
#else
		d_step { !mu -> w = last }                  //     e.mu.Lock(); w = e.last; e.mu.Unlock() }
#endif
#endif
	:: live
	fi;
#endif
	if
	:: isOver(w) -> assert(seen & ME)               // case w&^asleep != generation: return nil
	:: !isOver(w) && closing ->                     // case !open: return ErrClosed }
		assert(!live && !(seenByClose & ME))
	:: !isOver(w) && !closing ->                    // return errGaveUp
		assert(reached && !(seenByLimit & ME))
	fi;
out:
	skip;
	d_step {
		waiting = waiting & ~ME; seen = seen & ~ME; seenByLimit = seenByLimit & ~ME; seenByClose = seenByClose & ~ME;
		w = 0; g = 0; gen = 0; place = false; deadline = false; closing = false
	}
}

active proctype poller() {                          // func look() bool {
	byte g;
end:
	do                                              // for g, e := range poller.gates {
	:: d_step { polled & 1 && ended(generation[0]) -> release(0); polled = polled & ~1 } // if e.ended(g.generation) {
	:: d_step { polled & 2 && ended(generation[1]) -> release(1); polled = polled & ~2 } //     g.release()
#if N > 2
	:: d_step { polled & 4 && ended(generation[2]) -> release(2); polled = polled & ~4 } //     delete(poller.gates, g) } }
#endif
	od
}

active proctype closer() {                          // func (e *Event) close() (closed bool, err error) {
#ifndef CLOSE
end:
	false;
#endif
#ifdef CLOSE_WAKES_FIRST
	if :: gate != none -> wakeLeader(gate, N) :: gate == none fi;
	skip;
#endif
	d_step {
		!mu -> mu = true;                           // e.mu.Lock()
		live = false;                               // e.live.CompareAndSwap(true, false)
		seenByClose = seen
	};
#ifdef CLOSE_DETACHES_FIRST
	detached = true;
#endif
	if
	:: gate != none ->                              // if e.gate != nil {
		release(gate);                              //     e.gate.release()
#if !defined CLOSE_DOES_NOT_WAKE && !defined CLOSE_WAKES_FIRST
		wakeLeader(gate, N)                         //     e.wakeLeader(e.gate) }
#endif
	:: gate == none
	fi;
	if                                              // func (e *Event) detach() (word uint32) {
	:: detached = true                              //     syscall.Syscall6(newer.mmap, …)
	:: d_step { zeros = other; detached = true }    //     (on zeros of another generation)
	:: true                                         //     (no memory, or not Linux)
	fi;
	d_step {
		last = word;                                // e.last = e.detach()
		mu = false;                                 // e.mu.Unlock()
		closed = true
	}
}

inline closeDone(w) {
	d_step { DONE & ~done & w -> done = done | w; seenByLimit = seenByLimit | seen & w }
}
inline passDeadline(w) {
	d_step { DEADLINE & ~passed & w -> passed = passed | w; seenByLimit = seenByLimit | seen & w & ~DONE }
}

// Everything else that may happen, for as long as it can matter.
active proctype world() {
	do
	:: d_step { !closed && !(word & set) -> setAndWake() }
	:: d_step { !closed && word & set -> clear() }
#ifdef OTHERS
	:: d_step { !closed && !(word & (set|asleep)) -> word = word | asleep }
	:: d_step { !closed && queue -> queue = 0 }     // wakeLeader of a process with the same bit
#endif
	:: closeDone(1)
	:: closeDone(2)
	:: closeDone(4)
	:: passDeadline(1)
	:: passDeadline(2)
	:: passDeadline(4)
	:: break
	od
}

active proctype quiescence() {
	timeout; // nothing else can go on
	assert(!(waiting & (seen | DONE & done | DEADLINE & ~DONE & passed)));
	assert(live || !waiting);
	d_step { setAndWake() };
	d_step { clear() }
}
