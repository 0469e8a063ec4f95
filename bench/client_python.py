#!/usr/bin/env python3
"""The pushing half of Python's prometheus_client, unchanged, against a real Pushgateway and ours: both have to show the same after every call.

usage: client_python.py PUSHGATEWAY MANGRU [--port 19451]
needs: pip install prometheus_client (and python-snappy for its snappy case, which is left out and said without it); openssl

push, pushadd and delete; grouping keys that need base64, are empty, numbers, or not ASCII; all of the client's metric types; gzip and snappy; then over TLS with
a client's certificate, and with a user and a password, right and wrong, where what the client says is compared.
"""
import argparse
import os
import shutil
import signal
import subprocess
import tempfile
from functools import partial

import common
import compare_pushgateway as compare

try:
    import prometheus_client as client
    from prometheus_client import exposition
except ImportError:
    raise SystemExit("client_python: prometheus_client is missing; pip install prometheus_client")
try:
    import snappy
except ImportError:
    snappy = None

PASSWORD = "pass word"
PASSWORD_BCRYPT = "$2b$05$abcdefghijklmnopqrstuuIt/9/tGzLcigNq/.RWIDjeEVR30RSf."
KEYS = [{}, {"instance": "host:9100"}, {"path": "/var/tmp"}, {"empty": ""}, {"number": 7, "zone": "z"}, {"name": "\uc138\uacc4"},
        {"odd": "a b+c%2F?x=1#y"}, {"b": "/", "a": "", "instance": "i"}, exposition.instance_ip_grouping_key()]
JOBS = ["job", "a/b", "\uc77c", "with space", "100%"]


def registry(n):
    """All of the client's types."""
    own = client.CollectorRegistry()
    client.Gauge("py_gauge", 'A "gauge" \\ of\nlines', ["l"], registry=own).labels('x"\\\n').set(n / 3)
    client.Counter("py_counter", "A counter", registry=own).inc(n)
    summary = client.Summary("py_summary", "A summary", registry=own)
    histogram = client.Histogram("py_histogram", "A histogram", ["l"], buckets=(0.1, 1, 10), registry=own)
    for value in (0.05, 0.5, 5, 50):
        summary.observe(value * n)
        histogram.labels("v").observe(value * n)
    client.Info("py_info", "An info", registry=own).info({"version": str(n)})
    client.Enum("py_state", "A state", states=["on", "off"], registry=own).state("off")
    small = client.CollectorRegistry()
    client.Gauge("py_gauge", 'A "gauge" \\ of\nlines', ["l"], registry=small).labels("y").set(n)
    # When a metric was made differs between two registries, not between two pushes of one.
    return own, small


def calls():
    """(what, the call as a function of the gateway's address and more arguments)"""
    own, small = registry(2)
    for job in JOBS:
        for key in KEYS:
            yield f"push {job} {key}", partial(client.push_to_gateway, job=job, registry=own, grouping_key=key)
    for compression in ("gzip", "snappy") if snappy else ("gzip",):
        yield compression, partial(client.push_to_gateway, job=compression, registry=own, compression=compression)
        yield compression, partial(client.pushadd_to_gateway, job=compression, registry=small, compression=compression)
    for key in KEYS:
        yield f"pushadd {key}", partial(client.pushadd_to_gateway, job="a/b", registry=small, grouping_key=key)
    for key in KEYS[::2]:
        yield f"push {key}", partial(client.push_to_gateway, job="a/b", registry=small, grouping_key=key)
    for key in KEYS[1::2]:
        yield f"delete {key}", partial(client.delete_from_gateway, job="a/b", grouping_key=key)
    yield "delete nothing", partial(client.delete_from_gateway, job="nobody")
    yield "no such key", partial(client.push_to_gateway, job="job", registry=small, grouping_key={"__x": "y"})
    yield "no job", partial(client.push_to_gateway, job="", registry=small)


def guarded_calls(files):
    """Over TLS and with a password; with others they fail."""
    _, small = registry(3)
    cert = {"certfile": files["client.pem"], "keyfile": files["client.key"], "cafile": files["server.pem"]}

    def both(url, method, timeout, headers, data, password=PASSWORD):
        # The client has a handler for either; a user beside a certificate is one more header.
        import base64
        headers = [*headers, ("Authorization", "Basic " + base64.b64encode(f"user:{password}".encode()).decode())]
        return exposition.tls_auth_handler(url, method, timeout, headers, data, **cert)

    yield "TLS and password", partial(client.push_to_gateway, job="tls", registry=small, handler=both)
    yield "TLS and password", partial(client.pushadd_to_gateway, job="tls", registry=small, handler=both, compression="gzip")
    yield "wrong password", partial(client.push_to_gateway, job="tls2", registry=small, handler=partial(both, password="x"))
    without = partial(exposition.tls_auth_handler, **cert)
    yield "no password", partial(client.push_to_gateway, job="tls3", registry=small, handler=without)
    yield "delete", partial(client.delete_from_gateway, job="tls", handler=both)


