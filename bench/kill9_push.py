#!/usr/bin/env python3
"""kill -9 under pushing clients: no acknowledged push or delete is missing after the restart, and no group is there by half.

usage: kill9_push.py [--cycles 1000] [--port 19391] -- COMMAND... with {dir} and {address} filled in
  e.g. kill9_push.py -- pushgateway --persistence.file={dir}/p --web.listen-address={address}
"""
import argparse
import http.client
import os
import random
import signal
import tempfile
import threading
import time

import common

WRITERS = 8
METRICS = 30
ONE_IN_DELETES = 9


class Writer(threading.Thread):
    """Replaces its group with ever higher numbers, and sometimes deletes it. A state is a number, or None for no group."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.port, self.name_, self.stop = port, name, False
        self.n = self.acks = 0
        self.acked = None    # the newest state that was acknowledged
        self.maybe = []      # the states asked for since
        self.lock = threading.Lock()
        self.chance = random.Random(name)

    def run(self):
        connection = None
        while not self.stop:
            self.n += 1
            state = None if self.chance.randrange(ONE_IN_DELETES) == 0 else self.n
            body = "" if state is None else "".join(f'k9_pushed{{i="{i}"}} {self.n}\n' for i in range(METRICS))
            with self.lock:
                self.maybe.append(state)
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("DELETE" if state is None else "PUT", f"/metrics/job/k9/writer/{self.name_}", body)
                answer = connection.getresponse()
                answer.read()
                if answer.status // 100 == 2:
                    with self.lock:
                        self.acked, self.maybe = state, []
                        self.acks += 1
                    continue
            except (OSError, http.client.HTTPException):
                pass
            connection = None
            time.sleep(0.01)


def groups(port):
    """{writer: the set of its values, and how many}"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    found = {}
    for line in connection.getresponse().read().decode().splitlines():
        if line.startswith("k9_pushed{"):
            name = line.split('writer="')[1].split('"')[0]
            found.setdefault(name, []).append(int(float(line.rsplit(" ", 1)[1])))
    return found


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--cycles", type=int, default=1000)
    args.add_argument("--port", type=int, default=19391)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("command", nargs="+")
    args = args.parse_args()
    chance = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="kill9-push-")
    address = f"127.0.0.1:{args.port}"
    command = [part.format(dir=folder, address=address) for part in args.command]
    log = open(os.path.join(folder, "log"), "w")
    writers = [Writer(args.port, str(i)) for i in range(WRITERS)]
    lost = halves = checked = 0
    slowest = 0.0
    for cycle in range(args.cycles + 1):
        # Nobody begins a request before the check is done.
        held = [writer.lock.acquire() for writer in writers]
        process = common.start(command, log)
        slowest = max(slowest, common.wait_ready("http://" + address, process))
        found = groups(args.port)
        for writer in writers:
            states = [writer.acked, *writer.maybe]
            values = found.get(writer.name_, [])
            checked += 1
            if values and (len(set(values)) != 1 or len(values) != METRICS):
                halves += 1
                print(f"cycle {cycle}: half a group of writer {writer.name_}: {sorted(set(values))}, {len(values)} metrics")
                continue
            state = values[0] if values else None
            if state not in states:
                lost += 1
                print(f"cycle {cycle}: writer {writer.name_} has {state}, allowed: {states[:5]} to {states[-1]}")
            # This is what stands now; only the last request can still be on its way.
            writer.acked, writer.maybe = state, writer.maybe[-1:]
        [writer.lock.release() for writer in writers]
        assert all(held)
        if cycle == 0:
            [writer.start() for writer in writers]
        if cycle == args.cycles:
            for writer in writers:
                writer.stop = True
            [writer.join() for writer in writers]
            os.kill(process.pid, signal.SIGTERM)
            process.wait(30)
            break
        time.sleep(chance.uniform(0.02, 0.5))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if cycle % 50 == 0:
            print(f"cycle {cycle}: {sum(w.acks for w in writers)} acknowledged, lost {lost}, halves {halves}", flush=True)
    print(f"{args.cycles} kills, {sum(w.acks for w in writers)} acknowledged changes, {checked} groups checked: "
          f"{lost} lost, {halves} halves; slowest start {slowest:.2f} s")
    raise SystemExit(1 if lost or halves else 0)


main()
