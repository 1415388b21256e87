"""Long work for one server, and what it is like afterwards."""

import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from http.client import HTTPConnection, HTTPException

MINUTES = float(os.environ.get("MINUTES", "30"))
PEOPLE = int(os.environ.get("PEOPLE", "10"))
STREAMS = int(os.environ.get("STREAMS", "20"))
PASSWORD = "wardrobe pelican seven"
STREAM_SECONDS = 60
LOOK_SECONDS = 10
READ = [
    "/portal", "/api/v1/session", "/api/v1/health", "/api/v1/metrics", "/api/v1/plans", "/api/v1/connections",
    "/api/v1/runs?limit=50", "/api/v1/assessments", "/api/v1/verifications", "/api/v1/rollbacks",
    "/api/v1/audit?limit=100", "/api/v1/alerts", "/api/v1/approvals", "/api/v1/manuals/search?words=quarantine",
    "/api/v1/runs/{run}", "/api/v1/runs/{run}/quarantine?limit=200", "/api/v1/runs/{run}/quarantine/counts",
    "/api/v1/reports/{run}", "/api/v1/reports/{run}/files/report.html",
]


class Refused(Exception):
    """An answer that nobody should get."""


class Client:
    """Somebody with a session of their own."""

    def __init__(self, address):
        self.address = address
        self.connection = HTTPConnection(address, timeout=60)
        self.used = 0
        self.signed_in_until = 0
        self.cookie = self.token = None

    def ask(self, method, path, body=None):
        if time.monotonic() > self.signed_in_until:
            self.sign_in()
        return self.send(method, path, body, {"Authorization": f"Bearer {self.token}"})

    def sign_in(self):
        """The first time by the password, and then by the cookie."""
        if self.cookie is None:
            body = {"email": "demo@transfuse.example", "password": PASSWORD}
            answer = self.send("POST", "/api/v1/session", body, {})
        else:
            headers = {"Cookie": self.cookie, "Origin": f"http://{self.address}"}
            answer = self.send("POST", "/api/v1/session/refresh", None, headers)
        self.token = json.loads(answer)["token"]
        self.signed_in_until = time.monotonic() + 600

    def send(self, method, path, body, headers):
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
            body = json.dumps(body)
        # A server closes what is idle for a while.
        if time.monotonic() - self.used > 3:
            self.connection.close()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            content = answer.read()
            self.used = time.monotonic()
        except (HTTPException, OSError):
            self.connection.close()
            raise
        cookies = answer.headers.get_all("Set-Cookie") or []
        if cookies:
            self.cookie = cookies[0].split(";")[0]
        if answer.status >= 400:
            raise Refused(f"{method} {re.sub('[0-9a-f-]{36}', 'ID', path)}: {answer.status}")
        return content


class Soak:
    """What all threads share."""

    def __init__(self, address):
        self.address = address
        self.ends = time.monotonic() + MINUTES * 60
        self.run = None
        self.lock = threading.Lock()
        self.took = []
        self.cycles = []
        self.events = 0
        self.faults = {}

    def goes_on(self):
        return time.monotonic() < self.ends

    def fault(self, error):
        with self.lock:
            said = str(error) if isinstance(error, Refused) else repr(error)
            self.faults[said] = self.faults.get(said, 0) + 1

    def read(self, number):
        """Asks for one page after the other."""
        client = Client(self.address)
        place = number
        while self.goes_on():
            path = READ[place % len(READ)]
            place += 1
            if "{run}" in path and self.run is None:
                continue
            began = time.monotonic()
            try:
                client.ask("GET", path.format(run=self.run))
                with self.lock:
                    self.took.append((began, time.monotonic() - began, path))
            except (Refused, HTTPException, OSError) as error:
                self.fault(error)
            time.sleep(1)

    def follow(self, number):
        """Follows everything, and connects anew every minute."""
        client = Client(self.address)
        time.sleep(number * STREAM_SECONDS / STREAMS)
        while self.goes_on():
            try:
                client.ask("GET", "/api/v1/session")
                stream = HTTPConnection(self.address, timeout=30)
                stream.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {client.token}"})
                answer = stream.getresponse()
                until = time.monotonic() + STREAM_SECONDS
                while time.monotonic() < until and self.goes_on():
                    line = answer.readline()
                    if not line:
                        raise Refused("a stream ended by itself")
                    self.events += line.startswith(b"event:")
                stream.close()
            except (Refused, HTTPException, OSError) as error:
                self.fault(error)
                time.sleep(1)

    def work(self):
        """The sample: assessed, run, verified and undone, again and again."""
        client = Client(self.address)
        plan = json.loads(client.ask("GET", "/api/v1/plans"))["items"][0]["id"]
        while self.goes_on():
            began = time.monotonic()
            try:
                self.carry_out(client, "assessments", {"plan_id": plan})
                run = self.carry_out(client, "runs", {"plan_id": plan, "start": "fresh"})
                self.run = run
                self.carry_out(client, "verifications", {"run_id": run})
                back = self.carry_out(client, "rollbacks", {"run_id": run})
                client.ask("POST", f"/api/v1/rollbacks/{back}/start")
                self.wait(client, f"/api/v1/rollbacks/{back}")
                self.cycles.append(time.monotonic() - began)
            except (Refused, HTTPException, OSError) as error:
                self.fault(error)
            time.sleep(5)

    def carry_out(self, client, what, body):
        made = json.loads(client.ask("POST", f"/api/v1/{what}", body))
        self.wait(client, f"/api/v1/{what}/{made['id']}")
        return made["id"]

    def wait(self, client, path):
        """Until it is not under way any more."""
        for _ in range(3000):
            state = json.loads(client.ask("GET", path))["state"]
            if state != "running":
                if state not in ("completed", "equal", "previewed"):
                    raise Refused(f"{path.split('/')[3]}: {state}")
                return
            time.sleep(0.2)
        raise Refused(f"{path.split('/')[3]} did not end")


