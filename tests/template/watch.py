"""What is watched: every metric of an alarm or the dashboard exists, every alarm has its section in the runbook, and
nothing that must have an alarm lacks one. Prints every fault; fails if there is one."""

import json
import re
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

from check import ROOT, references

OWN = "Connector/${AWS::StackName}"
RUNBOOK = "docs/RUNBOOK.md"
# Metrics of AWS that are used, with their dimensions. A misspelt one would be silent for ever.
OF_AWS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"): {"QueueName"},
    ("AWS/SQS", "NumberOfMessagesSent"): {"QueueName"},
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    ("AWS/Lambda", "Duration"): {"FunctionName"},
    ("AWS/Lambda", "Throttles"): {"FunctionName"},
    ("AWS/Lambda", "Invocations"): {"FunctionName"},
    # Of HTTP APIs; those of REST APIs are 4XXError and 5XXError.
    ("AWS/ApiGateway", "Count"): {"ApiId"},
    ("AWS/ApiGateway", "4xx"): {"ApiId"},
    ("AWS/ApiGateway", "5xx"): {"ApiId"},
    ("AWS/ApiGateway", "Latency"): {"ApiId"},
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): {"TableName"},
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): {"TableName"},
    ("AWS/Logs", "IncomingBytes"): {"LogGroupName"},
}
# The share of a function's time-out at which its alarm goes off. reconcile works up to 45 s before its end.
NEAR = {"ReconcileFunction": 0.97}


def own_metrics():
    """Names of our own metrics and their dimensions, from the table of docs/METRICS.md."""
    found = {}
    for line in (ROOT / "docs/METRICS.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 5 and re.fullmatch(r"[A-Z]\w+(, [A-Z]\w+)*", cells[0]):
            dimensions = set(re.findall(r"\[(\w+)\]", cells[2]))
            found |= {name: dimensions for name in cells[0].split(", ")}
    return found


def anchors(path):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def text(value):
    """A value of the template as written, for comparison."""
    return value["Fn::Sub"] if isinstance(value, dict) and "Fn::Sub" in value else value


def check_metric(where, namespace, metric, dimensions, known):
    if namespace == OWN:
        if metric not in known:
            return [f"{where}: {metric} is not in docs/METRICS.md"]
        if dimensions != known[metric]:
            return [f"{where}: {metric} has dimensions {sorted(known[metric])}, not {sorted(dimensions)}"]
        return []
    if (namespace, metric) not in OF_AWS:
        return [f"{where}: {namespace} {metric} is not known"]
    return [] if dimensions == OF_AWS[namespace, metric] else [f"{where}: {metric} goes by {OF_AWS[namespace, metric]}"]


def check_alarms(resources, known):
    wrong, sections = [], anchors(RUNBOOK)
    for name, alarm in resources.items():
        if alarm["Type"] != "AWS::CloudWatch::Alarm":
            continue
        properties = alarm["Properties"]
        dimensions = {dimension["Name"] for dimension in properties.get("Dimensions", [])}
        wrong += check_metric(name, text(properties["Namespace"]), properties["MetricName"], dimensions, known)
        section = re.search(rf"See {re.escape(RUNBOOK)}#([\w-]+)$", properties["AlarmDescription"])
        if not section or section[1] not in sections:
            wrong.append(f"{name}: its description leads to no section of {RUNBOOK}")
        if not properties.get("AlarmActions") or not properties.get("OKActions"):
            wrong.append(f"{name}: tells nobody")
        # CloudWatch refuses more than a day, or a week for periods of an hour and more.
        most = 604800 if properties["Period"] >= 3600 else 86400
        if properties["Period"] * properties["EvaluationPeriods"] > most:
            wrong.append(f"{name}: looks back further than CloudWatch does")
    return wrong


def watched(resources):
    """Pairs of metric and what it is watched of."""
    for alarm in resources.values():
        if alarm["Type"] == "AWS::CloudWatch::Alarm":
            properties = alarm["Properties"]
            of = [name for d in properties.get("Dimensions", []) for name in references(d["Value"])] or [None]
            yield properties["MetricName"], of[0], properties


def check_complete(resources):
    there = {(metric, of): properties for metric, of, properties in watched(resources)}
    wrong = []
    for name, resource in resources.items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Serverless::Function":
            for metric in ("Errors", "Throttles", "Duration"):
                if (metric, name) not in there:
                    wrong.append(f"{name}: no alarm on {metric}")
            near = there.get(("Duration", name), {}).get("Threshold")
            if near != round(properties["Timeout"] * 1000 * NEAR.get(name, 0.8)):
                wrong.append(f"{name}: the alarm on Duration does not fit its time-out")
        elif resource["Type"] == "AWS::SQS::Queue":
            is_source = "RedrivePolicy" in properties
            metric = "ApproximateAgeOfOldestMessage" if is_source else "ApproximateNumberOfMessagesVisible"
            if (metric, name) not in there:
                wrong.append(f"{name}: no alarm on {metric}")
            if not properties.get("SqsManagedSseEnabled"):
                wrong.append(f"{name}: not encrypted")
            if not any(of_tls_only(policy, name) for policy in resources.values()):
                wrong.append(f"{name}: no policy refuses calls without TLS")
            most = 1209600
            if not is_source and properties["MessageRetentionPeriod"] != most:
                wrong.append(f"{name}: dead letters are kept less long than SQS can")
    return wrong


def of_tls_only(policy, queue):
    if policy["Type"] != "AWS::SQS::QueuePolicy" or queue not in references(policy["Properties"]["Queues"]):
        return False
    return any(
        statement["Effect"] == "Deny" and statement.get("Condition") == {"Bool": {"aws:SecureTransport": False}}
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    )


def check_dashboard(resources, known):
    body = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    wrong, used = [], set()
    for widget in body["widgets"]:
        for namespace, metric, *rest in widget["properties"]["metrics"]:
            names = [item for item in rest if isinstance(item, str)]
            used.add(metric)
            where = f"dashboard, {widget['properties']['title']}"
            wrong += check_metric(where, namespace, metric, set(names[::2]), known)
            for part in re.findall(r"\$\{(\w+)", " ".join(names)):
                if part not in resources:
                    wrong.append(f"{where}: {part} is not in the template")
    wrong += [f"the dashboard does not show {metric}" for metric in sorted(known.keys() - used)]
    return wrong


def check_queries(resources):
    """Each saved query looks into log groups of the template, and a field with a dot stands in backticks."""
    wrong = []
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Logs::QueryDefinition":
            continue
        for group in references(resource["Properties"]["LogGroupNames"]):
            if resources.get(group, {}).get("Type") != "AWS::Logs::LogGroup":
                wrong.append(f"{name}: {group} is no log group")
        bare = re.sub(r"`[^`]*`|\"[^\"]*\"|#.*", "", resource["Properties"]["QueryString"])
        wrong += [f"{name}: {field} needs backticks" for field in re.findall(r"\b\w+\.\w+\b", bare)]
    return wrong


def main():
    resources = yaml_parse((ROOT / "infra/template.yaml").read_text())["Resources"]
    known = own_metrics()
    wrong = [
        *([] if known else ["docs/METRICS.md holds no table of metrics"]),
        *check_alarms(resources, known),
        *check_complete(resources),
        *check_dashboard(resources, known),
        *check_queries(resources),
    ]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
