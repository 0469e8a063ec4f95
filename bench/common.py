"""What the measuring scripts share: processes and what they cost, remote write, queries. Standard library only."""
import json
import os
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request


def uvarint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def message(field, body):
    return uvarint(field << 3 | 2) + uvarint(len(body)) + body


def snappy(data):
    """A snappy block of literals: valid, not small."""
    out = bytearray(uvarint(len(data)))
    for at in range(0, len(data), 60):
        part = data[at:at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
    return bytes(out)


def write_request(series):
    """A remote write 1.0 body: [(labels, [(timestamp in ms, value)])]."""
    body = b""
    for labels, samples in series:
        text = b"".join(
            message(1, message(1, name.encode()) + message(2, value.encode()))
            for name, value in sorted(labels.items()))
        points = b"".join(
            message(2, b"\x09" + struct.pack("<d", value) + b"\x10" + uvarint(t & (2 ** 64 - 1)))
            for t, value in samples)
        body += message(1, text + points)
    return snappy(body)


def push(url, series, timeout=10):
    request = urllib.request.Request(url + "/api/v1/write", write_request(series), {
        "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.status


def query(url, text, timeout=60, **params):
    path = "/api/v1/query_range" if "step" in params else "/api/v1/query"
    body = urllib.parse.urlencode({"query": text, **params}).encode()
    try:
        with urllib.request.urlopen(url + path, body, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.loads(error.read() or b"{}")


def wait_ready(url, process, limit=120):
    """Seconds until /-/ready (or /health) answers 200."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        if process.poll() is not None:
            raise SystemExit(f"exited with {process.returncode} before it was ready")
        for path in ("/-/ready", "/health"):
            try:
                with urllib.request.urlopen(url + path, timeout=2) as answer:
                    if answer.status == 200:
                        return time.monotonic() - start
            except OSError:
                pass
        time.sleep(0.01)
    raise SystemExit("not ready in time")


def start(command, log):
    return subprocess.Popen(command, stdout=log, stderr=log)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_anon_bytes(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no RssAnon")


def wait_port(address, process, limit=60):
    """Waits until somebody listens on HOST:PORT, whatever is spoken there."""
    host, port = address.rsplit(":", 1)
    start = time.monotonic()
    while time.monotonic() - start < limit:
        if process.poll() is not None:
            raise SystemExit(f"exited with {process.returncode} before it listened")
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
            return
        except OSError:
            time.sleep(0.01)
    raise SystemExit("nobody listens")
