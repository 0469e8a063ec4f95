#!/usr/bin/env python3
"""How long a push takes to be in PromQL's answers, beside many groups: push_visible.py --load PUSHLOAD --ours MANGRU [--groups 9900]"""
import argparse
import atexit
import tempfile
import time
import urllib.request

import common
import subprocess

PUSHES = 20


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--load", required=True)
    parser.add_argument("--port", type=int, default=19501)
    parser.add_argument("--groups", type=int, default=9_900)
    options = parser.parse_args()
    url = f"http://127.0.0.1:{options.port}"
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/mangru.yml", "w") as config:
            config.write("global: {}\n")
        process = common.start([options.ours, f"--config.file={folder}/mangru.yml", f"--storage.tsdb.path={folder}/data",
                                f"--web.listen-address=127.0.0.1:{options.port}"], open(f"{folder}/log", "w"))
        atexit.register(process.kill)
        common.wait_ready(url, process)
        subprocess.run([options.load, f"127.0.0.1:{options.port}", "4", str(options.groups), "20", "0", "0"], check=True)
        time.sleep(20)
        waits, before, start = [], common.cpu_seconds(process.pid), time.monotonic()
        for n in range(PUSHES):
            body = f"# TYPE seen gauge\nseen {n}\n".encode()
            request = urllib.request.Request(f"{url}/metrics/job/seen/n/{n}", body, method="PUT")
            urllib.request.urlopen(request).read()
            pushed = time.monotonic()
            while not common.query(url, f'seen{{n="{n}"}}')["data"]["result"]:
                time.sleep(0.01)
            waits.append(time.monotonic() - pushed)
        cpu, took = common.cpu_seconds(process.pid) - before, time.monotonic() - start
        waits.sort()
        print(f"{options.groups} groups of 20 metrics beside: median {waits[PUSHES // 2]:.3f} s, longest {waits[-1]:.3f} s; {cpu:.2f} s CPU in {took:.1f} s, queries included")
        process.kill()
        process.wait()


main()
