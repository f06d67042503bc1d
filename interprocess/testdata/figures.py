"""Measures multiprocessing.Event as BenchmarkFigures measures interprocess.Event.

The arguments are what to measure: the name of a call, or "wakes" with the number
of waiters, of rounds, and whether the waiters are processes. Prints the figures:
nanoseconds of a call; microseconds from set to the end of a wait, as the median
and the 99th percentile of all, and the median of the last of a round.
"""

import multiprocessing
import sys
import threading
import time


def call(f, n=20000):
    began = time.perf_counter_ns()
    for _ in range(n):
        f()
    print((time.perf_counter_ns() - began) / n)


def waiter(events, arrived, done, stamps, i, rounds):
    for r in range(rounds):
        with arrived.get_lock():
            arrived.value += 1
        events[r % 2].wait()
        stamps[i] = time.time_ns()
        with done.get_lock():
            done.value += 1


def until(counter, n):
    while counter.value < n:
        time.sleep(0.0002)


def wakes(n, rounds, processes):
    context = multiprocessing.get_context("fork")
    start = context.Process if processes else threading.Thread
    events = [context.Event(), context.Event()]
    arrived, done = context.Value("q", 0), context.Value("q", 0)
    stamps = context.RawArray("q", n)
    waiters = [start(target=waiter, args=(events, arrived, done, stamps, i, rounds)) for i in range(n)]
    for w in waiters:
        w.start()
    took, last = [], []
    for r in range(rounds):
        until(arrived, n * (r + 1))
        time.sleep(0.002)  # they fall asleep
        began = time.time_ns()
        events[r % 2].set()
        until(done, n * (r + 1))
        events[r % 2].clear()
        took += [(s - began) / 1e3 for s in stamps]
        last.append((max(stamps) - began) / 1e3)
    for w in waiters:
        w.join()
    took.sort()
    last.sort()
    print(took[len(took) // 2], took[len(took) * 99 // 100], last[len(last) // 2])


def main(what, *args):
    e = multiprocessing.Event()
    if what == "IsSet":
        call(e.is_set)
    elif what == "SetOnSet":
        e.set()
        call(e.set)
    elif what == "SetClear":
        call(lambda: (e.set(), e.clear()))
    elif what == "wakes":
        n, rounds, processes = args
        wakes(int(n), int(rounds), processes == "true")


main(*sys.argv[1:])
