#!/usr/bin/env python3
"""What logs cost: ingest through _bulk with durable answers, disk, memory, and the CPU of the query set of the log figures.

usage: logs.py --set DOCS.ndjson --queries queries.tsv [--folder DIR] [--bulk-kib 1024] [--clients 1] [--rounds 7] -- COMMAND... with {dir}, {main} and {address} filled in
DOCS is newline-delimited JSON (../shared/tools/loggen makes it); the clock is CPU seconds of the server process; queries run warm, the least of the rounds counts.
"""
import argparse
import http.client
import json
import os
import shutil
import tempfile
import threading
import time

import common


class Sender(threading.Thread):
    def __init__(self, port, bodies):
        super().__init__(daemon=True)
        self.port, self.bodies, self.times, self.failed = port, bodies, [], []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        for body in self.bodies:
            while True:
                began = time.monotonic()
                connection.request("POST", "/logs-bench/_bulk", body, {"Content-Type": "application/x-ndjson"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 429:
                    time.sleep(0.05)
                    continue
                self.times.append(time.monotonic() - began)
                if answer.status != 200 or b'"errors":false' not in text[:60]:
                    self.failed.append((answer.status, text[:300]))
                break


def bodies(path, size, lock=threading.Lock()):
    """Bulk bodies of about `size` bytes of documents; safe to share between threads."""
    file = open(path, "rb")
    while True:
        with lock:
            lines = file.readlines(size)
        if not lines:
            return
        yield b'{"create":{}}\n' + b'{"create":{}}\n'.join(lines)


class Shared:
    def __init__(self, iterator):
        self.iterator, self.lock = iterator, threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.iterator)


def body_of(kind, text):
    everything = {"match_all": {}}
    word = lambda t: {"match": {"message": t}}
    newest = [{"@timestamp": "desc"}]
    if kind == "term":
        return {"size": 0, "track_total_hits": True, "query": word(text)}
    if kind == "kw":
        field, value = text.split("=")
        return {"size": 10, "track_total_hits": True, "query": {"bool": {"filter": [{"term": {field + ".keyword": value}}]}}, "sort": newest}
    if kind == "phrase":
        return {"size": 0, "track_total_hits": True, "query": {"match_phrase": {"message": text}}}
    if kind == "lastn":
        pair, term = text.split(" ")
        field, value = pair.split("=")
        return {"size": 100, "track_total_hits": False, "query": {"bool": {"filter": [{"term": {field + ".keyword": value}}, word(term)]}}, "sort": newest}
    if kind == "hist":
        query = everything if text == "*" else {"bool": {"filter": [word(text)]}}
        return {"size": 0, "query": query, "aggs": {"h": {"date_histogram": {"field": "@timestamp", "fixed_interval": "5m"}}}}
    if kind == "terms":
        field = text if text.endswith("status_code") else text + ".keyword"
        return {"size": 0, "aggs": {"t": {"terms": {"field": field, "size": 10}}}}
    if kind == "scan":
        return {"size": 0, "track_total_hits": True, "query": {"query_string": {"query": f"message.keyword:/.*{text}.*/"}}}
    raise SystemExit(f"unknown kind {kind}")


def extra():
    yield "needle_with_document", {"size": 10, "query": {"match": {"message": "1051471612843243836"}}, "sort": [{"@timestamp": "desc"}]}
    yield "last500", {"size": 500, "track_total_hits": False, "sort": [{"@timestamp": "desc"}]}
    yield "newest10_error", {"size": 10, "track_total_hits": False, "query": {"bool": {"filter": [{"match": {"message": "error"}}]}}, "sort": [{"@timestamp": "desc"}]}
    yield "infix_wildcard", {"size": 0, "track_total_hits": True, "query": {"wildcard": {"message.keyword": {"value": "*rror*"}}}}
    yield "korean_infix", {"size": 0, "track_total_hits": True, "query": {"match": {"message": "그인"}}}


def summary(answer):
    hits = answer["hits"].get("total", {}).get("value")
    found = []
    for one in answer.get("aggregations", {}).values():
        found = [(b.get("key_as_string", b["key"]), b["doc_count"]) for b in one["buckets"][:2]]
    return f"total {hits}, {len(answer['hits']['hits'])} hits {found or ''}"


def folder_bytes(folder, ending=""):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names if name.endswith(ending))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--set", required=True)
    args.add_argument("--queries", required=True)
    args.add_argument("--folder")
    args.add_argument("--bulk-kib", type=int, default=1024)
    args.add_argument("--clients", type=int, default=1)
    args.add_argument("--rounds", type=int, default=7)
    args.add_argument("--port", type=int, default=19281)
    args.add_argument("--only-queries", action="store_true", help="the folder is full already")
    args.add_argument("command", nargs="+")
    args = args.parse_args()
    folder = args.folder or tempfile.mkdtemp(prefix="bench-logs-")
    fill = {"dir": folder, "main": f"127.0.0.1:{args.port + 1}", "address": f"127.0.0.1:{args.port}"}
    process = common.start([part.format(**fill) for part in args.command], open(os.path.join(tempfile.gettempdir(), "bench-logs.log"), "w"))
    try:
        common.wait_ready("http://" + fill["main"], process)
        connection = http.client.HTTPConnection("127.0.0.1", args.port, timeout=120)

        def ask(method, path, body=None):
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

        if not args.only_queries:
            source, cpu, began = Shared(bodies(args.set, args.bulk_kib << 10)), common.cpu_seconds(process.pid), time.monotonic()
            senders = [Sender(args.port, source) for _ in range(args.clients)]
            [sender.start() for sender in senders]
            peak = 0
            while any(sender.is_alive() for sender in senders):
                peak = max(peak, common.rss_anon_bytes(process.pid))
                time.sleep(0.2)
            wall, loaded = time.monotonic() - began, common.cpu_seconds(process.pid) - cpu
            status, flushed = ask("POST", "/logs-bench/_flush?force=true&wait_if_ongoing=true")
            ask("POST", "/logs-bench/_forcemerge")
            spent = common.cpu_seconds(process.pid) - cpu
            failed = [failure for sender in senders for failure in sender.failed]
            times = sorted(t for sender in senders for t in sender.times)
            size = os.path.getsize(args.set)
            print(f"ingest: {size / 1e6:.0f} MB in {wall:.1f} s; CPU {loaded:.1f} s, {spent:.1f} s with flush: {size / 1e6 / spent:.0f} MB/s a core; peak RssAnon {peak / 2**20:.0f} MiB; "
                  f"bulk p50 {times[len(times) // 2] * 1e3:.1f} ms, p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms; {len(failed)} failed {failed[:2]}; flush said {status}")
            print(f"disk: {folder_bytes(folder, '.parquet') / 1e6:.1f} MB of segments, {folder_bytes(folder) / 1e6:.1f} MB in all")
        status, answer = ask("GET", "/logs-bench/_count")
        print("documents:", answer.get("count"))
        queries = [(name, body_of(kind, text)) for name, kind, text in (line.rstrip("\n").split("\t") for line in open(args.queries) if line.strip())]
        for name, body in [*queries, *extra()]:
            spent, shown = [], ""
            for _ in range(args.rounds):
                # The kernel counts in ticks: as many searches as fill some of them.
                many, cpu, began = 0, common.cpu_seconds(process.pid), time.monotonic()
                while many == 0 or time.monotonic() - began < 0.15:
                    status, answer = ask("POST", "/logs-bench/_search", body)
                    many += 1
                spent.append((common.cpu_seconds(process.pid) - cpu) / many * 1e3)
                shown = summary(answer) if status == 200 else f"{status} {str(answer)[:200]}"
            print(f"{name:22} {min(spent):9.2f} ms   {shown}", flush=True)
        print(f"RssAnon after queries {common.rss_anon_bytes(process.pid) / 2**20:.0f} MiB")
    finally:
        process.kill()
        process.wait()
        if not args.folder:
            shutil.rmtree(folder)


main()
