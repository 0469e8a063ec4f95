#!/usr/bin/env python3
"""kill -9 under load: every acknowledged write, and every scraped sample older than a second, is there after the restart.

usage: kill9.py [--cycles 300] [--port 19390] -- COMMAND... with {config} {dir} {address} filled in
"""
import argparse
import http.server
import os
import random
import signal
import tempfile
import threading
import time
import urllib.error

import common

WRITERS = 4
SCRAPED_WITHIN_S = 1.2  # a second, and the time of the scrape itself


class Target:
    """Exposes a number that grows with each scrape, and remembers when each was served."""

    def __init__(self):
        self.served = {}
        self.n = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.n += 1
                n = outer.n
                body = "".join(f'k9_scraped{{i="{i}"}} {n}\n' for i in range(20)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                outer.served[n] = time.time()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Writer(threading.Thread):
    """Pushes numbered samples one request at a time; `acked` holds those that were answered with 2xx."""

    def __init__(self, url, name):
        super().__init__(daemon=True)
        self.url, self.name_, self.acked, self.sent, self.stop = url, name, {}, set(), False
        self.last = 0
        self.seq = 0

    def run(self):
        while not self.stop:
            self.last = max(self.last + 1, int(time.time() * 1000))
            self.seq += 1
            self.sent.add((self.last, self.seq))
            try:
                if common.push(self.url, [({"__name__": "k9_pushed", "w": self.name_}, [(self.last, self.seq)])], 5) // 100 == 2:
                    self.acked[self.last] = self.seq
            except (OSError, urllib.error.URLError, ValueError, EOFError):
                time.sleep(0.02)
            except Exception:  # a connection cut in the middle of an answer shows in many ways
                time.sleep(0.02)


def points(url, text):
    answer = common.query(url, text)
    if answer.get("status") != "success":
        raise SystemExit(f"query failed: {answer}")
    return {tuple(sorted(s["metric"].items())): {round(t * 1000): float(v) for t, v in s["values"]}
            for s in answer["data"]["result"]}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--cycles", type=int, default=300)
    args.add_argument("--port", type=int, default=19390)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("command", nargs="+")
    args = args.parse_args()
    chance = random.Random(args.seed)
    folder = tempfile.mkdtemp(prefix="kill9-")
    target = Target()
    config = os.path.join(folder, "config.yml")
    with open(config, "w") as out:
        out.write("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs:\n- job_name: k9\n"
                  f"  static_configs: [{{targets: ['127.0.0.1:{target.server.server_port}']}}]\n")
    address = f"127.0.0.1:{args.port}"
    url = "http://" + address
    command = [part.format(config=config, dir=os.path.join(folder, "data"), address=address) for part in args.command]
    log = open(os.path.join(folder, "log"), "w")
    writers = [Writer(url, str(i)) for i in range(WRITERS)]
    began = time.time()
    lost_pushed = invented = checked_pushed = checked_scraped = 0
    lost_scraped, slow_scraped = set(), set()
    slowest = 0.0
    expected_scraped = set()
    for cycle in range(args.cycles + 1):
        started = time.time()
        process = common.start(command, log)
        slowest = max(slowest, common.wait_ready(url, process))
        if cycle == 0:
            [writer.start() for writer in writers]
        last = cycle == args.cycles
        if last:
            for writer in writers:
                writer.stop = True
            [writer.join() for writer in writers]
        window = int(time.time() - began) + 60 if last or cycle % 50 == 0 else 20
        since = (time.time() - window + 1) * 1000
        acked = {writer.name_: list(writer.acked.items()) for writer in writers}
        pushed = {dict(k)["w"]: v for k, v in points(url, f"k9_pushed[{window}s]").items()}
        for writer in writers:
            have = pushed.get(writer.name_, {})
            want = {t: v for t, v in acked[writer.name_] if t > since}
            checked_pushed += len(want)
            missing = [t for t, v in want.items() if have.get(t) != v]
            lost_pushed += len(missing)
            invented += sum((t, int(v)) not in writer.sent for t, v in have.items())
        scraped = points(url, f'k9_scraped{{i="7"}}[{window}s]')
        values = {int(v) for series in scraped.values() for v in series.values() if v == v}
        # A scrape that took too long failed as it should: `up` is 0 at its time, and its body is not stored.
        failed = [t for series in points(url, f"up{{job='k9'}}[{window}s]").values() for t, v in series.items() if v == 0]
        want = {n for n in expected_scraped if target.served[n] * 1000 > since + 1000}
        checked_scraped += len(want)
        missing = want - values - lost_scraped - slow_scraped
        slow_scraped |= {n for n in missing if any(0 <= target.served[n] * 1000 - t <= 1000 for t in failed)}
        lost_scraped |= missing - slow_scraped
        # A body may be stored before its sender has noted when.
        invented += sum(n not in range(1, target.n + 1) for n in values)
        if last:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(30)
            break
        time.sleep(chance.uniform(0.3, 3.0))
        os.kill(process.pid, signal.SIGKILL)
        killed = time.time()
        process.wait()
        # What the last second before a kill held may or may not be there afterwards.
        expected_scraped |= {n for n, t in list(target.served.items()) if started < t < killed - SCRAPED_WITHIN_S}
        if cycle % 20 == 0:
            print(f"cycle {cycle}: acked {sum(len(w.acked) for w in writers)}, scraped {target.n}, lost {lost_pushed} pushed {len(lost_scraped)} scraped", flush=True)
    print(f"{args.cycles} kills: {sum(len(w.acked) for w in writers)} acknowledged writes, {target.n} scrapes; checks {checked_pushed} + {checked_scraped}; "
          f"lost {lost_pushed} writes, {len(lost_scraped)} scrapes ({len(slow_scraped)} failed by time-out); invented {invented}; slowest start {slowest:.2f} s")
    raise SystemExit(1 if lost_pushed or lost_scraped or invented else 0)


main()
