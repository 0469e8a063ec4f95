#!/usr/bin/env python3
"""Asks two servers that scraped the same targets the same PromQL and compares the answers.

    compare_queries.py serve PORT           serves metrics that change every ten seconds and carry that time, so that two
                                            servers that scrape more often store the very same samples
    compare_queries.py compare OURS THEIRS  sends the queries to both (URLs) and compares; exit code 1 on a difference
    compare_queries.py run OURS THEIRS      does it all: starts both programs (paths) on data folders of their own, lets them
                                            scrape for --seconds, compares, and stops them

Over the served metrics every number must be equal to the last bit. With --live, queries over a node_exporter are compared too:
there two scrapes see different moments, so that only series and what cannot change must be equal.
Only Python's standard library is used.
"""

import argparse
import http.server
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

STEP_SECONDS = 10
RANGE_SECONDS = 20
# What the queries look back from the end of the last whole step, with room: before that one server may lack a scrape.
HISTORY_SECONDS = 150

# Over the served metrics: equal to the last bit.
EXACT = [
    "stepped_requests_total",
    "stepped_temperature",
    'stepped_requests_total{code=~"5..|404"}',
    'stepped_requests_total{code!="200",path!~"/a.*"}',
    "stepped_temperature offset 20s",
    "stepped_temperature @ {at}",
    "rate(stepped_requests_total[1m])",
    "irate(stepped_requests_total[1m])",
    "increase(stepped_requests_total[45s])",
    "delta(stepped_temperature[1m])",
    "idelta(stepped_temperature[1m])",
    "deriv(stepped_temperature[1m])",
    "predict_linear(stepped_temperature[1m], 60)",
    "resets(stepped_restarting_total[1m])",
    "changes(stepped_temperature[1m])",
    "avg_over_time(stepped_temperature[1m])",
    "min_over_time(stepped_temperature[1m])",
    "max_over_time(stepped_temperature[1m])",
    "sum_over_time(stepped_temperature[1m])",
    "count_over_time(stepped_temperature[1m])",
    "stddev_over_time(stepped_temperature[1m])",
    "quantile_over_time(0.9, stepped_temperature[1m])",
    "last_over_time(stepped_temperature[1m])",
    "present_over_time(stepped_temperature[1m])",
    "sum by (code) (rate(stepped_requests_total[1m]))",
    "sum without (path) (stepped_requests_total)",
    "avg(stepped_temperature)",
    "stddev by (room) (stepped_temperature)",
    "quantile(0.5, stepped_temperature)",
    "topk(2, stepped_temperature)",
    "bottomk(3, stepped_requests_total)",
    'count_values("value", stepped_constant)',
    "histogram_quantile(0.9, rate(stepped_latency_seconds_bucket[1m]))",
    "histogram_quantile(0.5, sum by (le) (stepped_latency_seconds_bucket))",
    "stepped_requests_total / on (path) group_left sum by (path) (stepped_requests_total)",
    "stepped_temperature > bool 20",
    "stepped_temperature > 20 and on (room) stepped_constant",
    "stepped_temperature unless stepped_temperature < 21",
    'label_replace(stepped_constant, "short", "$1", "room", "(.).*")',
    'label_join(stepped_constant, "joined", "-", "room", "job")',
    "max_over_time(rate(stepped_requests_total[30s])[1m:10s])",
    "clamp(stepped_temperature, 18, 22)",
    "round(stepped_temperature, 0.5)",
    "absent(stepped_missing)",
    "sort_desc(stepped_constant)",
    "ln(stepped_requests_total + 1) ^ 2 % 7",
    "stepped_not_a_number",
    "scalar(stepped_constant{room=\"attic\"}) + time() - {at}",
]

# Over a node_exporter: equal where a moment makes no difference.
LIVE = [
    "node_memory_MemTotal_bytes",
    "node_boot_time_seconds",
    "node_uname_info",
    "count(node_cpu_seconds_total)",
    "count by (mode) (node_cpu_seconds_total)",
    "node_filesystem_size_bytes",
    "up",
]
# Only the series must be the same.
LIVE_SERIES = [
    "rate(node_cpu_seconds_total[1m])",
    "node_load1",
    "sum by (device) (rate(node_network_receive_bytes_total[1m]))",
    "{__name__=~\"node_.*\"}",
]


