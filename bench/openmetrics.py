#!/usr/bin/env python3
"""Serves each exposition body of a conformance folder as a target of a real server, and compares `up` and the error shown with
what a real Prometheus did (VERDICTS.tsv).

usage: openmetrics.py FOLDER [--port 19480] -- COMMAND... with {config} {dir} {address} filled in
"""
import argparse
import csv
import http.server
import json
import os
import tempfile
import threading
import time
import urllib.request

import common


def serve(folder):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = open(os.path.join(folder, os.path.basename(self.path) + ".txt"), "rb").read()
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def main():
    args = argparse.ArgumentParser()
    args.add_argument("folder")
    args.add_argument("--port", type=int, default=19480)
    args.add_argument("command", nargs="+")
    args = args.parse_args()
    port = serve(args.folder)
    with open(os.path.join(args.folder, "VERDICTS.tsv")) as file:
        cases = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    folder = tempfile.mkdtemp(prefix="openmetrics-")
    config = os.path.join(folder, "config.yml")
    with open(config, "w") as out:
        out.write("global: {scrape_interval: 2s, scrape_timeout: 2s}\nscrape_configs:\n")
        for case in cases:
            out.write(f"- {{job_name: {case['case']}, metrics_path: /{case['case']}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n")
    address = f"127.0.0.1:{args.port}"
    command = [part.format(config=config, dir=os.path.join(folder, "data"), address=address) for part in args.command]
    process = common.start(command, open(os.path.join(folder, "log"), "w"))
    common.wait_ready("http://" + address, process)
    for _ in range(60):
        time.sleep(0.5)
        with urllib.request.urlopen(f"http://{address}/api/v1/targets") as answer:
            targets = {t["scrapePool"]: t for t in json.load(answer)["data"]["activeTargets"]}
        if len(targets) == len(cases) and all(t["health"] != "unknown" for t in targets.values()):
            break
    process.kill()
    verdicts = texts = 0
    for case in cases:
        target = targets.get(case["case"], {"health": "absent", "lastError": ""})
        same = target["health"] == case["prometheus_up"]
        verdicts += same
        texts += target["lastError"] == case["prometheus_error"]
        if not same or target["lastError"] != case["prometheus_error"]:
            print(f"{case['case']}: {target['health']} {target['lastError']!r}, Prometheus {case['prometheus_up']} {case['prometheus_error']!r}")
    print(f"{verdicts} of {len(cases)} verdicts, {texts} error texts equal Prometheus'")
    raise SystemExit(0 if verdicts == len(cases) else 1)


main()
