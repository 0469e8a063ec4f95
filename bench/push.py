#!/usr/bin/env python3
"""The push gateway beside Pushgateway: pushes a second and their latency, then many groups: memory and what `/metrics` costs.

usage: push.py --peer prometheus-pushgateway --load PUSHLOAD --ours PUSHGATEWAY [--seconds 10] [--groups 10000]
PUSHGATEWAY is a link of that name to our program. PUSHLOAD is bench/pushload.rs, built. Both servers run at the same time, and are loaded in turns; Pushgateway does not sync.
"""
import argparse
import atexit
import json
import os
import subprocess
import tempfile
import time
import urllib.request

import common

CLIENTS = 64
METRICS_RATE = 5
METRICS_MANY = 20
# Pushes a second of the paced run.
RATE = 5000
SCRAPES = 5


def load(options, port, *numbers):
    command = [options.load, f"127.0.0.1:{port}", *map(str, numbers)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def servers(options, folder, *flags):
    """{name: (process, port)}"""
    found = {}
    for i, (name, command) in enumerate((("pushgateway", options.peer), ("mangru", options.ours))):
        port = options.port + i
        command = command.split() + [f"--web.listen-address=127.0.0.1:{port}", f"--persistence.file={folder}/{name}", *flags]
        process = common.start(command, open(f"{folder}/{name}.log", "w"))
        atexit.register(process.kill)
        time.sleep(0.5)
        common.wait_ready(f"http://127.0.0.1:{port}", process)
        found[name] = (process, port)
    return found


def stop(found):
    for process, _ in found.values():
        process.kill()
        process.wait()


def rates(options, folder):
    found = servers(options, folder)
    for _ in range(options.rounds):
        for rate in (0, RATE):
            for name, (process, port) in found.items():
                before = common.cpu_seconds(process.pid)
                got = load(options, port, CLIENTS, CLIENTS, METRICS_RATE, options.seconds, rate)
                cpu = common.cpu_seconds(process.pid) - before
                print(f"{name:12} rate {rate or 'free':>5}: {got['a_second']:6.0f}/s  p50 {got['p50'] / 1000:6.2f} ms  p90 {got['p90'] / 1000:6.2f}  "
                      f"p99 {got['p99'] / 1000:6.2f}  refused {got['refused']}  CPU {cpu:5.2f} s, {cpu / got['pushes'] * 1e6:4.0f} µs a push", flush=True)
    stop(found)


def rss_bytes(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmRSS")


def scrape(port, accept):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return len(answer.read())


def many(options, folder):
    # With its check Pushgateway gathers all groups at each push, which takes hours.
    found = servers(options, folder, "--push.disable-consistency-check")
    for name, (process, port) in found.items():
        got = load(options, port, 4, options.groups, METRICS_MANY, 0, 0)
        print(f"{name:12} {options.groups} groups of {METRICS_MANY}: {got['seconds']:.1f} s, CPU {common.cpu_seconds(process.pid):.2f} s, refused {got['refused']}", flush=True)
    time.sleep(2)
    for name, (process, port) in found.items():
        print(f"{name:12} RSS {rss_bytes(process.pid) / 2 ** 20:6.1f} MiB after the pushes")
    for accept in ("text/plain; version=0.0.4", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"):
        for name, (process, port) in found.items():
            before, start = common.cpu_seconds(process.pid), time.monotonic()
            for _ in range(SCRAPES):
                size = scrape(port, accept)
            cpu, took = common.cpu_seconds(process.pid) - before, time.monotonic() - start
            print(f"{name:12} /metrics {accept.split(';')[0]}: {size} B, CPU {cpu / SCRAPES:.3f} s, {took / SCRAPES:.3f} s each", flush=True)
    time.sleep(2)
    for name, (process, _) in found.items():
        print(f"{name:12} RSS {rss_bytes(process.pid) / 2 ** 20:6.1f} MiB after the scrapes")
    stop(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True)
    parser.add_argument("--ours", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--port", type=int, default=19491)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--dir", help="where the servers keep their files; a temporary folder otherwise")
    parser.add_argument("--only", choices=("rates", "many"))
    options = parser.parse_args()
    for part in (rates, many):
        if options.only in (None, part.__name__):
            with tempfile.TemporaryDirectory(dir=options.dir) as folder:
                print(f"load average {os.getloadavg()[0]:.1f}")
                part(options, folder)


main()
