#!/usr/bin/env python3
"""The same web configuration files and requests to real Prometheus and Pushgateway and to ours: statuses, bodies and the
headers that the file speaks of have to agree; a file that is wrong has to stop both.

usage: compare_web_config.py PEERS OUR_PROGRAM     (PEERS: the folder with prometheus and prometheus-pushgateway)
"""
import base64
import collections
import http.client
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time

PEMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../crates/server/src/tests/pem")
# alice: right, at cost 10
USERS = "basic_auth_users:\n  alice: $2b$10$4ZGuRhenwHo4fLV5poClEethurRbdUtrwWjcMzel76V.3xIORRgsO\n"
HEADERS = ("www-authenticate", "content-type", "x-content-type-options", "x-frame-options",
           "strict-transport-security", "x-xss-protection", "content-security-policy")


def tls(more=""):
    return f"tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n{more}"


def clients(kind, more=""):
    return tls(f"  client_auth_type: {kind}\n  client_ca_file: ca.pem\n{more}")


ADDED = """http_server_config:
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Content-Type-Options: nosniff
    X-Frame-Options: sameorigin
    X-XSS-Protection: "1"
    Content-Security-Policy: default-src 'self'
"""
GOOD = {
    "empty": "",
    "users": USERS,
    "headers": ADDED,
    "tls": tls(),
    "tls 1.3 only": tls("  min_version: TLS13\n"),
    "tls 1.2 only": tls("  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n"),
    "a suite of another key": tls("  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n") +
    "http_server_config: {http2: false}\n",
    "a curve": tls("  curve_preferences: [CurveP384]\n"),
    "users over tls with headers": tls() + USERS + ADDED,
    "RequestClientCert": clients("RequestClientCert"),
    "RequireAnyClientCert": clients("RequireAnyClientCert"),
    "RequireClientCert": clients("RequireClientCert"),
    "VerifyClientCertIfGiven": clients("VerifyClientCertIfGiven"),
    "RequireAndVerifyClientCert": clients("RequireAndVerifyClientCert"),
    "a certificate that is its own authority": tls(
        "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: selfmade.pem\n"),
    "an allowed name": clients("RequireAndVerifyClientCert", "  client_allowed_sans: [other, 'spiffe://x/y']\n"),
    "an allowed address": clients("RequireAndVerifyClientCert", "  client_allowed_sans: ['fe80::1']\n"),
    "no allowed name": clients("RequireAndVerifyClientCert", "  client_allowed_sans: [other]\n"),
    "rate limit": "rate_limit: {interval: 1h, burst: 5}\n" + USERS,
}
BAD = {
    "no yaml": "nonsense\n",
    "unknown key": "tls_server: {}\n",
    "no certificate": "tls_server_config: {key_file: server.key}\n",
    "no key": "tls_server_config: {cert_file: server.pem}\n",
    "missing file": "tls_server_config: {cert_file: nowhere.pem, key_file: server.key}\n",
    "another's key": "tls_server_config: {cert_file: server.pem, key_file: client.key}\n",
    "client auth": tls("  client_auth_type: Maybe\n"),
    "authorities without policy": tls("  client_ca_file: ca.pem\n"),
    "cipher": tls("  cipher_suites: [TLS_X]\n"),
    "curve": tls("  curve_preferences: [X]\n"),
    "version": tls("  min_version: TLS14\n"),
    "header": "http_server_config: {headers: {X-Mine: a}}\n",
    "header's value": "http_server_config: {headers: {X-Frame-Options: never}}\n",
    "hash": "basic_auth_users: {alice: secret}\n",
    "duration": "rate_limit: {interval: 1x}\n",
}
CREDENTIALS = {"nobody": None, "alice": "alice:right", "wrong": "alice:wrong", "bob": "bob:right", "empty": ":"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def command(program, kind, port, folder):
    listen = f"--web.listen-address=127.0.0.1:{port}"
    file = f"--web.config.file={folder}/web.yml"
    if kind == "prometheus":
        with open(f"{folder}/prometheus.yml", "w") as f:
            f.write("")
        return [program, listen, file, f"--storage.tsdb.path={folder}/data{port}", "--web.enable-lifecycle",
                f"--config.file={folder}/prometheus.yml"]
    return [program, listen, file, f"--persistence.file={folder}/push{port}"]


def context(cert):
    made = ssl.create_default_context(cafile=f"{PEMS}/ca.pem")
    if cert:
        made.load_cert_chain(f"{PEMS}/{cert}.pem", f"{PEMS}/{cert}.key")
    return made


def ask(port, over_tls, cert, credentials, method, path, body):
    headers = {}
    if credentials is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(credentials.encode()).decode()
    if over_tls:
        connection = http.client.HTTPSConnection("localhost", port, timeout=5, context=context(cert))
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        seen = {name: answer.getheader(name) for name in HEADERS}
        if answer.status == 200:
            # What the programs answer by themselves is compared elsewhere.
            text, seen["content-type"] = b"", None
        return answer.status, text, seen
    except (OSError, http.client.HTTPException):
        return "refused"
    finally:
        connection.close()


def requests(kind):
    if kind == "prometheus":
        yield "GET", "/-/healthy", None
        yield "POST", "/-/reload", ""
        yield "GET", "/nothing", None
        yield "GET", "/api/v1/query?query=1", None
    else:
        yield "GET", "/metrics", None
        yield "PUT", "/metrics/job/a", "m 1\n"
        yield "POST", "/metrics/job/a", "m 1\n"
        yield "POST", "/metrics/job/a", "m 1\n" + "x" * 100_000
        yield "DELETE", "/metrics/job/b", None


def answers(program, kind, name, text, folder):
    port = free_port()
    with open(f"{folder}/web.yml", "w") as f:
        f.write(text)
    process = subprocess.Popen(command(program, kind, port, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        # Until the storage is open.
        time.sleep(1)
        over_tls = "tls_server_config" in text
        certs = [None, "client", "stranger", "selfmade"] if "client_auth_type" in text else [None]
        who = CREDENTIALS if "basic_auth_users" in text else {"nobody": None, "alice": CREDENTIALS["alice"]}
        got = []
        for cert in certs:
            for person, credentials in who.items():
                for method, path, body in requests(kind):
                    answer = ask(port, over_tls, cert, credentials, method, path, body)
                    if answer != "refused" and answer[0] in (400, 404):
                        answer = answer[0], b"", answer[2]
                    got.append((f"{kind}, {name}: {method} {path} by {person}, certificate {cert}", answer))
        if over_tls:
            got.append((f"{kind}, {name}: http where tls is", ask(port, False, None, None, "GET", "/", None)))
        return got
    finally:
        process.terminate()
        process.wait(30)


def stops(program, kind, text, folder):
    """The exit code and the last words."""
    with open(f"{folder}/web.yml", "w") as f:
        f.write(text)
    try:
        done = subprocess.run(command(program, kind, free_port(), folder), capture_output=True, timeout=10, text=True)
    except subprocess.TimeoutExpired:
        return "runs", ""
    return "stops", (done.stdout + done.stderr).strip().replace(folder, "DIR")


def main():
    peers, ours = sys.argv[1:]
    folder = tempfile.mkdtemp()
    for name in os.listdir(PEMS):
        os.symlink(os.path.join(os.path.abspath(PEMS), name), f"{folder}/{name}")
    programs = {}
    for kind, real in (("prometheus", "prometheus"), ("pushgateway", "prometheus-pushgateway")):
        os.symlink(os.path.abspath(ours), f"{folder}/{kind}")
        programs[kind] = f"{peers}/{real}", f"{folder}/{kind}"
    asked = different = 0
    statuses = collections.Counter()
    for kind, (real, our) in programs.items():
        for name, text in GOOD.items():
            for (what, want), (_, got) in zip(answers(real, kind, name, text, folder), answers(our, kind, name, text, folder)):
                asked += 1
                statuses[str(want if want == "refused" else want[0])] += 1
                if want != got:
                    different += 1
                    print(f"{what}\n  real: {want}\n  ours: {got}")
    for name, text in BAD.items():
        for kind, (real, our) in programs.items():
            (want, words), (got, our_words) = stops(real, kind, text, folder), stops(our, kind, text, folder)
            asked += 1
            statuses[want] += 1
            if want != got:
                different += 1
                print(f"{kind}, {name}\n  real: {want} {words}\n  ours: {got} {our_words}")
    counts = ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))
    print(f"{asked} answers compared ({counts}), {different} different")
    return different > 0


if __name__ == "__main__":
    sys.exit(main())
