"""What the programs share that time something by PyTorch: one JSON request a line on stdin, one reply a line."""

import json
import sys
import time

import torch


def median_seconds(step, seconds, least):
    """Of calls for so many seconds, at least so many calls; warming up is the caller's."""
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


def cpu_use():
    """Seconds of CPU time used by the machine and by this process, and the time of day."""
    with open("/proc/stat") as file:
        ticks = [int(field) for field in file.readline().split()[1:]]
    return sum(ticks[k] for k in (0, 1, 2, 5, 6, 7)) / 100, time.process_time(), time.perf_counter()


def other_cores(before, after):
    """Cores that others kept busy meanwhile."""
    everyone, own, seconds = (b - a for a, b in zip(before, after))
    return max(0.0, (everyone - own) / seconds)


def serve(measure, **versions):
    """Says hello, then answers each request with what `measure` makes of it and "otherCores", how many others
    kept busy meanwhile; or with {"error": text}.
    """
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"version": torch.__version__, **versions}), flush=True)
    for line in sys.stdin:
        before = cpu_use()
        try:
            reply = measure(json.loads(line))
            reply["otherCores"] = other_cores(before, cpu_use())
        except Exception as error:  # what this release lacks is an empty cell, not the end
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
