"""Measures multiprocessing.Event as bench_test.go measures interprocess.Event.

The arguments are as for go test: for how long, such as 500ms or 1x, and the
prefix of the benchmarks' names.
"""

import multiprocessing
import os
import sys
import threading
import time
import timeit

context = multiprocessing.get_context("fork")
cpus = len(os.sched_getaffinity(0))
once = sys.argv[1] == "1x"
seconds = 0 if once else float(sys.argv[1].removesuffix("ms")) / 1000


def report(name, n, *figures):
    print("Benchmark" + name, n, *figures, sep="\t", flush=True)


def timed(name, statement, **variables):
    timer, n, took = timeit.Timer(statement, globals=variables), 1, 0.0
    while (took := timer.timeit(n)) < seconds:
        n = max(2 * n, int(n * seconds / took))
    report(name, n, took / n * 1e9, "ns/op")


def answer(ping, pong):
    while True:
        ping.wait()
        ping.clear()
        pong.set()


def round_trip():
    ping, pong = context.Event(), context.Event()
    child = context.Process(target=answer, args=(ping, pong), daemon=True)
    child.start()
    name = f"RoundTrip/impl=multiprocessing/cpus={'all' if cpus > 1 else 1}"
    timed(name, "ping.set(); pong.wait(); pong.clear()", ping=ping, pong=pong)
    child.kill()


class Board:
    """Shared memory in which waiters count themselves and note the time."""

    def __init__(self, n):
        self.arrived, self.woken = context.Value("q", 0), context.Value("q", 0)
        self.stamps = context.RawArray("q", n)

    def wait(self, events, i):
        turn = 0
        while True:
            add(self.arrived)
            events[turn % 2].wait()
            self.stamps[i] = time.time_ns()
            add(self.woken)
            turn += 1


def add(counter):
    with counter.get_lock():
        counter.value += 1


def until(counter, n):
    while counter.value < n:
        time.sleep(0.0002)


def wake(name, n, start):
    board, events = Board(n), [context.Event(), context.Event()]
    for i in range(n):
        start(target=board.wait, args=(events, i), daemon=True).start()
    until(board.arrived, n)
    took, turn, end = [], 0, time.monotonic() + seconds
    while turn == 0 or time.monotonic() < end:
        until(board.arrived, n * (turn + 1))
        time.sleep(0.002)  # they fall asleep
        began = time.time_ns()
        events[turn % 2].set()
        until(board.woken, n * (turn + 1))
        events[turn % 2].clear()
        took += [stamp - began for stamp in board.stamps]
        turn += 1
    for child in multiprocessing.active_children():
        child.kill()
    took.sort()
    report(f"Wake/impl=multiprocessing/{name}", turn, took[len(took) // 2], "ns-p50", took[len(took) * 99 // 100], "ns-p99")


def main(prefix=""):
    e = context.Event()
    e.set()
    if "IsSet".startswith(prefix):
        timed("IsSet/impl=multiprocessing", "e.is_set()", e=e)
    if "SetOnSet".startswith(prefix):
        timed("SetOnSet/impl=multiprocessing", "e.set()", e=e)
    if "SetClear".startswith(prefix):
        timed("SetClear/impl=multiprocessing", "e.set(); e.clear()", e=e)
    if "RoundTrip".startswith(prefix):
        round_trip()
    if "Wake".startswith(prefix):
        for n in 1, 16, 100:
            wake(f"procs={n}", n, context.Process)
        wake("waits=1000", 1000, threading.Thread)


main(*sys.argv[2:])
os._exit(0)  # there are threads that wait
