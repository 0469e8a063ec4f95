#!/usr/bin/env python3
"""Real senders against a running server: lines in = documents found, also when the server is busy now and then.

    run.py http://localhost:9200 [--lines 3000] [--only rsyslog,curl] [--syslog-ng PATH --syslog-ng-root DIR]

Each sender speaks through a small proxy. In the second turn the proxy refuses every third bulk, as an overloaded server does: with 429 and
503; rsyslog by hanging up, because its 8.2302 drops a batch that is answered 429 or 503, whatever the server (seen with Elasticsearch 7.0 too). rsyslogd (with omelasticsearch), syslog-ng (with mod-http and the scl) and curl are run when they are
installed; Python's bulk helpers when opensearch-py or elasticsearch 8 or 9 can be imported. Exit code 1 when a line is missing or doubled.
"""
import argparse
import gzip
import http.client
import http.server
import importlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

WAIT_SECONDS = 60


class Proxy(http.server.ThreadingHTTPServer):
    """Hands requests on; of the bulks every third is refused with the statuses in turn, when there are any."""
    daemon_threads = True

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.target, self.prefix = parts.netloc, parts.path.rstrip("/")
        self.faults, self.bulks, self.refused, self.seen = [], 0, 0, set()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def fault(self, path):
        if "_bulk" not in path:
            return None
        self.bulks += 1
        if not self.faults or self.bulks % 3:
            return None
        self.refused += 1
        return self.faults[self.refused % len(self.faults)]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def hand_on(self):
        body, proxy = self.body(), self.server
        proxy.seen.add((self.command, self.path.split("?")[0]))
        status = proxy.fault(self.path)
        if status == "hang up":
            self.close_connection = True
            return
        if status:
            kind = "es_rejected_execution_exception" if status == 429 else "unavailable_shards_exception"
            error = {"type": kind, "reason": "busy"}
            raw, headers = json.dumps({"error": {"root_cause": [error], **error}, "status": status}).encode(), [("Content-Type", "application/json"), ("Retry-After", "1")]
        else:
            connection = http.client.HTTPConnection(proxy.target, timeout=60)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "transfer-encoding", "content-length", "connection", "expect")}
            connection.request(self.command, proxy.prefix + self.path, body or None, kept)
            answer = connection.getresponse()
            raw, status = answer.read(), answer.status
            headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "content-length", "connection")]
            connection.close()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = hand_on


def ask(url, method, path, body=None):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request(method, parts.path.rstrip("/") + path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    raw = answer.read()
    return answer.status, json.loads(raw) if raw else None


def line(n):
    return f"n={n:06d} 로그인에 실패했습니다 \"quoted\" \\ back\\slash user-{n % 7} GET /api/v{n % 3} took {n}ms"


def numbers(url, index):
    """The numbers of the lines that were stored, as a list (a doubled line is there twice)."""
    ask(url, "POST", f"/{index}/_refresh")
    found, after = [], None
    while True:
        body = {"size": 1000, "sort": [{"_doc": "asc"}], "query": {"match_all": {}}}
        status, answer = ask(url, "POST", f"/{index}/_search?scroll=1m", body) if after is None else ask(url, "POST", "/_search/scroll", {"scroll": "1m", "scroll_id": after})
        if status != 200 or not answer["hits"]["hits"]:
            return found
        after = answer["_scroll_id"]
        for hit in answer["hits"]["hits"]:
            text = json.dumps(hit["_source"], ensure_ascii=False)
            found.append(int(text.split("n=")[1][:6]))
            assert "로그인에 실패했습니다" in text, text


def wait_for(url, index, lines):
    """Waits until as many documents are there as lines were sent, and no more come."""
    until, last = time.monotonic() + WAIT_SECONDS, None
    while time.monotonic() < until:
        ask(url, "POST", f"/{index}/_refresh")
        status, answer = ask(url, "GET", f"/{index}/_count")
        have = answer.get("count") if status == 200 else None
        if have is not None and have >= lines and have == last:
            break
        last = have
        time.sleep(.5)
    return numbers(url, index)


def send_tcp(port, lines):
    until = time.monotonic() + 15
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(.1)
    with connection:
        for n in range(lines):
            connection.sendall(f"<13>Nov 25 01:02:03 host app[1]: {line(n)}\n".encode())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run_daemon(command, port, lines, done, environment=None):
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        try:
            send_tcp(port, lines)
            return done()
        except OSError as error:
            log.seek(0)
            raise SystemExit(f"{command[0]} does not take lines: {error}\n{log.read().decode(errors='replace')[-2000:]}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


RSYSLOG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp")
module(load="omelasticsearch")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="id" type="string" string="%msg:R,ERE,1,DFLT:n=([0-9]+)--end%")
template(name="doc" type="list" option.jsonf="on") {{
    property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="severity" name="syslogseverity-text" caseConversion="upper" format="jsonf")
    property(outname="message" name="msg" format="jsonf")
}}
action(type="omelasticsearch" server="127.0.0.1" serverport="{server}" template="doc" searchIndex="{index}" searchType="{type}" bulkmode="{bulk}" maxbytes="64k"
       {more} action.resumeretrycount="-1" action.resumeInterval="1" queue.type="linkedList" queue.size="100000" queue.dequeuebatchsize="200" errorfile="{folder}/errors"
       queue.timeoutshutdown="10000")
