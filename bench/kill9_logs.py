#!/usr/bin/env python3
"""kill -9 under bulk load: every acknowledged document is there once after the restart, none twice, none by half, and overwritten ones hold the newest value.

usage: kill9_logs.py [--cycles 1000] [--port 19291] [--main-port 19290] -- COMMAND... with {dir}, {main} and {address} filled in
"""
import argparse
import http.client
import json
import os
import random
import signal
import tempfile
import threading
import time

import common

WRITERS = 6
KEEPERS = 2      # writers that overwrite documents with identifiers
KEYS = 20


def ask(connection, method, path, body=None):
    connection.request(method, path, body, {"Content-Type": "application/x-ndjson" if path.endswith("_bulk") else "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


class Writer(threading.Thread):
    """Sends numbered documents, some in a bulk. `acked` are the numbers whose item said 201."""

    def __init__(self, port, name, keeper):
        super().__init__(daemon=True)
        self.port, self.name_, self.keeper, self.stop = port, name, keeper, False
        self.n = self.acks = 0
        self.base = 0          # all numbers up to here were seen, or are known to be missing
        self.present = 0       # how many of them are there
        self.acked = set()
        self.maybe = set()
        self.seen = set()      # numbers that the last check found
        self.newest = {}       # key: newest acknowledged value
        self.lock = threading.Lock()
        self.chance = random.Random(name)

    def bulk(self, numbers):
        lines = []
        for n in numbers:
            document = {"writer": self.name_, "n": n, "message": f"document {n} of {self.name_} " + "x" * self.chance.randrange(200), "half": str(n)}
            action = {"index": {"_id": f"{self.name_}-{n % KEYS}"}} if self.keeper else {"create": {}}
            lines += [json.dumps(action), json.dumps(document)]
        return "\n".join(lines) + "\n"

    def run(self):
        connection = None
        while not self.stop:
            numbers = range(self.n + 1, self.n + 1 + self.chance.choice((1, 1, 10, 300)))
            self.n = numbers[-1]
            with self.lock:
                self.maybe.update(numbers)
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                status, answer = ask(connection, "POST", ("/k9-keep" if self.keeper else "/k9-logs") + "/_bulk", self.bulk(numbers))
                if status == 200:
                    stored = {n for n, item in zip(numbers, answer["items"]) if next(iter(item.values()))["status"] in (200, 201)}
                    with self.lock:
                        self.acked |= stored
                        self.maybe -= stored
                        self.acks += len(stored)
                        self.newest.update({n % KEYS: n for n in sorted(stored)})
                    continue
            except (OSError, http.client.HTTPException, ValueError):
                pass
            connection = None
            time.sleep(0.01)

    def check(self, connection, problems):
        if self.keeper:
            return self.check_keys(connection, problems)
        rule = lambda clause: {"bool": {"filter": [{"term": {"writer.keyword": self.name_}}, {"range": {"n": clause}}]}}
        status, answer = ask(connection, "POST", "/k9-logs/_count", json.dumps({"query": rule({"lte": self.base})}))
        if status != 200 or answer["count"] != self.present:
            problems.append(f"{self.name_}: {answer} of the documents up to {self.base}, {self.present} were there before")
        found, after = [], None
        while True:
            body = {"size": 5_000, "query": rule({"gt": self.base}), "sort": [{"n": "asc"}], **({"search_after": after} if after else {})}
            status, answer = ask(connection, "POST", "/k9-logs/_search", json.dumps(body))
            if status != 200 or answer["_shards"]["failed"]:
                problems.append(f"{self.name_}: search said {status} {str(answer)[:200]}")
                return
            hits = answer["hits"]["hits"]
            found += [hit["_source"] for hit in hits]
            if len(hits) < 5_000:
                break
            after = hits[-1]["sort"]
        numbers = [document["n"] for document in found]
        if len(set(numbers)) != len(numbers):
            problems.append(f"{self.name_}: doubled: {sorted(n for n in set(numbers) if numbers.count(n) > 1)[:5]}")
        # An answer that was read while the check before was under way is judged by what that check found.
        late = {n for n in self.acked if n <= self.base}
        if missing := (self.acked - late - set(numbers)) | (late - self.seen):
            problems.append(f"{self.name_}: lost {len(missing)}: {sorted(missing)[:5]}")
        self.seen = set(numbers)
        if invented := set(numbers) - self.acked - self.maybe:
            problems.append(f"{self.name_}: invented {sorted(invented)[:5]}")
        problems += [f"{self.name_}: half of {d}" for d in found if d["half"] != str(d["n"])]
        self.base, self.present = max([self.base, *self.acked, *numbers]), self.present + len(numbers)
        self.acked, self.maybe = set(), {n for n in self.maybe if n > self.base}

    def check_keys(self, connection, problems):
        for key, newest in self.newest.items():
            status, answer = ask(connection, "GET", f"/k9-keep/_doc/{self.name_}-{key}")
            n = answer["_source"]["n"] if status == 200 else None
            if n != newest and n not in {m for m in self.maybe if m % KEYS == key and m > newest}:
                problems.append(f"{self.name_}: key {key} has {n}, {newest} was acknowledged")
            status, answer = ask(connection, "POST", "/k9-keep/_count", json.dumps({"query": {"ids": {"values": [f"{self.name_}-{key}"]}}}))
            if answer.get("count") != 1:
                problems.append(f"{self.name_}: key {key} is there {answer} times")
            self.newest[key] = n if n is not None else newest
        self.maybe = set(sorted(self.maybe)[-600:])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--cycles", type=int, default=1000)
    args.add_argument("--port", type=int, default=19291)
    args.add_argument("--main-port", type=int, default=19290)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("command", nargs="+")
    args = args.parse_args()
    chance = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="kill9-logs-")
    fill = {"dir": folder, "main": f"127.0.0.1:{args.main_port}", "address": f"127.0.0.1:{args.port}"}
    command = [part.format(**fill) for part in args.command]
    log = open(os.path.join(folder, "log"), "w")
    writers = [Writer(args.port, f"w{i}", i < KEEPERS) for i in range(WRITERS)]
    failures, slowest, began = 0, 0.0, time.monotonic()
    for cycle in range(args.cycles + 1):
        held = [writer.lock.acquire() for writer in writers]
        process = common.start(command, log)
        slowest = max(slowest, common.wait_ready("http://" + fill["main"], process))
        connection, problems = http.client.HTTPConnection("127.0.0.1", args.port, timeout=60), []
        if cycle:
            [writer.check(connection, problems) for writer in writers]
        failures += len(problems)
        [print(f"cycle {cycle}: {problem}", flush=True) for problem in problems]
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
        # Every eighth life is long enough for memtables to become segments.
        time.sleep(chance.uniform(0.05, 0.8) if cycle % 8 else chance.uniform(2, 6))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if cycle % 50 == 0:
            print(f"cycle {cycle}: {sum(w.acks for w in writers)} acknowledged, {failures} problems, slowest start {slowest:.2f} s", flush=True)
    print(f"{args.cycles} kills in {time.monotonic() - began:.0f} s, {sum(w.acks for w in writers)} acknowledged documents: {failures} problems; slowest start {slowest:.2f} s; data in {folder}")
    raise SystemExit(1 if failures else 0)


main()
