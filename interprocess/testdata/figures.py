"""Measures multiprocessing.Event as BenchmarkFigures measures interprocess.Event.

Prints one row a line: its name, a tab, and the figures in nanoseconds.
"""

import multiprocessing
import sys
import threading
import time


def each(name, f, n=20000):
    best = min(_time(f, n) for _ in range(5))
    print(f"{name}\t{best / n:.1f}")


def _time(f, n):
    began = time.perf_counter_ns()
    for _ in range(n):
        f()
    return time.perf_counter_ns() - began


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


def wakes(name, n, rounds, start=None):
    context = multiprocessing.get_context("fork")
    start = start or context.Process
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
        took += [s - began for s in stamps]
        last.append(max(stamps) - began)
    for w in waiters:
        w.join()
    for figures in (took, last):
        figures.sort()
    print(f"{name}\t{took[len(took) // 2]}\t{took[len(took) * 99 // 100]}\t{last[len(last) // 2]}")


def main():
    e = multiprocessing.Event()
    each("IsSet", e.is_set)
    e.set()
    each("Set on a set event", e.set)
    each("Set and Clear", lambda: (e.set(), e.clear()))
    wakes("1 process", 1, 300)
    wakes("16 processes", 16, 60)
    wakes("100 processes", 100, 15)
    wakes("1000 waits in one process", 1000, 5, threading.Thread)
    print("version\t" + sys.version.split()[0])


main()
