// A model of package event for the model checker Spin (https://spinroot.com).
// check.sh runs it.
//
// N goroutines call the methods in any order, any number of times. A step is one
// access to shared memory, beside the line of event.go that it models; the
// accesses to ch, all under mu, are not separate steps. WaitTimeout stands for
// WaitContext too, and IsSet for String and for WaitTimeout with d <= 0. When
// every goroutine has stopped or waits, one Set and Clear release all waiters.
//
// Spin explores all interleavings and finds every state in which a goroutine is
// stuck, and every failure of an assertion:
//
//   - A call that reports the event set, and every Set, finds it set at some
//     moment between call and return (no early wake-up), and returns only when
//     all channels that existed at the call are closed (no lost wake-up; flag
//     and channels agree).
//   - A call that reports the event unset, and every Clear, finds it unset at
//     some moment between call and return.
//   - A call of Set or Clear changes the flag at most once, no other call changes
//     it, and Swap(true) reports false exactly if it set the event, Swap(false)
//     true exactly if it cleared it. With the above, all calls are linearizable.
//   - WaitTimeout reports false only after d has passed, and only if its channel
//     was still open then.
//   - No channel is closed twice.
//
// The model is sequentially consistent, as are Go's atomics, mutexes and
// channels; it does not show how Set orders other memory.
//
// Each macro tested with #ifdef seeds a mistake that Spin must find.

#ifndef N
#define N 3
#endif

mtype = { unset, set, awaited, releasing };

mtype state = unset; // state atomic.Uint32
bool mu;             // mu    sync.Mutex
byte ch;             // ch    chan struct{}

// A channel is one bit, reused when no goroutine holds the channel any more.
#define nil    0
#define closed 1     // var closed = make(chan struct{}), and every other closed channel
byte open;           // the channels that are open
byte held[N + 1];    // the channel that each goroutine holds

// Read only by the assertions: one bit or element for each goroutine in a call.
byte calls;
byte wasSet, wasUnset; // the event was set (unset) since the call began
byte owed[N + 1];      // the channel that was open when the call began and still is
mtype may[N + 1];      // the change of the flag that the call may still make: set, unset or 0

#define isSet       (state == set || state == releasing)
#define ME          (1 << _pid)
#define foundSet    (wasSet & ME && owed[_pid] == nil)
#define foundUnset  (wasUnset & ME)
#define found(flag) (flag && foundSet || !flag && foundUnset)

bool ending;
hidden byte i, used;

inline begin(change) {
	d_step {
		calls = calls | ME;
		if :: isSet -> wasSet = wasSet | ME :: else -> wasUnset = wasUnset | ME fi;
		owed[_pid] = open;
		may[_pid] = change
	}
}
inline end(promise) {
	d_step {
		assert(promise);
		calls = calls & ~ME; wasSet = wasSet & ~ME; wasUnset = wasUnset & ~ME;
		owed[_pid] = nil; held[_pid] = nil; may[_pid] = 0;
		ok = false; old = false; passed = false
	}
}

// The operations on state, mu and ch.

inline store(new) {
	if
	:: isSet != (new == set || new == releasing) -> assert(may[_pid] == (isSet -> unset : set)); may[_pid] = 0
	:: else
	fi;
	state = new;
	if :: isSet -> wasSet = wasSet | calls :: else -> wasUnset = wasUnset | calls fi
}
inline cas(old, new) { d_step { ok = state == old; if :: ok -> store(new) :: else fi } }
inline lock()        { atomic { !mu -> mu = true } }
inline unlock()      { mu = false }
inline make() {
	used = closed;
	for (i : 0 .. N) { used = used | held[i] | owed[i] }
	ch = ~used & (used + 1); // the lowest bit not in use
	open = open | ch
}
inline close(c) {
	assert(open & c);
	for (i : 0 .. N) {
		if :: held[i] == c -> held[i] = closed :: else fi;
		if :: owed[i] == c -> owed[i] = nil :: else fi
	}
	open = open & ~c
}

// The methods. Their results are in old or ok, a channel in held[_pid].

inline setEvent() {                                 // func (e *Event) set() (old bool) {
	do                                              // for { switch e.state.Load() {
	:: state == unset ->                            // case unset:
		cas(unset, set);                            //     if e.state.CompareAndSwap(unset, set) {
#ifdef SET_IGNORES_LOST_CAS
		ok = true;
#endif
		if :: ok -> old = false; break :: else fi   //         return false }
	:: state == set ->                              // case set:
		cas(set, set);                              //     if e.state.CompareAndSwap(set, set) {
		if :: ok -> old = true; break :: else fi    //         return true }
	:: state == awaited ->                          // case awaited:
		release();                                  //     if e.release() {
		if :: ok -> old = false; break :: else fi   //         return false }
	:: state == releasing ->                        // case releasing:
#ifdef SET_DOES_NOT_SETTLE
		old = true; break
#endif
		settle()                                    //     e.settle()
	od                                              // } }
}