def exposition(now):
    """The metrics of the step that `now` (seconds) lies in, with the step's time."""
    step = int(now // STEP_SECONDS)
    ms = step * STEP_SECONDS * 1000
    lines = ["# TYPE stepped_requests_total counter"]
    for i, path in enumerate(["/a", "/a/b", "/c"]):
        for j, code in enumerate(["200", "404", "500"]):
            value = (step % 100_000) * (3 + 7 * i + j) + (step % (3 + j)) * 0.25
            lines.append(f'stepped_requests_total{{path="{path}",code="{code}"}} {value!r} {ms}')
    lines.append("# TYPE stepped_restarting_total counter")
    lines.append(f"stepped_restarting_total {step % 4} {ms}")
    lines.append("# TYPE stepped_temperature gauge")
    for i, room in enumerate(["attic", "cellar", "hall", "kitchen"]):
        value = 20 + 3 * math.sin(step / 3 + i) + i / 7
        lines.append(f'stepped_temperature{{room="{room}"}} {value!r} {ms}')
    lines.append("# TYPE stepped_constant gauge")
    for i, room in enumerate(["attic", "cellar", "hall", "kitchen"]):
        lines.append(f'stepped_constant{{room="{room}"}} {i // 2} {ms}')
    lines.append("# TYPE stepped_latency_seconds histogram")
    total = 0
    for i, le in enumerate(["0.1", "0.5", "1", "2.5", "+Inf"]):
        total += (step % 100_000) * (5 - i)
        lines.append(f'stepped_latency_seconds_bucket{{le="{le}"}} {total} {ms}')
    lines.append(f"stepped_latency_seconds_sum {total * 0.4!r} {ms}")
    lines.append(f"stepped_latency_seconds_count {total} {ms}")
    lines.append("# TYPE stepped_not_a_number gauge")
    lines.append(f'stepped_not_a_number{{kind="nan"}} NaN {ms}')
    lines.append(f'stepped_not_a_number{{kind="inf"}} +Inf {ms}')
    return "\n".join(lines) + "\n"


class Exporter(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = exposition(time.time()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve(port):
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), Exporter)


def ask(url, path, params):
    body = urllib.parse.urlencode(params).encode()
    request = urllib.request.Request(f"{url}/api/v1/{path}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def rows(answer):
    """The result as `labels → samples`; an error or a scalar is one row."""
    if answer["status"] != "success":
        return {"error": f"{answer['errorType']}: {answer['error']}"}
    data = answer["data"]
    if data["resultType"] in ("scalar", "string"):
        return {data["resultType"]: data["result"][1]}
    found = {}
    for one in data["result"]:
        key = json.dumps(one["metric"], sort_keys=True)
        points = one.get("values", []) + one.get("histograms", [])
        points += [one[kind] for kind in ("value", "histogram") if kind in one]
        found[key] = [(float(t), v) for t, v in points]
    return found


def difference(ours, theirs, series_only):
    """The first difference in words, or None."""
    for key in sorted(set(ours) | set(theirs)):
        if key not in ours:
            return f"only theirs has {key}"
        if key not in theirs:
            return f"only ours has {key}"
        if not series_only and ours[key] != theirs[key]:
            return f"{key}: ours {ours[key]} theirs {theirs[key]}"
    return None


def compare(ours, theirs, live):
    # The step before last is in both for certain.
    at = (int(time.time()) // STEP_SECONDS - 1) * STEP_SECONDS + STEP_SECONDS - 1
    jobs = [(query, False) for query in EXACT]
    if live:
        jobs += [(query, False) for query in LIVE] + [(query, True) for query in LIVE_SERIES]
    bad = empty = 0
    for query, series_only in jobs:
        text = query.replace("{at}", str(at))
        kinds = [("query", {"query": text, "time": at})]
        if not live or query in EXACT:
            kinds.append(("query_range", {"query": text, "start": at - RANGE_SECONDS, "end": at, "step": 5}))
        for path, params in kinds:
            left, right = (rows(ask(url, path, params)) for url in (ours, theirs))
            empty += not right
            found = difference(left, right, series_only)
            if found:
                bad += 1
                print(f"DIFFERENT {path} {text}\n    {found}")
    print(f"{len(jobs)} queries, {bad} different, {empty} answers empty on both sides or theirs")
    return bad == 0


def wait_ready(url, seconds):
    end = time.time() + seconds
    while time.time() < end:
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{url} is not ready after {seconds} s")


def run(ours, theirs, seconds, node_exporter):
    exporter = serve(0)
    threading.Thread(target=exporter.serve_forever, daemon=True).start()
    targets = [f"127.0.0.1:{exporter.server_address[1]}"]
    config = (
        "global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n"
        f"- job_name: stepped\n  static_configs: [{{targets: {json.dumps(targets)}}}]\n"
    )
    if node_exporter:
        config += f"- job_name: node\n  static_configs: [{{targets: [{json.dumps(node_exporter)}]}}]\n"
    started, urls = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "prometheus.yml")
        file.write_text(config)
        try:
            for i, program in enumerate([ours, theirs]):
                with serve(0) as free:
                    port = free.server_address[1]
                command = [program] + (["server"] if os.path.basename(program) == "mangru" else [])
                command += [
                    f"--config.file={file}",
                    f"--storage.tsdb.path={folder}/{i}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ]
                with open(f"{folder}/{i}.log", "w", encoding="utf-8") as log:
                    started.append(subprocess.Popen(command, stdout=log, stderr=log))
                urls.append(f"http://127.0.0.1:{port}")
            for url in urls:
                wait_ready(url, 30)
            time.sleep(seconds)
            return compare(urls[0], urls[1], bool(node_exporter))
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("serve")
    one.add_argument("port", type=int)
    one = commands.add_parser("compare")
    one.add_argument("ours")
    one.add_argument("theirs")
    one.add_argument("--live", action="store_true")
    one = commands.add_parser("run")
    one.add_argument("ours")
    one.add_argument("theirs")
    one.add_argument("--seconds", type=int, default=HISTORY_SECONDS)
    one.add_argument("--node-exporter", help="HOST:PORT of a running node_exporter, scraped by both as well")
    args = parser.parse_args()
    if args.command == "serve":
        serve(args.port).serve_forever()
    elif args.command == "compare":
        sys.exit(0 if compare(args.ours, args.theirs, args.live) else 1)
    else:
        sys.exit(0 if run(args.ours, args.theirs, args.seconds, args.node_exporter) else 1)


if __name__ == "__main__":
    main()
