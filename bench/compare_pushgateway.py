#!/usr/bin/env python3
"""The same requests, in order, to a real Pushgateway and to ours: status, body, /metrics and /api/v1/metrics have to agree.

usage: compare_pushgateway.py REAL_URL OUR_URL        (both with --web.enable-admin-api, both empty)

Left out because they differ on purpose: /debug/pprof and /static, the pages, and the redirects of /api/v1/…/, which the real one sends to an address without /api/v1.
Times, the order of groups, and what a program says of itself (pushgateway_*, go_*, process_*) are left out; and what
depends on the order of a Go map: which of two help texts stands, and which of the contradicting metrics is named first.
"""
import gzip
import json
import re
import sys
import urllib.error
import urllib.parse
import http.client

PROTO = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
TYPES = """# HELP c A counter.
# TYPE c counter
c{l="a"} 1
c{l="b"} 2e10
# HELP g A gauge with "quotes", \\\\ and \\n in it.
# TYPE g gauge
g{l="x\\"y\\\\z\\n"} -Inf
# TYPE s summary
s{quantile="0.5"} 1.5
s{quantile="0.9"} NaN
s_sum 7
s_count 3
# TYPE h histogram
h_bucket{le="0.1"} 1
h_bucket{le="1"} 2
h_bucket{le="+Inf"} 3
h_sum 4.5
h_count 3
u 0.00001234
"""


def message(field, body):
    return bytes([field << 3 | 2, len(body)]) + body


def double(field, bits):
    return bytes([field << 3 | 1]) + bits


def proto_gauge(name, value=b"\x00\x00\x00\x00\x00\x00\xf8\x3f", extra=b""):
    """One delimited family with one gauge of 1.5."""
    metric = message(1, message(1, b"l") + message(2, b"v")) + message(2, double(1, value)) + extra
    family = message(1, name) + message(2, b"help") + b"\x18\x01" + message(4, metric)
    return bytes([len(family)]) + family