def look(process, data):
    """What the server takes now: MiB, open files, threads, MiB of its store."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    number = lambda name: int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1])
    files = len(os.listdir(f"/proc/{process.pid}/fd"))
    store = sum(file.stat().st_size for file in data.glob("control.db*")) / 2**20
    return number("VmRSS") / 1024, files, number("Threads"), store


def server(folder):
    """A server with the demonstration, and its address."""
    environment = {**os.environ, "TRANSFUSE_DEMO_PASSWORD": PASSWORD, "TRANSFUSE_LOG": "warn"}
    log = open(folder / "log", "w+")
    process = subprocess.Popen(
        [os.environ["TRANSFUSE"], "serve", "--data", folder / "data", "--listen", "127.0.0.1:0",
         "--demo", "--demo-scale", "0.01", *target()],
        env=environment, stderr=log)
    for _ in range(600):
        found = re.search(r"^Transfuse is at http://(\S+)", (folder / "log").read_text(), re.M)
        if found:
            return process, found[1]
        if process.poll() is not None:
            break
        time.sleep(0.2)
    sys.exit((folder / "log").read_text())


def target():
    return ["--demo-target", f"{os.environ['TRANSFUSE_TEST_POSTGRES'].rsplit('/', 1)[0]}/{DATABASE}"]


DATABASE = f"transfuse_bench_soak_{os.getpid()}"


def on_target(statement):
    subprocess.run(["psql", "-X", "-q", os.environ["TRANSFUSE_TEST_POSTGRES"], "-c", statement], check=True)


def print_times(took):
    thirds = [[], [], []]
    first, last = took[0][0], took[-1][0]
    for at, seconds, _ in took:
        thirds[min(2, int(3 * (at - first) / max(1e-9, last - first)))].append(seconds * 1000)
    for name, times in zip(["first third", "middle", "last third"], thirds):
        times.sort()
        quantile = lambda share: times[min(len(times) - 1, int(share * len(times)))]
        print(f"{name:12} {len(times):7} answers   median {quantile(.5):6.1f} ms   95 % {quantile(.95):7.1f} ms"
              f"   99 % {quantile(.99):7.1f} ms   longest {times[-1]:7.1f} ms")


def print_growth(looks):
    print(f"{'minute':>7} {'memory':>11} {'open files':>11} {'threads':>8} {'store':>10}")
    step = max(1, len(looks) // 12)
    for at, (memory, files, threads, store) in looks[::step] + looks[-1:]:
        print(f"{at / 60:7.1f} {memory:7.1f} MiB {files:11} {threads:8} {store:6.1f} MiB")
    part = len(looks) // 3
    medians = [statistics.median(look[0] for _, look in some) for some in (looks[part:2 * part], looks[2 * part:])]
    print(f"memory in the middle {medians[0]:.1f} MiB, in the last third {medians[1]:.1f} MiB")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        on_target(f"create database {DATABASE}")
        process = None
        try:
            process, address = server(folder)
            soak = Soak(address)
            threads = [threading.Thread(target=soak.read, args=[n], daemon=True) for n in range(PEOPLE)]
            threads += [threading.Thread(target=soak.follow, args=[n], daemon=True) for n in range(STREAMS)]
            threads.append(threading.Thread(target=soak.work, daemon=True))
            began = time.monotonic()
            for thread in threads:
                thread.start()
                time.sleep(0.2)
            looks = []
            while soak.goes_on() and process.poll() is None:
                looks.append((time.monotonic() - began, look(process, folder / "data")))
                time.sleep(LOOK_SECONDS)
            if process.poll() is not None:
                sys.exit(f"the server ended with {process.returncode}\n" + (folder / "log").read_text())
            print(f"{MINUTES:g} minutes: {PEOPLE} people, {STREAMS} streams, {soak.events} events")
            print_times(sorted(soak.took))
            cycles = sorted(soak.cycles)
            print(f"the sample assessed, run, verified and undone {len(cycles)} times: median "
                  f"{statistics.median(cycles or [0]):.1f} s, longest {(cycles or [0])[-1]:.1f} s")
            print_growth(looks)
            for said, times in sorted(soak.faults.items()):
                print(f"FAULT {times:6} times: {said}")
            print(f"{len((folder / 'log').read_text().splitlines()) - 1} lines in the log beside the first one")
        except Exception:
            traceback.print_exc()
            raise
        finally:
            if process is not None:
                process.terminate()
                process.wait(30)
            on_target(f"drop database if exists {DATABASE} with (force)")


main()
