"""Measures multiprocessing.Event as figures_test.go measures interprocess.Event.

The arguments are as for go test: -benchtime, in milliseconds or 1x, and -bench.
"""

import multiprocessing
import os
import re
import sys
import threading
import time
import timeit

context = multiprocessing.get_context("fork")
cpus = len(os.sched_getaffinity(0))
seconds = 0 if sys.argv[1] == "1x" else float(sys.argv[1].removesuffix("ms")) / 1000


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


def wait(events, stamps, i):
    turn = 0
    while True:
        stamps[i] = time.time_ns()
        events[turn % 2].wait()
        turn += 1


def wake(name, n, start):
    events, stamps = [context.Event(), context.Event()], context.RawArray("q", n)
    for i in range(n):
        start(target=wait, args=(events, stamps, i), daemon=True).start()

    def until(t):
        for i in range(n):
            while stamps[i] < t:
                time.sleep(0.0002)
        time.sleep(0.002)  # they fall asleep again

    until(1)
    took, turn, end = [], 0, time.monotonic() + seconds
    while turn == 0 or time.monotonic() < end:
        began = time.time_ns()
        events[turn % 2].set()
        until(began)
        events[turn % 2].clear()
        took += [stamp - began for stamp in stamps]
        turn += 1
    for child in multiprocessing.active_children():
        child.kill()
    took.sort()
    report(f"Wake/impl=multiprocessing/{name}", turn, took[len(took) // 2], "ns-p50", took[len(took) * 99 // 100], "ns-p99")


def main(pattern):
    def chosen(name):
        return re.search(pattern, name)

    e = context.Event()
    e.set()
    if chosen("IsSet"):
        timed("IsSet/impl=multiprocessing", "e.is_set()", e=e)
    if chosen("SetOnSet"):
        timed("SetOnSet/impl=multiprocessing", "e.set()", e=e)
    if chosen("SetClear"):
        timed("SetClear/impl=multiprocessing", "e.set(); e.clear()", e=e)
    if chosen("RoundTrip"):
        round_trip()
    if chosen("Wake"):
        for n in 1, 16, 100:
            wake(f"procs={n}", n, context.Process)
        wake("waits=1000", 1000, threading.Thread)


main(sys.argv[2])
os._exit(0)  # there are threads that wait