def password_calls():
    _, small = registry(4)
    basic = partial(exposition.basic_auth_handler, username="user", password=PASSWORD)
    wrong = partial(exposition.basic_auth_handler, username="user", password="x")
    yield "password", partial(client.push_to_gateway, job="basic", registry=small, handler=basic)
    yield "wrong password", partial(client.pushadd_to_gateway, job="basic", registry=small, handler=wrong)
    yield "redirects", partial(client.push_to_gateway, job="redirect", registry=small, handler=exposition.passthrough_redirect_handler)
    yield "delete", partial(client.delete_from_gateway, job="basic", handler=basic)


def outcome(call, address):
    try:
        call(address)
        return "done"
    except Exception as error:  # the client's own errors are what is compared
        return f"{type(error).__name__}: {getattr(error, 'code', '')}"


def made(folder):
    """A server's and a client's certificate, each its own authority, and the two files of --web.config.file."""
    files = {name: os.path.join(folder, name) for name in ("server.pem", "server.key", "client.pem", "client.key", "tls.yml", "basic.yml")}
    for name in ("server", "client"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                        "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                        "-keyout", files[name + ".key"], "-out", files[name + ".pem"]], check=True, capture_output=True)
    users = f"basic_auth_users: {{user: '{PASSWORD_BCRYPT}'}}\n"
    open(files["basic.yml"], "w").write(users)
    open(files["tls.yml"], "w").write(users + f"tls_server_config: {{cert_file: {files['server.pem']}, key_file: {files['server.key']}, "
                                      f"client_auth_type: RequireAndVerifyClientCert, client_ca_file: {files['client.pem']}}}\n")
    return files


class Two:
    """The real gateway and ours."""

    def __init__(self, programs, port, folder, config=""):
        self.addresses = [f"localhost:{port}", f"localhost:{port + 1}"]
        self.log = open(os.path.join(folder, "log"), "a")
        self.processes = []
        for i, program in enumerate(programs):
            file = os.path.join(tempfile.mkdtemp(dir=folder), "data")
            self.processes.append(subprocess.Popen(
                [program, f"--web.listen-address=127.0.0.1:{port + i}", f"--persistence.file={file}", f"--web.config.file={config}"],
                stdout=self.log, stderr=self.log))

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("pushgateway")
    args.add_argument("mangru")
    args.add_argument("--port", type=int, default=19451)
    args = args.parse_args()
    folder = tempfile.mkdtemp(prefix="client-python-")
    ours = os.path.join(folder, "pushgateway")
    os.symlink(os.path.abspath(args.mangru), ours)
    n = bad = 0

    def differs(what, real, own):
        nonlocal bad
        if real != own:
            bad += 1
            print(f"{what}\n  real: {real if isinstance(real, str) else [x for x in real if x not in own][:4]}"
                  f"\n  ours: {own if isinstance(own, str) else [x for x in own if x not in real][:4]}")

    two = Two([args.pushgateway, ours], args.port, folder)
    urls = ["http://" + address for address in two.addresses]
    [common.wait_ready(url, process) for url, process in zip(urls, two.processes)]
    for what, call in calls():
        n += 1
        differs(what, *(outcome(call, address) for address in two.addresses))
        differs(what, *map(compare.exposed, urls))
        differs(what, *map(compare.listed, urls))
    two.stop()
    files = made(folder)
    for config, scheme, some in (("tls.yml", "https://", guarded_calls(files)), ("basic.yml", "http://", password_calls())):
        two = Two([args.pushgateway, ours], args.port + 2, folder, files[config])
        for address, process in zip(two.addresses, two.processes):
            common.wait_port(address, process)
        for what, call in some:
            n += 1
            outcomes = [outcome(call, scheme + address) for address in two.addresses]
            print(f"{config} {what}: {outcomes[1]}")
            differs(what, *outcomes)
        two.stop()
    shutil.rmtree(folder)
    print(f"{n} calls of prometheus_client, {bad} differences" + ("" if snappy else "; without snappy"))
    raise SystemExit(1 if bad else 0)


main()
