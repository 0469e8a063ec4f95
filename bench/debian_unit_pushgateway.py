#!/usr/bin/env python3
"""Debian's unit file of the Pushgateway starts ours with only the path changed.

usage: debian_unit_pushgateway.py UNIT_FILE DEFAULTS_FILE MANGRU        (as root: it changes to the user nobody)
  e.g. the two files of the package: /lib/systemd/system/prometheus-pushgateway.service, /etc/default/prometheus-pushgateway

No systemd is needed: the unit's ExecStart is run as it would be, in /, by a user who may write in the home alone, with a service's few variables. Once with the
package's defaults, and once with the ARGS that its readers write. Each time: a push, a kill -9, a start, the push is there; a reload (SIGHUP), a stop (SIGTERM).
"""
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

import common

URL = "http://127.0.0.1:9091"
NOBODY = 65534
PROGRAM = "/usr/bin/prometheus-pushgateway"


def assignments(path):
    """NAME=VALUE of an environment file, the quotes taken away."""
    lines = (line.strip() for line in open(path))
    pairs = (line.split("=", 1) for line in lines if line and line[0] not in "#;" and "=" in line)
    return {name: " ".join(shlex.split(value)) for name, value in pairs}


def service(path):
    """The keys of [Service]."""
    section, keys = None, {}
    for line in open(path):
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and line[0] not in "#;":
            name, value = line.split("=", 1)
            keys[name] = value
    return keys


def command(exec_start, environment):
    """The words of ExecStart; $NAME alone is split at spaces."""
    words = []
    for word in shlex.split(exec_start):
        words += environment.get(word[1:], "").split() if word.startswith("$") else [word]
    return words


def run(title, keys, environment, program, home):
    words = command(keys["ExecStart"], environment)
    assert words[0] == PROGRAM, f"another program: {words[0]}"
    words[0] = program
    variables = {"HOME": home, "USER": keys["User"], "LOGNAME": keys["User"], "SHELL": "/usr/sbin/nologin",
                 "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", **environment}
    with open(os.path.join(home, "log"), "a+") as log:
        start = lambda: subprocess.Popen(words, cwd="/", env=variables, stdout=log, stderr=log, user=NOBODY, group=NOBODY, extra_groups=[])
        process = start()
        try:
            common.wait_ready(URL, process)
            body = urllib.request.Request(URL + "/metrics/job/some_job", b"some_metric 3.14\n")
            assert urllib.request.urlopen(body).status == 200
            process.kill()
            process.wait()
            process = start()
            common.wait_ready(URL, process)
            process.send_signal(signal.SIGHUP)
            shown = urllib.request.urlopen(URL + "/metrics").read()
            assert b'some_metric{instance="",job="some_job"} 3.14\n' in shown, "the push is lost"
            assert process.poll() is None, "ended by a reload"
            process.send_signal(signal.SIGTERM)
            code = process.wait(int(keys["TimeoutStopSec"].rstrip("s")))
            assert code == 0, f"stopped with {code}"
        except BaseException:
            process.kill()
            log.seek(0)
            print(log.read())
            raise
        print(f"{title}: {shlex.join(words[1:]) or 'no arguments'}: started, kept, reloaded, stopped")


def main():
    unit, defaults, mangru = sys.argv[1:4]
    keys = service(unit)
    folder = tempfile.mkdtemp(prefix="debian-unit-")
    os.chmod(folder, 0o755)
    home = os.path.join(folder, "home")
    os.mkdir(home)
    os.chown(home, NOBODY, NOBODY)
    program = os.path.join(folder, "prometheus-pushgateway")
    shutil.copy(mangru, program)
    os.chmod(program, 0o755)
    assert keys["EnvironmentFile"].lstrip("-") == "/etc/default/prometheus-pushgateway"
    environment = assignments(defaults)
    run("the package's defaults", keys, environment, program, home)
    shutil.rmtree(os.path.join(home, "mangru"))
    written = f"--persistence.file={home}/pushgateway.data --persistence.interval=1m --web.enable-admin-api --log.format=json"
    run("with arguments", keys, {**environment, "ARGS": written}, program, home)
    shutil.rmtree(folder)


main()