def requests():
    """(method, path, body, headers)"""
    job = "/metrics/job/"
    for method in ("PUT", "POST"):
        yield method, job + "a", "m 1\n", {}
        yield method, job + "a", "m 2\nn 3\n", {}
        yield method, job + "a", "o 4\n", {}
        yield method, job + "a", "", {}
        yield method, job + "a/instance/i", TYPES, {}
        yield method, job + "a/instance/i", "m 1", {}
        yield method, job + "a/zone/z", 'm{zone="other",job="b",instance="mine"} 1\n', {}
        yield method, job + "types", TYPES, {}
        yield method, job + "a", "# TYPE c gauge\nc 1\n", {}
        yield method, job + "types", "# TYPE c gauge\nc 1\n", {}
        yield method, job + "a", "# HELP c Another help.\n# TYPE c counter\nc 1\n", {}
        yield method, job + "a", "m 1 1700000000000\n", {}
        yield method, job + "a", "m 1\nm 2\n", {}
        yield method, job + "a", 'm{l="1"} 1\nm{l="1"} 2\n', {}
        yield method, job + "a", 'm{instance="i"} 1\n', {}
        yield method, job + "a", 'm{instance=""} 1\n', {}
        yield method, job + "dup/instance/i", "dupm 1\n", {}
        yield method, job + "dup", 'dupm{instance="i"} 1\n', {}
        yield method, job + "a", "push_time_seconds 1\n", {}
        yield method, job + "a", "# TYPE push_time_seconds counter\npush_time_seconds 1\n", {}
        yield method, job + "a", "# TYPE pushgateway_build_info counter\npushgateway_build_info 1\n", {}
        yield method, job + "a", 'm{l="a"', {}
        yield method, job + "a", "m\n", {}
        yield method, job + "a", "m one\n", {}
        yield method, job + "a", "1m 1\n", {}
        yield method, job + "a", "m{l=a} 1\n", {}
        yield method, job + "a", 'm{l="a} 1\n', {}
        yield method, job + "a", 'm{0="a"} 1\n', {}
        yield method, job + "a", 'm{__l="a"} 1\n', {}
        yield method, job + "a", "# TYPE m nonsense\nm 1\n", {}
        yield method, job + "a", "# TYPE m counter\n# TYPE m counter\nm 1\n", {}
        yield method, job + "a", "# TYPE m counter\n# HELP m one\n# HELP m two\nm 1\n", {}
        yield method, job + "a", "# just a comment\n\n  \nm\t 1  \n", {}
        yield method, job + "a", "m 0x1p-2\nn +Inf\no nan\n", {}
        yield method, job + "a", "m 1\nk 2\nm 3\n", {}
        yield method, job + "a", "# EOF\n", {}
        yield method, job + "a", b"m{l=\"\xff\"} 1\n", {}
        yield method, job + "a", "m{l=\"\uc138\uacc4\"} 1\n", {}
        yield method, job + "a", "# TYPE m summary\nm_sum 1\n", {}
        yield method, job + "a", "# TYPE m histogram\nm_bucket{le=\"1\"} 1\nm_count 2\nm_sum 1\n", {}
        yield method, job + "a", "# TYPE m histogram\nm_bucket 1\n", {}
        yield method, job + "a", "# TYPE m summary\nm{quantile=\"x\"} 1\n", {}
        yield method, job + "a", "m 1\n", {"Content-Type": "application/openmetrics-text; version=1.0.0"}
        yield method, job + "a", "m 1\n", {"Content-Type": "application/json"}
        yield method, job + "a", gzip.compress(b"zipped 1\n"), {"Content-Encoding": "gzip"}
        yield method, job + "a", b"m 1\n", {"Content-Encoding": "gzip"}
        yield method, job + "a", b"not zipped at all\n", {"Content-Encoding": "gzip"}
        yield method, job + "a", b"m 1\n", {"Content-Encoding": "snappy"}
        yield method, job + "a", "m 1\n", {"Content-Encoding": "deflate"}
        yield method, job + "proto", proto_gauge(b"p"), {"Content-Type": PROTO}
        yield method, job + "proto", proto_gauge(b"p", extra=b"\x30\x05"), {"Content-Type": PROTO}
        yield method, job + "proto", b"xx", {"Content-Type": PROTO}
        yield method, job + "proto", b"", {"Content-Type": PROTO}
        yield method, "/metrics/job@base64/eA", "m 1\n", {}
        yield method, "/metrics/job@base64/eA==/l@base64/L3Zhci90bXA=", "m 1\n", {}
        yield method, "/metrics/job@base64/=", "m 1\n", {}
        yield method, "/metrics/job@base64/!!", "m 1\n", {}
        yield method, job + "a/l@base64/=", "m 1\n", {}
        yield method, job + "a/l@base64/a", "m 1\n", {}
        yield method, job + "a/l@base64/7IS46rOE", "m 1\n", {}
        yield method, job, "m 1\n", {}
        yield method, "/metrics/job", "m 1\n", {}
        yield method, "/metrics/jobs/a", "m 1\n", {}
        yield method, job + "a/l", "m 1\n", {}
        yield method, job + "a/l/b/k", "m 1\n", {}
        yield method, job + "a/", "m 1\n", {}
        yield method, job + "a//b", "m 1\n", {}
        yield method, job + "a/__l/b", "m 1\n", {}
        yield method, job + "a/l-l/b", "m 1\n", {}
        yield method, job + "a/l/b/l/c", "m 1\n", {}
        yield method, job + "a/job/c", "m 1\n", {}
        yield method, job + "a%20b/l/%EC%84%B8+x", "m 1\n", {}
    for method, path in (("GET", job + "a"), ("PATCH", job + "a"), ("POST", "/metrics"), ("OPTIONS", job + "a"),
                         ("DELETE", job + "a/l"), ("DELETE", job + "nobody"), ("DELETE", job + "a"),
                         ("DELETE", job + "types"), ("DELETE", "/metrics/job@base64/eA"), ("POST", "/api/v1/metrics"),
                         ("OPTIONS", "/api/v1/metrics"), ("GET", "/api/v1/nothing"), ("GET", "/api/v2/status"), ("GET", "/nothing"),
                         ("GET", "/-/healthy"), ("GET", "/-/ready"), ("POST", "/-/ready"), ("GET", "/-/quit"),
                         ("PUT", "/-/quit"), ("PUT", "/-/reload"), ("GET", "/api/v1/admin/wipe"), ("POST", "/api/v1/admin/wipe"),
                         ("PUT", "/api/v1/admin/wipe")):
        yield method, path, "", {}
    yield from addresses()


