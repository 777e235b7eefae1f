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


def serve(measure, **versions):
    """Says hello, then answers each request with what `measure` makes of it, or {"error": text}."""
    torch.set_num_threads(int(sys.argv[1]))
    print(json.dumps({"version": torch.__version__, **versions}), flush=True)
    for line in sys.stdin:
        try:
            reply = measure(json.loads(line))
        except Exception as error:  # what this release lacks is an empty cell, not the end
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
