"""Does the web page keep its word under load?

    python -m cxrlib serve & python benchmarks/serving.py FILM --pid $!

Sends a film of 224 × 224 pixels 1,000 times from 8 clients, each of which waits for
its answer, and then from 40. Asked for: from 8 no refusal, 95 % of the answers within
800 ms, and memory that stays (± 5 % from a fifth of the way on); from 40 nothing but
200 and 429 with the time after which to come again. Where other work goes on the times
say little: the record holds the machine's load.
"""

import collections
import concurrent.futures
import json
import os
import threading
import time

import click
import cv2
import httpx
import numpy as np
from experiments.record import write_record

from cxrbase.images import read_radiograph, resize_square

EVERY = 0.5  # Seconds between two looks at the memory.


def memory(pid):
    """Megabytes that a process and its children have allocated.

    Without the pages of files: the system takes and gives these as it likes, and counts
    them as shared as soon as another process maps the same library.
    """
    import psutil

    root = psutil.Process(pid)
    found = 0
    for process in (root, *root.children(recursive=True)):
        try:
            now = process.memory_info()
            found += now.rss - now.shared
        except psutil.Error:
            continue
    return found / 2**20


def press(url, data, clients, requests):
    """Send requests from some clients; return seconds and statuses."""
    left, lock, seen = iter(range(requests)), threading.Lock(), []

    def client(_):
        with httpx.Client(base_url=url, timeout=120) as session:
            while True:
                with lock:
                    if next(left, None) is None:
                        return
                begun = time.perf_counter()
                answer = session.post("/api/predict", files={"frontal": data})
                said = answer.status_code
                if said == 429 and not answer.headers.get("retry-after", "").isdigit():
                    said = "429 without a time"
                seen.append((time.perf_counter() - begun, said))

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    return seen


def judge(seen):
    """A dict: how many of each status, and how long the answers took."""
    times = [took for took, status in seen if status == 200]
    middle, most = np.percentile(times, [50, 95]) if times else (np.nan, np.nan)
    return {
        "requests": len(seen),
        "statuses": dict(collections.Counter(status for _, status in seen)),
        "p50_ms": round(1000 * float(middle)),
        "p95_ms": round(1000 * float(most)),
    }


@click.command()
@click.argument("film")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True)
@click.option("--requests", default=1000, show_default=True)
@click.option("--pid", type=int, help="The server's process, to watch its memory.")
@click.option("--out", help="A JSON to write.")
def main(film, url, requests, pid, out):
    """Print what 8 and 40 clients saw; end with 1 if a promise is broken."""
    square = resize_square(read_radiograph(film), 224)
    _, coded = cv2.imencode(".png", np.round(square * 255).astype("uint8"))
    data, load = coded.tobytes(), os.getloadavg()[0]
    model = httpx.get(f"{url}/api/health", timeout=120).json()["model"]
    press(url, data, 2, 20)  # Whatever is slow only once.
    sizes, stop = [], threading.Event()

    def watch():
        while not stop.wait(EVERY):
            sizes.append(memory(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    if pid:
        watcher.start()
    few = judge(press(url, data, 8, requests))
    stop.set()
    many = judge(press(url, data, 40, requests // 2))
    said = {
        "model": model["name"],
        "trained on": model["trained_on"],
        "cores": os.cpu_count(),
        "load average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "8 clients": few,
        "40 clients": many,
    }
    broken = []
    if few["statuses"] != {200: requests}:
        broken.append(f"8 clients got {few['statuses']}")
    if not few["p95_ms"] <= 800:
        broken.append(f"p95 is {few['p95_ms']} ms")
    if set(many["statuses"]) - {200, 429}:
        broken.append(f"40 clients got {many['statuses']}")
    later = sizes[len(sizes) // 5 :]
    if later:
        drift = [min(later) / later[0] - 1, max(later) / later[0] - 1]
        said["memory"] = {"mb": round(later[0]), "drift": [round(d, 4) for d in drift]}
        if max(map(abs, drift)) > 0.05:
            broken.append(f"the memory moved by {drift[0]:+.1%} to {drift[1]:+.1%}")
    said["broken"] = broken
    click.echo(json.dumps(said, indent=1))
    if out:
        packages = ("tensorflow", "keras", "fastapi", "uvicorn")
        write_record(out, __file__, "FILM --pid PID", packages, **said)
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()
