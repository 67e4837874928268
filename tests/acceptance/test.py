"""The deployed product, from outside: only the template, the binaries, the operator's API, and what both peers hold."""

import atexit
import json
import logging
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).resolve().parent))
from deployment import ROOT, Deployment  # noqa: E402
from gateway import Gateway  # noqa: E402
from lambda_runtime import Crashed  # noqa: E402


class Peers:
    """The simulated peers, in a process of their own."""

    def __init__(self):
        binary = ROOT / "target/debug/simulators"
        self.process = subprocess.Popen(
            [binary, "--robaws", "127.0.0.1:0", "--productflow", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        atexit.register(self.process.kill)
        addresses = [self.process.stdout.readline().split()[1] for _ in range(2)]
        self.robaws, self.productflow = (address.split("/api/")[0] for address in addresses)

    def call(self, peer, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{getattr(self, peer)}/_control{path}", data, method=method)
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return json.loads(text) if text else None

    def place(self, identifier, lines, **fields):
        lines = [{"sku": sku, "quantity": n, "price": price, "vat_code": code} for sku, n, price, code in lines]
        self.call("productflow", "POST", "/companies/42/orders", {"identifier": identifier, "lines": lines, **fields})

    def act(self, identifier, what):
        self.call("productflow", "POST", f"/companies/42/orders/{identifier}/{what}")

    def held(self, what):
        found = self.call("robaws", "GET", f"/tenants/demo/{what}")
        return found["items"] if isinstance(found, dict) and "items" in found else found

    def fault(self, **fault):
        self.call("robaws", "POST", "/faults", fault)


class Shop:
    """A deployment with one active connection."""

    def __init__(self):
        self.peers = Peers()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.aws = ThreadedMotoServer(port=0, verbose=False)
        self.aws.start()
        host, port = self.aws.get_host_and_port()
        self.gateway = Gateway()
        self.deployed = Deployment(
            f"http://{host}:{port}",
            {
                "RobawsBaseUrl": f"{self.peers.robaws}/api/v2", "ProductFlowBaseUrl": f"{self.peers.productflow}/api/v1",
                "PublicBaseUrl": self.gateway.url,
            },
        )
        self.gateway.functions = self.deployed.functions

    def api(self, method, path, body=None, token=None):
        event = {
            "version": "2.0", "routeKey": "ANY /api/{proxy+}", "rawPath": path.split("?")[0],
            "rawQueryString": path.partition("?")[2],
            "headers": {"authorization": f"Bearer {token or self.deployed.operator_token}", "host": "api.example"},
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": "api.example", "domainPrefix": "api", "requestId": "r",
                "routeKey": "ANY /api/{proxy+}", "stage": "$default", "time": "t", "timeEpoch": 0,
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.1.1.1", "userAgent": "x"},
            },
            "isBase64Encoded": False,
        }
        if body is not None:
            event["body"] = json.dumps(body)
        answer = self.deployed.functions["web"].invoke(event)
        return answer["statusCode"], json.loads(answer["body"])

    def scheduled(self, function):
        event = {"version": "0", "id": str(uuid.uuid4()), "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
        return self.deployed.functions[function].invoke(event)

    def poll(self):
        return self.scheduled("poll-orders")

    def receive(self, function="process-order"):
        url, size = self.deployed.source_of(function)
        received = self.deployed.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=size, AttributeNames=["All"])
        return received.get("Messages", [])

    def event_of(self, messages):
        return {"Records": [
            {"messageId": m["MessageId"], "receiptHandle": m["ReceiptHandle"], "body": m["Body"], "attributes": m["Attributes"],
             "messageAttributes": {}, "md5OfBody": m["MD5OfBody"], "eventSource": "aws:sqs",
             "eventSourceARN": "arn:aws:sqs:eu-west-1:1:a.fifo", "awsRegion": "eu-west-1"} for m in messages
        ]}

    def delete(self, messages, answer, function="process-order"):
        url, _ = self.deployed.source_of(function)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in failed:
                self.deployed.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def work(self):
        """Every queue, until all are empty."""
        worked = True
        while worked:
            worked = False
            for function, _, _ in self.deployed.sources:
                if messages := self.receive(function):
                    worked = True
                    self.delete(messages, self.deployed.functions[function].invoke(self.event_of(messages)), function)

    def round(self):
        self.poll()
        self.work()

    def order(self, identifier):
        status, order = self.api("GET", f"/api/connections/shop/orders/{identifier}")
        assert status == 200, order
        return order

    def until(self, identifier, state, rounds=10):
        """Looked at again and again, as an operator would, until it is in this state."""
        for _ in range(rounds):
            order = self.order(identifier)
            if order["state"] == state:
                return order
            self.api("POST", f"/api/connections/shop/orders/{identifier}/retry")
            self.work()
        raise AssertionError(f"{identifier} is {order['state']}, not {state}: {order['explanation']} {order['problems']}")

    def offers(self):
        products = self.peers.call("productflow", "GET", "/companies/42/products")
        return {sku: product["offer"] for sku, product in products.items() if product["offer"]}

    def comes_to(self, holds, what, seconds=20):
        """Webhooks arrive when they do; the queues are worked off meanwhile."""
        until = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < until, f"{what}: {self.offers()}"
            self.work()
            time.sleep(0.05)

    def stock_changes(self, identifier):
        return [c for c in self.peers.held("stock-changes") if identifier in c["description"].split(" #")[0]]

    def invoices(self, identifier):
        return [i for i in self.peers.held("sales-invoices") if f"({identifier})" in i["clientReference"]]


def activated(shop):
    status, answer = shop.api("GET", "/api/connections", token="wrong")
    assert (status, answer["error"]["code"]) == (401, "unauthorized")
    body = {
        "id": "shop", "language": "en", "robaws": {"key": "demo-key", "secret": "demo-secret"},
        "productflow": {"access_token": "typo", "company_id": 42},
        "settings": {"b2c_client_id": "5", "stock_location_id": "99"},
    }
    status, answer = shop.api("POST", "/api/connections", body)
    assert (status, answer["state"]) == (201, "inactive"), answer
    status, answer = shop.api("POST", "/api/connections/shop/activate")
    fields = sorted(detail["field"] for detail in answer["error"]["details"])
    assert (status, fields) == (422, ["productflow.access_token", "settings.stock_location_id"]), answer
    change = {"productflow": {"access_token": "demo-token"}, "settings": {"stock_location_id": "3"}}
    assert shop.api("PATCH", "/api/connections/shop", change)[0] == 200
    status, answer = shop.api("POST", "/api/connections/shop/activate")
    assert (status, answer["state"]) == (200, "active"), answer


def articles_pushed(shop):
    [endpoint] = shop.peers.held("webhook-endpoints")
    assert endpoint["url"] == f"{shop.gateway.url}/webhooks/robaws/shop"
    shop.work()
    assert {sku: o["qty_available"] for sku, o in shop.offers().items()} == {"A-1": 25, "A-2": 140, "B-1": 60}


def article(shop, method, id, body=None, rest=""):
    shop.peers.call("robaws", method, f"/tenants/demo/articles/{id}{rest}", body)


def articles_follow(shop):
    """Changes, a burst, a duplicate, an unticked one: announced by signed webhooks of the other process."""
    article(shop, "PATCH", "12", {"costPrice": 15.25})
    shop.comes_to(lambda: shop.offers()["A-1"]["prices"]["EUR"]["cost_price"] == "15.25", "a changed price")
    for n in range(30):
        article(shop, "PUT", str(500 + n), {"articleNumber": f"NEW-{n}", "name": f"New {n}", "costPrice": n + 1})
        article(shop, "POST", str(500 + n), {"ticked": True}, "/tick")
    shop.comes_to(lambda: sum(sku.startswith("NEW-") for sku in shop.offers()) == 30, "a burst")
    article(shop, "PUT", "600", {"articleNumber": "NEW-3", "name": "Twin"})
    shop.comes_to(lambda: "NEW-3" not in shop.offers(), "a duplicate number")
    status, listed = shop.api("GET", "/api/connections/shop/articles?state=problem")
    assert status == 200 and [p["code"] for p in listed["items"][0]["problems"]] == ["article_not_unique"], listed
    article(shop, "PATCH", "600", {"articleNumber": "TWIN"})
    shop.comes_to(lambda: "NEW-3" in shop.offers(), "a number that is unique again")
    article(shop, "POST", "500", {"ticked": False}, "/tick")
    shop.comes_to(lambda: "NEW-0" not in shop.offers(), "an unticked article")


def only_signed(shop):
    headers = {"robaws-signature": f"t={int(time.time())},v1={'0' * 64}", "content-type": "application/json"}
    body = json.dumps({"id": "forged", "event": "article.updated", "data": {"id": "12"}}).encode()
    assert shop.gateway.call("POST", "/webhooks/robaws/shop", headers, body)[0] == 401
    assert shop.gateway.call("POST", "/webhooks/robaws/shop", {}, body)[0] == 401
    assert shop.gateway.call("POST", "/webhooks/robaws/nobody", headers, body)[0] == 404
    assert shop.gateway.call("POST", "/webhooks/robaws/shop", headers, b"x" * (1 << 20))[0] == 413
    assert shop.receive("sync-article") == []


def sync_killed(shop):
    """Killed while it writes to ProductFlow; the message comes again."""
    sync = shop.deployed.functions["sync-article"]
    for n, after in enumerate([0.03, 0.08, 0.13, 0.2, 0.3]):
        id, cost = str(510 + n), 70 + n
        article(shop, "PATCH", id, {"costPrice": cost, "saleName": f"Killed {n}"})
        until = time.monotonic() + 10
        while not (messages := shop.receive("sync-article")):
            assert time.monotonic() < until, "no announcement"
            time.sleep(0.05)
        shop.peers.call("productflow", "POST", "/faults", {"method": "POST", "path": "**", "times": 4, "delay_before_ms": 60, "effect": "none"})
        sync.start()
        sync.send(shop.event_of(messages))
        time.sleep(after)
        sync.kill()
        try:
            sync.answer()
        except Crashed:
            pass
        while not sync.events.empty():
            sync.events.get()
        shop.peers.call("productflow", "DELETE", "/faults")
        shop.delete(messages, sync.invoke(shop.event_of(messages)), "sync-article")
        shop.comes_to(lambda: shop.offers()[f"NEW-{10 + n}"]["prices"]["EUR"]["cost_price"] == f"{cost}.00", f"killed after {after} s")


def night(shop):
    """What no event announced is found by the nightly rule; on demand it is as well."""
    article(shop, "PATCH", "12?silent=true", {"costPrice": 16})
    article(shop, "POST", "520", None, "/archive")
    shop.scheduled("reconcile")
    shop.work()
    assert shop.offers()["A-1"]["prices"]["EUR"]["cost_price"] == "16.00"
    assert "NEW-20" not in shop.offers()
    article(shop, "PATCH", "13?silent=true", {"costPrice": 3})
    assert shop.api("POST", "/api/connections/shop/reconcile")[0] == 202
    shop.work()
    assert shop.offers()["A-2"]["prices"]["EUR"]["cost_price"] == "3.00"


def whole_life(shop):
    shop.peers.place("A-100", [("A-1", 2, 5998, "7"), ("A-2", 3, 1000, "10")], shipping_cost=495, discount_price=100)
    shop.peers.place("A-101", [("A-1", 1, 2999, "7")])
    shop.peers.place("A-102", [("B-1", 5, 1745, "7")], status="cancelled")
    shop.round()
    assert shop.order("A-100")["state"] == "booked"
    assert shop.order("A-102")["state"] == "skipped" and not shop.stock_changes("A-102")
    shop.peers.act("A-100", "ship")
    shop.peers.act("A-101", "cancel")
    shop.round()
    assert shop.order("A-100")["state"] == "invoiced"
    [invoice] = shop.invoices("A-100")
    assert round(invoice["totalInclVat"] * 100) == 5998 + 1000 + 495 - 100
    assert shop.order("A-101")["state"] == "reversed" and len(shop.stock_changes("A-101")) == 2
    assert len(shop.stock_changes("A-100")) == 1


def repeated_deliveries(shop):
    """Each message delivered three times, twice of them at once."""
    identifiers = [f"B-{n}" for n in range(8)]
    for identifier in identifiers:
        shop.peers.place(identifier, [("B-1", 1, 349, "7")], status="shipped")
    shop.poll()
    messages = shop.receive()
    event = shop.event_of(messages)
    process = shop.deployed.functions["process-order"]
    for _ in range(3):
        random.shuffle(event["Records"])
        answer = process.invoke(event)
    shop.delete(messages, answer)
    shop.work()
    shop.round()
    for identifier in identifiers:
        shop.until(identifier, "invoiced")
        assert len(shop.stock_changes(identifier)) == 1 and len(shop.invoices(identifier)) == 1, identifier


def killed(shop):
    """The process is killed at different moments of booking and invoicing; the message comes again."""
    process = shop.deployed.functions["process-order"]
    for n, after in enumerate([0.02, 0.06, 0.1, 0.14, 0.18, 0.24, 0.3, 0.4]):
        identifier = f"K-{n}"
        shop.peers.place(identifier, [("A-2", 1, 595, "7"), ("B-1", 1, 349, "10")], status="shipped", shipping_cost=299)
        shop.peers.fault(method="POST", path="**", times=12, delay_before_ms=40, effect="none")
        shop.poll()
        messages = shop.receive()
        process.start()
        process.send(shop.event_of(messages))
        time.sleep(after)
        process.kill()
        try:
            process.answer()
        except Crashed:
            pass
        while not process.events.empty():
            process.events.get()
        shop.peers.call("robaws", "DELETE", "/faults")
        # Whether it was deleted or comes again after its visibility: the ledger knows what is due.
        for message in messages:
            shop.deployed.sqs.delete_message(QueueUrl=shop.deployed.source_of("process-order")[0], ReceiptHandle=message["ReceiptHandle"])
        order = shop.until(identifier, "invoiced")
        assert len(shop.stock_changes(identifier)) == 1, (identifier, order)
        [invoice] = shop.invoices(identifier)
        assert round(invoice["totalInclVat"] * 100) == 595 + 349 + 299, (identifier, invoice)


def lost_answers(shop):
    for n, (path, effect) in enumerate([
        ("/stock-changes", "drop_after"), ("/stock-changes", "drop"), ("/sales-invoices", "drop_after"),
        ("/sales-invoices/*/line-items", "drop_after"), ("/sales-invoices", "truncate_after"),
    ]):
        identifier = f"L-{n}"
        shop.peers.fault(method="POST", path=path, times=1, effect=effect)
        shop.peers.place(identifier, [("A-1", 1, 2999, "7")], status="shipped")
        shop.round()
        shop.until(identifier, "invoiced")
        assert len(shop.stock_changes(identifier)) == 1 and len(shop.invoices(identifier)) == 1, (path, effect)


def blocked_and_fixed(shop):
    shop.peers.place("C 1/é", [("NEW", 1, 1000, "7")])
    shop.peers.place("C-2", [("A-1", 1, 2999, None)], status="shipped")
    shop.round()
    odd = "~" + urlsafe_b64encode("C 1/é".encode()).decode().rstrip("=")
    order = shop.order(odd)
    assert (order["state"], order["problems"][0]["code"]) == ("blocked", "article_not_found")
    assert "NEW" in order["problems"][0]["message"]
    shop.peers.call("robaws", "PUT", "/tenants/demo/articles/70", {"articleNumber": "NEW", "stockArticle": True})
    shop.until(odd, "booked")
    order = shop.order("C-2")
    assert order["problems"][0]["code"] == "vat_code_missing"
    choice = {"lines": [{"line": order["lines"][0]["line"], "vat_tariff_id": "7"}]}
    assert shop.api("POST", "/api/connections/shop/orders/C-2/choose", choice)[0] == 200
    shop.work()
    assert shop.order("C-2")["state"] == "invoiced"


def idle_costs_one_call(shop):
    shop.poll()
    for peer in ("robaws", "productflow"):
        shop.peers.call(peer, "DELETE", "/calls")
    shop.poll()
    assert len(shop.peers.call("productflow", "GET", "/calls")) == 1
    assert shop.peers.call("robaws", "GET", "/calls") == []


def contract_kept(shop):
    for peer in ("robaws", "productflow"):
        violations = shop.peers.call(peer, "GET", "/violations")
        assert violations == [], violations
    for queue in ("OrdersDeadLetters", "ArticlesDeadLetters", "SweepsDeadLetters"):
        dead = shop.deployed.sqs.receive_message(QueueUrl=shop.deployed.refs[queue]).get("Messages", [])
        assert dead == [], queue
    secrets = [endpoint["secret"] for endpoint in shop.peers.held("webhook-endpoints")]
    for name in shop.deployed.functions:
        log = Path(f"target/acceptance-{name}.log").read_text()
        assert log.strip(), f"{name} logs nothing"
        for secret in ("demo-secret", "demo-token", shop.deployed.operator_token, "Kerkstraat", "Peeters", *secrets):
            assert secret not in log, f"{secret} is in the log of {name}"


ALL = (activated, articles_pushed, articles_follow, only_signed, sync_killed, night, whole_life, repeated_deliveries, killed, lost_answers,
       blocked_and_fixed, idle_costs_one_call, contract_kept)
# What only the deployed binaries can show: that they start, work together over a day, and come back from a kill.
GATE = (activated, articles_pushed, whole_life, killed, contract_kept)


def main():
    scenarios = GATE if sys.argv[1:] == ["--gate"] else ALL
    shop = Shop()
    try:
        for scenario in scenarios:
            began = time.monotonic()
            scenario(shop)
            print(f"ok  {scenario.__name__.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
    finally:
        shop.deployed.stop()
        shop.peers.process.kill()
        shop.aws.stop()


if __name__ == "__main__":
    main()
