"""Cold starts, sizes and memory of the functions as they are deployed, beside a Rust function that does nothing and the webhook function
in Python and Node.js, each behind the same small Lambda runtime API, in turns, in one run.

Prints JSON; with --check, compares sizes and memory with the budgets, and fails if one is exceeded."""

import argparse
import base64
import hashlib
import hmac
import io
import json
import os
import platform
import queue
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/acceptance"))
import test as acceptance  # noqa: E402

# What a function may need at most. The zip is what Lambda loads, the memory what a process had at its peak by its first answer.
ZIP_BYTES, MEMORY_KIB = 4_000_000, 64 * 1024
FUNCTIONS = ["article-push", "poll-orders", "process-order", "reconcile", "sync-article", "web"]


class RuntimeApi:
    """Hands one event to one process, and notes when it asked and when it answered."""

    def __init__(self, event):
        self.event = json.dumps(event).encode()
        self.asked, self.answered = queue.Queue(), queue.Queue()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._requests(connection)
        except ConnectionError:
            pass  # The process was ended, having done what is measured.

    def _requests(self, connection):
        stream = connection.makefile("rb")
        while line := stream.readline():
            now = time.perf_counter_ns()
            method, path, _ = line.decode().split(" ")
            headers = {}
            while (header := stream.readline().strip()) != b"":
                name, _, value = header.decode().partition(":")
                headers[name.lower()] = value.strip()
            body = self._body(stream, headers)
            if method == "GET":
                self.asked.put(now)
                if self.event is None:
                    continue
                event, self.event = self.event, None
                head = (f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(event)}\r\n"
                        f"Lambda-Runtime-Aws-Request-Id: {uuid.uuid4()}\r\n"
                        f"Lambda-Runtime-Deadline-Ms: {int(time.time() * 1000) + 30_000}\r\n"
                        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:1:function:f\r\n\r\n")
                connection.sendall(head.encode() + event)
            else:
                self.answered.put((time.perf_counter_ns(), path.rsplit("/", 1)[-1], body))
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    @staticmethod
    def _body(stream, headers):
        if headers.get("transfer-encoding") != "chunked":
            return stream.read(int(headers.get("content-length", 0)))
        body = b""
        while size := int(stream.readline(), 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        return body


def start(command, environment, event, expected, folder=None):
    """One cold start: milliseconds to the first question, to the first answer, and the peak of memory in KiB."""
    api = RuntimeApi(event)
    environment = environment | {"AWS_LAMBDA_RUNTIME_API": api.address}
    began = time.perf_counter_ns()
    process = subprocess.Popen(command, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        asked = api.asked.get(timeout=30)
        answered, kind, body = api.answered.get(timeout=30)
        if kind != "response" or not expected(json.loads(body)):
            raise SystemExit(f"{command}: {kind} {body[:300]}")
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    except queue.Empty:
        process.kill()
        raise SystemExit(f"{command} did not answer: {process.stderr.read().decode()[-500:]}") from None
    finally:
        process.kill()
        process.wait()
        api.listener.close()
    return (asked - began) / 1e6, (answered - began) / 1e6, peak


def zipped(paths):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in paths:
            archive.write(path, path.name)
    return len(packed.getvalue())


def http_event(method, path, headers, body=b"", parameters=None):
    return {
        "version": "2.0", "routeKey": f"{method} {path}", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "api.example", "domainPrefix": "api", "requestId": "r",
            "routeKey": f"{method} {path}", "stage": "$default", "time": "t", "timeEpoch": 0,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.1.1.1", "userAgent": "x"},
        },
        "pathParameters": parameters or {}, "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
    }


def delivery(secret):
    body = json.dumps({"id": str(uuid.uuid4()), "event": "article.updated", "data": {"id": "12", "articleNumber": "A-1"}}).encode()
    now = str(int(time.time()))
    signature = hmac.new(secret.encode(), now.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"robaws-signature": f"t={now},v1={signature}", "content-type": "application/json", "host": "api.example"}
    return http_event("POST", "/webhooks/robaws/shop", headers, body, {"id": "shop"})


def queued(body):
    return {"Records": [{
        "messageId": "1", "receiptHandle": "r", "body": json.dumps(body), "md5OfBody": "", "messageAttributes": {},
        "attributes": {"MessageGroupId": "shop", "ApproximateReceiveCount": "1", "SentTimestamp": "0"},
        "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:a.fifo", "awsRegion": "eu-west-1",
    }]}


def contenders(shop, with_rivals):
    """Name → command, environment, event, what its answer must be, folder, files that are deployed."""
    functions = shop.deployed.functions
    secret = json.loads(shop.deployed.secrets.get_secret_value(SecretId="acceptance/connections/shop")["SecretString"])
    webhook = lambda: delivery(secret["webhook"]["secret"])
    scheduled = lambda: {"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
    operator = {"host": "api.example", "authorization": f"Bearer {shop.deployed.operator_token}"}
    connections = lambda: http_event("GET", "/api/connections", operator)
    accepted = lambda answer: answer["statusCode"] == 202
    whole = lambda answer: answer == {"batchItemFailures": []}
    events = {
        "article-push": (webhook, accepted),
        "poll-orders": (scheduled, lambda answer: True),
        # Articles and orders that nobody knows: a read of the table each, and no call of a peer.
        "process-order": (lambda: queued({"schema_version": 1, "connection": "shop", "order": "none"}), whole),
        "sync-article": (lambda: queued({"schema_version": 1, "connection": "nobody", "article_id": "1"}), whole),
        "reconcile": (scheduled, lambda answer: True),
        "web": (connections, lambda answer: answer["statusCode"] == 200),
    }
    found = {}
    for name in FUNCTIONS:
        event, expected = events[name]
        function = functions[name]
        environment = {k: v for k, v in function.environment.items() if k != "AWS_LAMBDA_RUNTIME_API"}
        found[name] = ([str(function.binary)], environment, event, expected, None, [Path(function.binary)])
    common = found["article-push"][1]
    hello = ROOT / "target/lambda/hello/bootstrap"
    found["hello (Rust)"] = ([str(hello)], common, webhook, accepted, None, [hello])
    if with_rivals:
        items = shop.deployed.dynamodb.scan(TableName=common["TABLE_NAME"])["Items"]
        partition = next(i["pk"]["S"] for i in items if i["pk"]["S"].startswith("CONNECTIONS#") and i["sk"]["S"] == "shop")
        theirs = common | {"PARTITION": partition, "AWS_EC2_METADATA_DISABLED": "true"}
        rivals = ROOT / "tests/bench/rivals"
        node = ROOT / "target/bench/node"
        found["webhook in Python"] = (
            [str(ROOT / "target/bench/python/bin/python"), "bootstrap.py"], theirs, webhook, accepted, rivals / "python", None)
        found["webhook in Node.js"] = (["node", "bootstrap.mjs"], theirs, webhook, accepted, node, None)
    return found


def measure(shop, runs, with_rivals):
    all = contenders(shop, with_rivals)
    taken = {name: [] for name in all}
    for _ in range(runs):
        for name, (command, environment, event, expected, folder, _) in all.items():
            taken[name].append(start(command, environment, event(), expected, folder))
    rows = {}
    for name, (*_, files) in all.items():
        next_ms, answer_ms, memory = zip(*taken[name])
        rows[name] = {
            "first_next_ms": round(statistics.median(next_ms), 2), "first_answer_ms": round(statistics.median(answer_ms), 2),
            "peak_memory_kib": int(statistics.median(memory)), "most_memory_kib": max(memory),
        }
        if files:
            rows[name] |= {"binary_bytes": sum(f.stat().st_size for f in files), "zip_bytes": zipped(files)}
    return rows


def table(rows):
    floor = rows["hello (Rust)"]
    print("| function | binary MB | zip MB | first `/next` ms | × floor | first answer ms | peak memory MB |")
    print("|---|---|---|---|---|---|---|")
    mb = lambda n: f"{n / 1e6:.2f}" if n else "–"
    for name, row in rows.items():
        print(f"| {name} | {mb(row.get('binary_bytes'))} | {mb(row.get('zip_bytes'))} | {row['first_next_ms']:.1f} "
              f"| {row['first_next_ms'] / floor['first_next_ms']:.1f} | {row['first_answer_ms']:.1f} | {row['peak_memory_kib'] / 1024:.1f} |")


def over_budget(rows):
    found = []
    for name in FUNCTIONS:
        if rows[name]["zip_bytes"] > ZIP_BYTES:
            found.append(f"{name}: a zip of {rows[name]['zip_bytes']} bytes, more than {ZIP_BYTES}")
        if rows[name]["most_memory_kib"] > MEMORY_KIB:
            found.append(f"{name}: {rows[name]['most_memory_kib']} KiB of memory, more than {MEMORY_KIB}")
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=21)
    arguments.add_argument("--check", action="store_true", help="only our functions; fail if a budget is exceeded")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    os.chdir(ROOT)
    shop = acceptance.Shop()
    acceptance.activated(shop)
    rows = measure(shop, options.runs, not options.check)
    if options.json:
        print(json.dumps({"machine": platform.machine(), "runs": options.runs, "functions": rows}, indent=1))
    else:
        table(rows)
    shop.deployed.stop()
    if options.check and (found := over_budget(rows)):
        sys.exit("\n".join(["over budget:", *found]))


if __name__ == "__main__":
    main()
