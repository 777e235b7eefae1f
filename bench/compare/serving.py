"""What the programs share that time something by PyTorch: one JSON request a line on stdin, one reply a line."""

import json
import sys
import time

import torch


def on_gpu():
    return len(sys.argv) > 2 and sys.argv[2] == "cuda"


def median_seconds(step, seconds, least):
    """Of calls for so many seconds, at least so many calls; warming up is the caller's."""
    if on_gpu():
        return median_gpu_seconds(step, seconds, least)
    times, end = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < end:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


def median_gpu_seconds(step, seconds, least):
    """As we do it: some calls captured in a graph, which is replayed; one after the other where they cannot be."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def timed(run):
        begin.record()
        run()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / 1e3

    calls = max(1, min(20, int(2e-3 / max(timed(step), 1e-6))))

    def several():
        for _ in range(calls):
            step()

    run = several
    try:
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            several()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            several()
        run = graph.replay
    except RuntimeError as error:
        print(f"not captured: {error}", file=sys.stderr)
        torch.cuda.synchronize()
    run()
    times, stop = [], time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < stop:
        times.append(timed(run) / calls)
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
    kept busy meanwhile; or with {"error": text}. The arguments of the program are how many threads it may use, and
    "cuda" where everything is to be on the GPU.
    """
    torch.set_num_threads(int(sys.argv[1]))
    if on_gpu():
        torch.set_default_device("cuda")
    print(json.dumps({"version": torch.__version__, **versions}), flush=True)
    for line in sys.stdin:
        before = cpu_use()
        try:
            reply = measure(json.loads(line))
            reply["otherCores"] = other_cores(before, cpu_use())
        except Exception as error:  # what this release lacks is an empty cell, not the end
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
