"""Runs a command and tells what it cost: time, processor and memory, of it and of the servers."""

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    seconds: float
    """Processor seconds of the command and its children."""
    own_cpu: float
    """Processor seconds of the database servers meanwhile."""
    server_cpu: float
    """The most memory that one of the command's processes held, in bytes."""
    peak: int

    @property
    def cpu(self):
        return self.own_cpu + self.server_cpu


class Servers:
    """The servers that take part, where they are on this machine."""

    def __init__(self, postgres, mariadb):
        self.roots = []
        answer = psql(postgres, "select pg_read_file('postmaster.pid')")
        self.roots.append(int(answer.split("\n")[0]))
        answer = Path(mariadb_client(mariadb, "select @@pid_file").strip())
        folder = Path(mariadb_client(mariadb, "select @@datadir").strip())
        file = answer if answer.is_absolute() else folder / answer
        self.roots.append(int(file.read_text()))

    def cpu(self):
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            fields = text.rpartition(")")[2].split()
            is_root, is_child = int(stat.parent.name) in self.roots, int(fields[1]) in self.roots
            if is_root or is_child:
                ticks += int(fields[11]) + int(fields[12])
            if is_root:
                # Those of children that ended.
                ticks += int(fields[13]) + int(fields[14])
        return ticks / TICKS


def run(servers, command, log):
    """Runs a command of the shell; its output goes to a file that is shown when it fails."""
    before, began = servers.cpu(), time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"set -euo pipefail; {command}"], stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status != 0:
        sys.exit(f"failed: {command}\n{Path(log).read_text(errors='replace')[-4000:]}")
    own = usage.ru_utime + usage.ru_stime
    return Cost(seconds, own, servers.cpu() - before, usage.ru_maxrss * 1024)


def psql_command(url):
    return f"psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 {shlex.quote(url)}"


def psql(url, *statements):
    command = shlex.split(psql_command(url))
    for statement in statements:
        command += ["-c", statement]
    return checked(command)


def mariadb_command(url, local_files=False):
    parts = urlsplit(url)
    database = parts.path.lstrip("/")
    return (
        f"mariadb --no-defaults --batch --raw --skip-column-names --binary-mode --protocol=tcp "
        f"--default-character-set=utf8mb4 {'--local-infile=1 ' if local_files else ''}"
        f"--host={parts.hostname} --port={parts.port} --user={parts.username} "
        f"--password={parts.password} {database}"
    )


def mariadb_client(url, statements):
    return checked(shlex.split(mariadb_command(url, local_files=True)) + ["-e", statements])


def checked(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"failed: {command[0]}\n{done.stderr[-4000:]}")
    return done.stdout
