"""What the connector costs on AWS, worked out from counted usage (`cargo test -p system --bench usage`) and the parameters beside this
file. Prints tables in Markdown, as they stand in docs/COST.md.

cost.py USAGE.json [PARAMETERS.toml]
"""

import json
import math
import sys
import tomllib
from pathlib import Path

TENANTS = (1, 100, 10_000)
ORDERS_PER_TENANT = 300


def load():
    usage = json.loads(Path(sys.argv[1]).read_text())
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).with_name("parameters.toml")
    return usage, tomllib.loads(path.read_text())


def units(usage, bytes_of):
    """Read and write request units of one: an item's size decides, and each index that it is in is written again."""
    kb = lambda size, per: max(1, math.ceil(size / per))
    reads = writes = 0.0
    order, connection = bytes_of["order"], bytes_of["connection"]
    for action, times in usage["aws"].items():
        name = action.removeprefix("dynamodb:").removesuffix(" of an index")
        if not action.startswith("dynamodb:"):
            continue
        times /= usage["per"]
        if name in ("PutItem", "UpdateItem", "DeleteItem"):
            # The item, the index of what is due whole, the index by age with its summary.
            writes += times * (2 * kb(order, 1024) + 1)
        elif name in ("GetItem", "BatchGetItem"):
            reads += times * kb(order, 4096)
        elif name == "Query":
            reads += times * kb(connection, 4096) * 0.5
    return reads, writes


def parts(usage, p, bytes_of, memory, processor_ms):
    """Dollars of one poll of a connection or one order, by service."""
    price, latency = p["prices"], p["latency"]
    per = usage["per"]
    count = lambda service: sum(n for action, n in usage["aws"].items() if action.startswith(service + ":")) / per
    calls = {name: usage[f"{name}_calls"] / per for name in ("robaws", "productflow")}
    milliseconds = processor(processor_ms, p) + sum(calls[name] * latency[name] for name in calls)
    for service in ("dynamodb", "sqs", "secretsmanager"):
        milliseconds += count(service) * latency[service]
    invocations = sum(usage["invocations"].values()) / per
    reads, writes = units(usage, bytes_of)
    # Lambda's own polling of the queues is not seen by the functions: a receive and a delete per batch.
    worked = sum(n for name, n in usage["invocations"].items() if name != "poll-orders") / per
    logs = invocations * p["sizes"]["log_bytes_per_invocation"]
    return {
        "Lambda": invocations * price["lambda_request"] + milliseconds / 1000 * memory * price["lambda_gb_second_arm64"],
        "DynamoDB": reads * price["dynamodb_read"] + writes * price["dynamodb_write"],
        "SQS": (count("sqs") + 2 * worked) * price["sqs_fifo_request"],
        "Secrets Manager": count("secretsmanager") * price["secrets_request"],
        "Logs": logs / 1e9 * price["logs_gb"],
        "X-Ray": invocations * p["stack"]["traces_sampled"] * price["xray_trace"],
    }, milliseconds, calls


def processor(milliseconds, p):
    """What takes so long on a whole core, on the share of one that comes with the memory."""
    return milliseconds * max(1.0, p["measured"]["memory_mb_per_core"] / (p["stack"]["memory_gb"] * 1024))


def poll(tenants, p):
    """Shards, seconds of each invocation, and what sets them: the peers' latency or the processor."""
    measured, latency = p["measured"], p["latency"]
    for shards in (1, 2, 4, 8):
        connections = math.ceil(tenants / shards)
        rounds = math.ceil(connections / measured["poll_side_by_side"])
        waiting = rounds * (latency["productflow"] + 2 * latency["dynamodb"])
        working = processor(connections * measured["poll_processor_ms"], p)
        seconds = (measured["poll_fixed_ms"] + max(waiting, working)) / 1000
        if seconds <= measured["poll_most_seconds"]:
            break
    return shards, seconds, "latency" if waiting > working else "processor"


def add(*many):
    total = {}
    for each in many:
        for name, value in each.items():
            total[name] = total.get(name, 0.0) + value
    return total


def scaled(part, by):
    return {name: value * by for name, value in part.items()}


