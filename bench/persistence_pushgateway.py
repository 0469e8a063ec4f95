#!/usr/bin/env python3
"""A persistence file that a real Pushgateway wrote: ours starts on it, shows the same, leaves the file alone, and survives every cut.

usage: persistence_pushgateway.py PUSHGATEWAY MANGRU [--port 19401]

Pushes the requests of compare_pushgateway.py, stops the real one, and starts `MANGRU` linked as pushgateway on a copy of the file. Then the file is
cut at a hundred places: ours must start on each, with groups that are whole, and name the byte.
"""
import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import tempfile

import common
import compare_pushgateway as compare

CUTS = 100


class Running:
    """A gateway on a persistence file, stopped at the end."""

    def __init__(self, program, file, port, log):
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(log, "w")
        self.process = subprocess.Popen(
            [program, f"--persistence.file={file}", f"--web.listen-address=127.0.0.1:{port}"], stdout=self.log, stderr=self.log)

    def __enter__(self):
        common.wait_ready(self.url, self.process)
        return self.url

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()


def whole(groups):
    return {str(sorted(group["labels"].items())): group for group in groups}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("pushgateway")
    args.add_argument("mangru")
    args.add_argument("--port", type=int, default=19401)
    args = args.parse_args()
    folder = tempfile.mkdtemp(prefix="persistence-")
    ours = os.path.join(folder, "pushgateway")
    os.symlink(os.path.abspath(args.mangru), ours)
    file, log = os.path.join(folder, "pushgateway.data"), os.path.join(folder, "log")
    with Running(args.pushgateway, file, args.port, log) as url:
        for method, path, body, headers in compare.requests():
            if not path.endswith("/wipe") and method != "DELETE":
                compare.ask(url, method, path, body, headers)
        want = [compare.exposed(url), compare.listed(url)]
    digest = hashlib.sha256(open(file, "rb").read()).hexdigest()
    bad = 0
    for start in ("first", "second"):
        with Running(ours, file, args.port, log) as url:
            got = [compare.exposed(url), compare.listed(url)]
        said = "took over the groups" in open(log).read()
        if got != want or said != (start == "first") or hashlib.sha256(open(file, "rb").read()).hexdigest() != digest:
            bad += 1
            print(f"{start} start: same metrics {got[0] == want[0]}, same groups {got[1] == want[1]}, said so {said}")
            print(*[x for x in want[0] if x not in got[0]][:5], "---", *[x for x in got[0] if x not in want[0]][:5], sep="\n")
    data, all_groups, chance = open(file, "rb").read(), whole(want[1]), random.Random(1)
    for cut in sorted(chance.sample(range(len(data)), CUTS)):
        shutil.rmtree(file + ".mangru")
        open(file, "wb").write(data[:cut])
        with Running(ours, file, args.port, log) as url:
            groups = whole(compare.listed(url))
        text = open(log).read()
        if f"byte {cut}: " not in text or any(all_groups.get(key) != group for key, group in groups.items()):
            bad += 1
            print(f"cut at {cut} of {len(data)}: {len(groups)} groups; {text}")
    shutil.rmtree(folder)
    print(f"{len(all_groups)} groups in {len(data)} bytes taken over, {CUTS} cuts; {bad} bad")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
