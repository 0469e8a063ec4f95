#!/usr/bin/env python3
"""What scraping costs, beside the peers in the same run: CPU seconds per sample, anonymous memory per series, and how long
a restart after kill -9 takes.

usage: ingest.py --peers DIR [--minutes 5] [--targets 100] [--series 2000] [--interval 10] [--only mangru,prometheus,victoria-metrics]
DIR holds prometheus and victoria-metrics; the program is target/release/mangru (or $MANGRU). Writes a table to standard output.
"""
import argparse
import os
import signal
import subprocess
import tempfile
import time

import common

HERE = os.path.dirname(os.path.abspath(__file__))


def command(name, args, config, folder, address):
    if name == "mangru":
        program = os.environ.get("MANGRU", os.path.join(HERE, "../target/release/mangru"))
        return [program, f"--config.file={config}", f"--storage.tsdb.path={folder}", f"--web.listen-address={address}"]
    program = os.path.join(args.peers, name)
    if name == "prometheus":
        return [program, f"--config.file={config}", f"--storage.tsdb.path={folder}", f"--web.listen-address={address}"]
    return [program, f"-promscrape.config={config}", f"-storageDataPath={folder}", f"-httpListenAddr={address}"]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--peers", required=True)
    args.add_argument("--minutes", type=float, default=5)
    args.add_argument("--targets", type=int, default=100)
    args.add_argument("--series", type=int, default=2000)
    args.add_argument("--interval", type=int, default=10)
    args.add_argument("--port", type=int, default=19400)
    args.add_argument("--only", default="mangru,prometheus,victoria-metrics")
    args = args.parse_args()
    folder = tempfile.mkdtemp(prefix="ingest-")
    farm = os.path.join(folder, "loadgen")
    subprocess.run(["rustc", "--edition", "2024", "-O", os.path.join(HERE, "loadgen.rs"), "-o", farm], check=True)
    load = subprocess.Popen([farm, str(args.port), str(args.targets), str(args.series)], stdout=subprocess.DEVNULL)
    config = os.path.join(folder, "prometheus.yml")
    with open(config, "w") as out:
        out.write(f"global: {{scrape_interval: {args.interval}s, scrape_timeout: {args.interval}s}}\nscrape_configs:\n")
        out.write("- job_name: synth\n  enable_compression: false\n  relabel_configs:\n  - {source_labels: [n], target_label: __metrics_path__, replacement: /$1/metrics}\n"
                  "  - {source_labels: [n], target_label: instance, replacement: 'host-$1:9100'}\n  - {regex: n, action: labeldrop}\n  static_configs:\n")
        for n in range(args.targets):
            out.write(f"  - {{targets: ['127.0.0.1:{args.port}'], labels: {{n: '{n}'}}}}\n")
    running = {}
    for i, name in enumerate(args.only.split(",")):
        address = f"127.0.0.1:{args.port + 1 + i}"
        line = command(name, args, config, os.path.join(folder, name), address)
        process = common.start(line, open(os.path.join(folder, name + ".log"), "w"))
        running[name] = (process, "http://" + address, line)
        common.wait_ready("http://" + address, process)
    warm = max(2.5 * args.interval, 30)
    time.sleep(warm)
    begin = {name: (common.cpu_seconds(process.pid), time.monotonic()) for name, (process, *_) in running.items()}
    time.sleep(args.minutes * 60)
    print(f"{args.targets} targets x {args.series} series at {args.interval} s, {args.minutes:g} min after {warm:g} s of warming up")
    print(f"{'':18}{'us/sample':>12}{'B/series':>10}{'RssAnon MiB':>13}{'restart s':>11}{'restart CPU s':>15}")
    rows = {}
    for name, (process, url, line) in running.items():
        cpu, began = begin[name]
        used, seconds = common.cpu_seconds(process.pid) - cpu, time.monotonic() - began
        samples = args.targets * args.series * seconds / args.interval
        memory = common.rss_anon_bytes(process.pid)
        rows[name] = [used / samples * 1e6, memory / (args.targets * args.series), memory / 2 ** 20]
        have = common.query(url, "count({__name__=~'synth_.*'})").get("data", {}).get("result", [])
        count = float(have[0]["value"][1]) if have else 0
        if count != args.targets * args.series:
            print(f"{name}: holds {count:.0f} series of {args.targets * args.series}")
    for name, (process, url, line) in running.items():
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    load.kill()
    for name, (process, url, line) in running.items():
        process = common.start(line, open(os.path.join(folder, name + ".restart.log"), "w"))
        seconds = common.wait_ready(url, process, 300)
        rows[name] += [seconds, common.cpu_seconds(process.pid)]
        print(f"{name:18}" + "{:12.2f}{:10.0f}{:13.0f}{:11.2f}{:15.2f}".format(*rows[name]), flush=True)
        process.kill()
        process.wait()


main()
