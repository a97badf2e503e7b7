"""How long something takes."""

import statistics
import time

ROUNDS = 5


def median_seconds(work):
    """Median time of some rounds, after one to warm up."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
