"""``make bench``: everything, with the ratios that count, in one run."""

import argparse
import json
import os
import platform
import subprocess
import sys
from statistics import median

from benchmarks import processes
from benchmarks.hubs import PAYLOAD

ENGINES = ("sqlite", "postgresql")


def push(count: int, rounds: int) -> list[dict[str, object]]:
    """Deliveries per second of the hub beside the bare loop, alternating, so that a noisy machine hits both."""
    rows = []
    with processes.sink() as url:
        for engine in ENGINES:
            pairs = []
            for _ in range(rounds):
                loop = processes.measure("benchmarks.push", "loop", url, str(count))
                with processes.database(engine) as database_url:
                    pairs.append(
                        (loop, processes.measure("benchmarks.push", "hub", url, str(count), database_url))
                    )
            rows.append(_row(f"push, {engine}", pairs))
    return rows


def accept(seconds: float, rounds: int) -> list[dict[str, object]]:
    """``POST /events`` beside a bare FastAPI endpoint, 64 connections."""
    body = b'{"type":"client.created","payload":' + PAYLOAD + b"}"
    rows = []
    for engine in ENGINES:
        pairs = []
        for _ in range(rounds):
            with processes.database(engine) as database_url:
                pairs.append(tuple(_load(kind, database_url, seconds, body) for kind in ("bare", "hub")))
        rows.append(_row(f"POST /events, {engine}", pairs))
    return rows


def _load(kind: str, database_url: str, seconds: float, body: bytes) -> dict[str, float]:
    with processes.child("benchmarks.api", kind, database_url) as server:
        port, key = server.stdout.readline().split()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "benchmarks.load",
                f"http://127.0.0.1:{port}",
                "/api/v1/events",
                "64",
                str(seconds),
                key,
            ],
            input=body,
            stdout=subprocess.PIPE,
            check=True,
            timeout=300,
        )
    return json.loads(done.stdout)


def _row(name: str, pairs: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, object]:
    ratios = [ours["per_second"] / base["per_second"] for base, ours in pairs]
    return {
        "name": name,
        "baseline_per_second": round(median(base["per_second"] for base, _ in pairs)),
        "ours_per_second": round(median(ours["per_second"] for _, ours in pairs)),
        "ratio": round(median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        **{
            key: round(median(ours[key] for _, ours in pairs), 1)
            for key in pairs[0][1]
            if key.endswith(("_us", "_ms"))
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--count", type=int, default=24_000, help="deliveries of each push measurement")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each API measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind; the median counts")
    parser.add_argument("--json", action="store_true", help="print for machines")
    options = parser.parse_args()
    rows = [*push(options.count, options.rounds), *accept(options.seconds, options.rounds)]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    if options.json:
        print(json.dumps({"machine": machine, "rows": rows}))
        return
    print(f"{machine}\n")
    print(f"{'':<26}{'baseline/s':>12}{'trunkline/s':>13}{'ratio':>7}   of each round")
    for row in rows:
        extra = "  ".join(f"{key} {row[key]}" for key in row if str(key).endswith(("_us", "_ms")))
        print(
            f"{row['name']:<26}{row['baseline_per_second']:>12}{row['ours_per_second']:>13}{row['ratio']:>7}"
            f"   {row['ratios']}  {extra}"
        )
    print("\npush: the baseline is a bare aiohttp POST loop, same body, 64 at once, same sink.")
    print(
        "POST /events: the baseline is a bare FastAPI endpoint; ours authenticates, limits, validates and commits."
    )


if __name__ == "__main__":
    main()