"""


def rsyslog(proxy, url, index, lines, bulk="on", more='bulkid="id" dynbulkid="on" writeoperation="create"', kind=""):
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = pathlib.Path(folder) / "rsyslog.conf"
        config.write_text(RSYSLOG.format(folder=folder, port=port, server=urllib.parse.urlsplit(proxy.url).port, index=index, bulk=bulk, more=more, type=kind))
        found = run_daemon([shutil.which("rsyslogd") or "/usr/sbin/rsyslogd", "-n", "-f", str(config), "-i", folder + "/pid"], port, lines, lambda: wait_for(url, index, lines))
        errors = pathlib.Path(folder) / "errors"
        if errors.exists() and errors.stat().st_size and not proxy.faults:
            print("     errors of rsyslog:", errors.read_text()[:600])
        return found


SYSLOG_NG = """@version: 3.38
@include "scl.conf"
options {{ stats-freq(0); keep-hostname(yes); time-reopen(1); }};
source s {{ network(ip("127.0.0.1") port({port}) transport("tcp") max-connections(5) log-iw-size(20000)); }};
destination d {{ elasticsearch-http(url("{url}{path}") index("{index}") type("{type}") {more} batch-lines(100) batch-timeout(200) workers(2) retries(50)); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""


def syslog_ng(proxy, url, index, lines, options):
    root = options.syslog_ng_root
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = pathlib.Path(folder) / "syslog-ng.conf"
        config.write_text(SYSLOG_NG.format(port=port, url=proxy.url, path="/_bulk", index=index, type="", more=""))
        command, environment = [options.syslog_ng or "syslog-ng", "-F", "-f", str(config), "--no-caps", "-R", folder + "/persist", "-p", folder + "/pid", "-c", folder + "/ctl"], {}
        if root:
            (pathlib.Path(folder) / "scl.conf").write_text(f'@define scl-root "{root}/usr/share/syslog-ng/include/scl"\n@include "{root}/usr/share/syslog-ng/include/scl/elasticsearch/*.conf"\n')
            modules = next(pathlib.Path(root).glob("usr/lib/syslog-ng/*/"))
            command += [f"--module-path={modules}"]
            environment["LD_LIBRARY_PATH"] = ":".join(f"{root}/{p}" for p in ("usr/lib/syslog-ng", str(modules.relative_to(root)), "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib"))
            config.write_text(config.read_text().replace('"scl.conf"', f'"{folder}/scl.conf"'))
        return run_daemon(command, port, lines, lambda: wait_for(url, index, lines), environment)


def curl(proxy, url, index, lines):
    """Gzip bulks of 500; curl itself repeats 429 and 503."""
    for start in range(0, lines, 500):
        body = "".join(f'{{"create":{{"_index":"{index}","_id":"{n}"}}}}\n{json.dumps({"message": line(n)}, ensure_ascii=False)}\n' for n in range(start, min(start + 500, lines)))
        command = ["curl", "-sS", "--fail", "--retry", "5", "--retry-delay", "1", "--compressed", "-H", "Content-Type: application/x-ndjson", "-H", "Content-Encoding: gzip", "--data-binary", "@-", proxy.url + "/_bulk"]
        answer = json.loads(subprocess.run(command, input=gzip.compress(body.encode(), 1), stdout=subprocess.PIPE, check=True).stdout)
        assert answer["errors"] is False, answer
    return wait_for(url, index, lines)


def helper(module_name):
    def send(proxy, url, index, lines):
        module, helpers = importlib.import_module(module_name), importlib.import_module(module_name + ".helpers")
        client = (module.OpenSearch if module_name == "opensearchpy" else module.Elasticsearch)(proxy.url, **({"http_compress": True}), max_retries=5, retry_on_timeout=True, **({"retry_on_status": (429, 502, 503, 504)}))
        actions = ({"_op_type": "create", "_index": index, "_id": str(n), "message": line(n), "@timestamp": "2026-11-25T00:00:00Z"} for n in range(lines))
        half = lines // 2
        done, _ = helpers.bulk(client, (a for _, a in zip(range(half), actions)), chunk_size=200)
        done += sum(ok for ok, _ in helpers.parallel_bulk(client, actions, chunk_size=100, thread_count=3))
        assert done >= lines - 1, done
        return wait_for(url, index, lines)
    return send


def senders(options):
    if shutil.which("rsyslogd") or os.path.exists("/usr/sbin/rsyslogd"):
        yield "rsyslog", rsyslog
        yield "rsyslog-typed", lambda *a: rsyslog(*a, kind="_doc")
        yield "rsyslog-single", lambda proxy, url, index, lines: rsyslog(proxy, url, index, min(lines, 300), bulk="off", more="")
    if options.syslog_ng or shutil.which("syslog-ng"):
        yield "syslog-ng", lambda *a: syslog_ng(*a, options)
    if shutil.which("curl"):
        yield "curl", curl
    for module in ("opensearchpy", "elasticsearch8", "elasticsearch9", "elasticsearch"):
        try:
            importlib.import_module(module)
        except ImportError:
            continue
        yield module, helper(module)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--only", default="")
    parser.add_argument("--syslog-ng", help="the program, when it is not in the path")
    parser.add_argument("--syslog-ng-root", help="where its package was unpacked, when it is not installed")
    options = parser.parse_args()
    failed = 0
    for name, send in senders(options):
        if options.only and name not in options.only.split(","):
            continue
        for faults in ([], ["hang up"] if name.startswith("rsyslog") else [429, 503]):
            proxy, index = Proxy(options.url), f"senders-{name}{'-busy' if faults else ''}"
            proxy.faults = faults
            ask(options.url, "DELETE", "/" + index)
            began = time.monotonic()
            try:
                found = send(proxy, options.url, index, options.lines)
            except Exception as error:  # a sender that gives up is a result, not the end of the run
                print(f"FAIL {index}: {type(error).__name__}: {str(error)[:600]}")
                failed += 1
                continue
            wanted = 300 if name == "rsyslog-single" else options.lines
            missing, doubled = wanted - len(set(found)), len(found) - len(set(found))
            print(f"{'ok  ' if not missing and not doubled else 'FAIL'} {index}: {len(found)} of {wanted} lines, {missing} missing, {doubled} doubled, {proxy.bulks} bulks, {proxy.refused} refused, {time.monotonic() - began:.1f} s; "
                  f"asked {sorted({f'{m} {p}' for m, p in proxy.seen if '_doc/' not in p})[:6]}", flush=True)
            failed += bool(missing or doubled)
            proxy.shutdown()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