def addresses():
    """Addresses that are not written as they should be: redirects, and where there is nothing."""
    paths = ["/metrics/", "/metrics/job", "/metrics/job/", "/metrics/job@base64", "/metrics/job@base64/", "/metrics/job/a/", "/metrics/job/a/b",
             "/metrics/job/a/b/c/", "/metrics/job/a/?x=1", "//metrics", "/metrics//job/a", "/metrics/./job/a", "/metrics/x/../job/a",
             "/metrics/job//?x=1&y=%3C", "/metrics/job/a/b//", "/metrics/job/%2F/x/%2f", "/metrics/job/a%2Fb", "/metrics/job/a/b/%", "/metrics/job/a/b/%zz",
             "/metrics/job/%EC%84%B8//x", "/status/", "/-/healthy/", "/-/ready/", "/-/quit/", "/api", "/api/", "/api/v1/admin", "//?x=1",
             "/debug", "/favicon.ico", "/graph"]
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for path in paths:
            # Any OPTIONS below /api/v1 is answered by the real one, whether something is there or not.
            if (method, path) != ("OPTIONS", "/api/v1/admin"):
                yield method, path, "m 1\n" if method in ("PUT", "POST") else "", {}


def ask(url, method, path, body=b"", headers=None):
    host = urllib.parse.urlsplit(url).netloc
    connection = http.client.HTTPConnection(host, timeout=20)
    connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
    answer = connection.getresponse()
    content = answer.read()
    shown = {name: answer.getheader(name) for name in ("Location", "Allow", "Access-Control-Allow-Origin", "Content-Type") if answer.getheader(name)}
    connection.close()
    return answer.status, settled(content), shown


CONTRADICTION = re.compile(rb'(?:\d+ error\(s\) occurred:\n\* )?collected metric "([^"]*)" \{.*\} (is not a|was collected before)(?s:.*)')


def settled(body):
    """An error of the consistency check without the metric that it happens to name."""
    return CONTRADICTION.sub(rb'collected metric "\1" \2', body)


OWN = re.compile(r"(# (HELP|TYPE) )?(pushgateway_|go_|process_|promhttp_)")
TIMES = re.compile(r"^(push_(failure_)?time_seconds\{.*\}) (\S+)$")


def exposed(url):
    lines = ask(url, "GET", "/metrics")[1].decode().splitlines()
    zero = lambda match: f"{match[1]} {'0' if match[3] == '0' else 'T'}"
    return [TIMES.sub(zero, line) for line in lines if not OWN.match(line) and not line.startswith("# HELP c ")]


def listed(url):
    groups = json.loads(ask(url, "GET", "/api/v1/metrics")[1])["data"]
    for group in groups:
        for name, family in group.items():
            if isinstance(family, dict) and "time_stamp" in family:
                family["time_stamp"] = "T"
                if name.startswith("push_"):
                    for metric in family["metrics"]:
                        metric["value"] = "0" if metric["value"] == "0" else "T"
    return sorted(groups, key=lambda group: json.dumps(group["labels"], sort_keys=True))


def main():
    real, ours = sys.argv[1:3]
    differences = n = 0
    for n, (method, path, body, headers) in enumerate(requests(), 1):
        want, got = (ask(url, method, path, body, headers) for url in (real, ours))
        rows = [("answer", want, got)]
        rows.append(("/metrics", exposed(real), exposed(ours)))
        rows.append(("/api/v1/metrics", listed(real), listed(ours)))
        for what, a, b in rows:
            if a == b:
                continue
            differences += 1
            print(f"{n}: {method} {path} {headers or ''} {body!r:.100}: {what}")
            if isinstance(a, list):
                print("  real:", *[x for x in a if x not in b][:4], sep="\n    ")
                print("  ours:", *[x for x in b if x not in a][:4], sep="\n    ")
            else:
                print(f"  real: {a}\n  ours: {b}")
    print(f"{n} requests, {differences} differences")
    raise SystemExit(1 if differences else 0)


if __name__ == "__main__":
    main()