def table(headings, rows):
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def main():
    usage, p = load()
    price, bytes_of, memory = p["prices"], usage["item_bytes"], p["stack"]["memory_gb"]
    measured = p["measured"]
    registered, registered_ms, registered_calls = parts(
        usage["order_registered"], p, bytes_of, memory, measured["registered_processor_ms"]
    )
    shipped, shipped_ms, shipped_calls = parts(usage["order_shipped"], p, bytes_of, memory, measured["shipped_processor_ms"])
    order = add(registered, shipped)
    order["Logs"] += p["sizes"]["log_bytes_per_order"] / 1e9 * price["logs_gb"]
    # Kept for years: its record, its invoice, both again in the indexes and in the backup.
    kept = (2 * bytes_of["order"] + bytes_of["invoice"]) / 1e9
    order["DynamoDB, kept a year"] = kept * 12 * (price["dynamodb_gb_month"] + price["dynamodb_pitr_gb_month"])

    print("### An order\n")
    table(
        ("step", "Robaws calls", "ProductFlow calls", "billed ms"),
        [
            ("registered → stock change", f"{registered_calls['robaws']:.2f}", f"{registered_calls['productflow']:.2f}", f"{registered_ms:.0f}"),
            ("shipped → invoice", f"{shipped_calls['robaws']:.2f}", f"{shipped_calls['productflow']:.2f}", f"{shipped_ms:.0f}"),
        ],
    )
    table(("service", "USD per 1,000 orders"), [(n, f"{v * 1000:.4f}") for n, v in order.items()] + [("**sum**", f"**{sum(order.values()) * 1000:.3f}**")])

    print("### An idle tenant, a month\n")
    months = [idle_month(tenants, usage["idle_poll"], p, bytes_of) for tenants in TENANTS]
    polls = [poll(tenants, p) for tenants in TENANTS]
    rows = [
        (f"{tenants:,}", f"{shards}", f"{seconds:.1f}", bound, *(f"{v:,.2f}" for v in month.values()), f"**{sum(month.values()):,.2f}**", f"{sum(month.values()) / tenants:,.3f}")
        for tenants, month, (shards, seconds, bound) in zip(TENANTS, months, polls)
    ]
    table(("tenants", "shards", "seconds of a poll", "set by", "alarms, metrics, dashboard", "polls", "DynamoDB", "secrets", "USD a month", "per tenant"), rows)

    print(f"### With {ORDERS_PER_TENANT} orders a tenant and month\n")
    rows = []
    for tenants, month in zip(TENANTS, months):
        idle_usd, orders = sum(month.values()), tenants * ORDERS_PER_TENANT * sum(order.values())
        rows.append((f"{tenants:,}", f"{tenants * ORDERS_PER_TENANT:,}", f"{idle_usd:,.2f}", f"{orders:,.2f}", f"**{(idle_usd + orders) / tenants:,.3f}**"))
    table(("tenants", "orders", "idle USD", "orders USD", "per tenant"), rows)


def idle_month(tenants, usage, p, bytes_of):
    """Dollars of a month in which nothing happens, by what they are for."""
    price, stack = p["prices"], p["stack"]
    polls = p["usage"]["polls_per_month"]
    shards, seconds, _ = poll(tenants, p)
    # Connections are read together, in eight parts of the table: what DynamoDB bills is their size, read eventually consistent.
    reads = max(8, tenants * bytes_of["connection"] / 4096) * 0.5
    # Of more than an invocation keeps, each is read again at its turn, by itself and consistently.
    again = max(0, tenants - shards * p["usage"]["poll_keeps"])
    reads += again * math.ceil(bytes_of["connection"] / 4096)
    # Beside that each poll writes where it stands, and asks once an hour whether something is due.
    _, writes, index = idle_units(usage, bytes_of)
    return {
        "watching": stack["alarms"] * price["alarm_month"] + stack["metrics"] * price["metric_month"] + stack["dashboards"] * price["dashboard_month"],
        "polls": polls * shards * (price["lambda_request"] + seconds * stack["memory_gb"] * price["lambda_gb_second_arm64"]),
        "DynamoDB": polls * (reads * price["dynamodb_read"] + tenants * (writes * price["dynamodb_write"] + index * price["dynamodb_read"])),
        "secrets": tenants * (price["secrets_month"] + 24 * 30 * price["secrets_request"]),
    }


def idle_units(usage, bytes_of):
    """Read units of connections, write units and read units of the index, of one poll of one idle connection."""
    per = usage["per"]
    times = lambda action: usage["aws"].get(action, 0) / per
    kb = math.ceil(bytes_of["connection"] / 1024)
    return times("dynamodb:Query") * 0.5, times("dynamodb:UpdateItem") * kb, times("dynamodb:Query of an index") * 0.5


if __name__ == "__main__":
    main()