inline clearEvent() {                               // func (e *Event) clear() (old bool) {
#ifdef CLEAR_DOES_NOT_SETTLE
	ok = state == set;
#else
	IsSet();                                        // return e.IsSet() &&
#endif
	if :: ok -> cas(set, unset) :: else fi;         //     e.state.CompareAndSwap(set, unset)
	old = ok
}

inline await() {                                    // func (e *Event) await() <-chan struct{} {
#ifdef AWAIT_DOES_NOT_LOCK
	cas(unset, awaited);
	lock();
#else
	lock();                                         // e.mu.Lock()
#ifdef AWAIT_STORES
	d_step { ok = ch == nil; store(awaited) };
#else
	cas(unset, awaited);                            // if e.state.CompareAndSwap(unset, awaited) {
#endif
#endif
	d_step {
		if :: ok -> make() :: else fi;              //     e.ch = make(chan struct{}) }
		held[_pid] = (ch != nil -> ch : closed);    // ch := e.ch … if ch == nil { return closed }
		unlock()                                    // e.mu.Unlock()
	}
}

inline release() {                                  // func (e *Event) release() bool {
	atomic { lock(); ok = ch != nil };              // e.mu.Lock(); ch := e.ch
	if
	:: ok ->                                        // if ch != nil {
#ifdef RELEASE_SETS_FIRST
		d_step { store(set) };
#else
		d_step { store(releasing) };                //     e.state.Store(releasing)
#endif
		d_step { close(ch) };                       //     close(ch)
		d_step {
#ifndef RELEASE_KEEPS_CHANNEL
			ch = nil;                               //     e.ch = nil
#endif
			store(set)                              //     e.state.Store(set) }
		}
	:: else
	fi;
	unlock()                                        // e.mu.Unlock(); return ch != nil
}

inline settle() {                                   // func (e *Event) settle() {
	lock();                                         // e.mu.Lock()
	unlock()                                        // e.mu.Unlock()
}

inline Set()   { setEvent() }                       // func (e *Event) Set() { e.set() }
inline Clear() { clearEvent() }                     // func (e *Event) Clear() { e.clear() }
inline SwapTrue() {                                 // func (e *Event) Swap(true) (old bool) {
#ifdef SWAP_READS_FIRST
	IsSet(); setEvent(); old = ok
#else
	setEvent()                                      // return e.set()
#endif
}
inline SwapFalse() { clearEvent() }                 // func (e *Event) Swap(false) { return e.clear() }

inline IsSet() {                                    // func (e *Event) IsSet() bool {
	if                                              // s := e.state.Load()
	:: state == releasing ->                        // if s == releasing {
#ifndef ISSET_DOES_NOT_SETTLE
		settle();                                   //     e.settle()
#endif
		ok = true                                   //     return true }
	:: state == set -> ok = true                    // return s == set
	:: state == unset || state == awaited -> ok = false
	fi
}

inline Wait() {                                     // func (e *Event) Wait() {
#ifdef WAIT_TESTS_AGAIN
	do :: state != set -> await(); held[_pid] == closed :: state == set -> break od
#else
	if
	:: state != set ->                              // if e.state.Load() != set {
		await(); held[_pid] == closed               //     <-e.await() }
	:: state == set
	fi
#endif
}

inline WaitTimeout() {                              // func (e *Event) WaitTimeout(d) bool { // d > 0
	if
#ifdef WAIT_READS_TWICE
	:: state == set -> IsSet()
#else
	:: state == set -> ok = true                    // if e.state.Load() == set { return true }
#endif
	:: state != set ->
		await(); waitFor()                        // done := e.await(); return wait(done, t.C)
	fi;
	assert(ok || passed)
}

inline waitFor() {                                  // func wait(done, giveUp) bool {
	if                                              // select {
	:: held[_pid] == closed -> ok = true            // case <-done: return true
	:: passed = held[_pid] != closed;               // case <-giveUp: }     (d passes)
#ifndef WAIT_SELECTS_ONCE
		ok = held[_pid] == closed                   // select { case <-done: return true
#endif
	fi                                              // default: return false }
}

inline Done() {                                     // func (e *Event) Done() <-chan struct{} {
	if
	:: state == set -> held[_pid] = closed          // if e.state.Load() == set { return closed }
	:: state != set -> await()                      // return e.await()
	fi
}

active [N] proctype goroutine() {
	bool ok, old, passed;
	do
	:: !ending ->
		if
		:: begin(set);   Set();         end(foundSet)
		:: begin(unset); Clear();       end(foundUnset)
		:: begin(set);   SwapTrue();    end(foundSet && old == (may[_pid] == set))
		:: begin(unset); SwapFalse();   end(foundUnset && old == (may[_pid] == 0))
		:: begin(0);     IsSet();       end(found(ok))
		:: begin(0);     Wait();        end(foundSet)
		:: begin(0);     WaitTimeout(); end(found(ok))
		:: begin(0);     Done();        ok = held[_pid] == closed; end(found(ok))
		fi
	:: break
	od
}

active proctype last() {
	bool ok, old, passed;
	timeout; // nothing else can go on
	ending = true;
	begin(set);   Set();   end(foundSet);
	begin(unset); Clear(); end(foundUnset)
}
