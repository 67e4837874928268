"""Each function's permissions are exactly its calls: compares the translated template with the calls that the local stack
recorded (`CALLS_DIR`, see infra/local/src/iam.rs) in the system tests and the scripted day. Prints every difference."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Names of the local stack.
KNOWN = {
    "Table": "arn:aws:dynamodb:eu-west-1:000000000000:table/connector",
    "OrdersQueue": "arn:aws:sqs:eu-west-1:000000000000:orders.fifo",
    "ArticlesQueue": "arn:aws:sqs:eu-west-1:000000000000:articles.fifo",
    "SweepsQueue": "arn:aws:sqs:eu-west-1:000000000000:sweeps.fifo",
    "OperatorToken": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:connector/operator-token-local1",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "000000000000",
    "AWS::StackName": "connector",
}
# A pattern for resources is allowed for these only: the secrets' names are made when connections are.
BY_PREFIX = re.compile(r"arn:aws:secretsmanager:.*:secret:connector/connections/\*")


def resolve(value):
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return KNOWN.get(value["Ref"], value["Ref"])
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        return KNOWN.get(name, name) if attribute == "Arn" else f"{name}.{attribute}"
    return re.sub(r"\$\{([\w:]+)(?:\.Arn)?\}", lambda found: KNOWN[found[1]], value["Fn::Sub"])


def listed(value):
    return value if isinstance(value, list) else [value]


def granted(resources, function):
    """Pairs of action and resource of a function's role, and what is wrong with the role itself."""
    (name, _) = function["Role"]["Fn::GetAtt"]
    role = resources[name]["Properties"]
    wrong = [f"{name}: a managed policy grants more than is called"] if role.get("ManagedPolicyArns") else []
    pairs = []
    for policy in role["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & statement.keys():
                wrong.append(f"{name}: a statement that this test does not understand")
            pairs += [(a, resolve(r)) for a in listed(statement["Action"]) for r in listed(statement["Resource"])]
    wrong += [f"{name}: {a} on {r} is granted twice" for a, r in {pair for pair in pairs if pairs.count(pair) > 1}]
    return set(pairs), wrong


def of_lambda_itself(resources, logical_id, function):
    """What Lambda does with the role, whatever the code does: logs, traces, and reading the queue."""
    pairs = {("xray:PutTelemetryRecords", "*"), ("xray:PutTraceSegments", "*")}
    group = function["LoggingConfig"]["LogGroup"]["Ref"]
    pairs |= {("logs:CreateLogStream", group), ("logs:PutLogEvents", group)}
    for mapping in resources.values():
        properties = mapping["Properties"]
        if mapping["Type"] == "AWS::Lambda::EventSourceMapping" and properties["FunctionName"]["Ref"] == logical_id:
            queue = resolve(properties["EventSourceArn"])
            pairs |= {(f"sqs:{action}", queue) for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")}
    return pairs


def matches(pattern, resource):
    return resource.startswith(pattern[:-1]) if pattern.endswith("*") else resource == pattern


def recorded(directory):
    calls = {}
    for file in sorted(Path(directory).glob("*.jsonl")):
        for line in file.read_text().splitlines():
            call = json.loads(line)
            calls.setdefault(call["function"], set()).add((call["action"], call["resource"]))
    return calls


def main(directory):
    resources = json.loads((ROOT / "target/template/translated.json").read_text())["Resources"]
    calls, wrong = recorded(directory), []
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::Lambda::Function":
            continue
        function = resource["Properties"]
        name = Path(function["Code"]["S3Key"]).name
        grants, faults = granted(resources, function)
        wrong += faults
        own = of_lambda_itself(resources, logical_id, function)
        wrong += [f"{name} lacks {action} on {r}, which Lambda itself needs" for action, r in sorted(own - grants)]
        made = calls.pop(name, set())
        if not made:
            wrong.append(f"{name}: no call was recorded")
        for action, asked in sorted(made):
            if not any(action == granted and matches(pattern, asked) for granted, pattern in grants):
                wrong.append(f"{name} calls {action} on {asked}, which nothing grants")
        for action, pattern in sorted(grants - own):
            if "*" in action or ("*" in pattern and not BY_PREFIX.fullmatch(pattern)):
                wrong.append(f"{name}: {action} on {pattern} is not exact")
            used = any(action == called and matches(pattern, asked) for called, asked in made)
            if not used:
                wrong.append(f"{name} is granted {action} on {pattern}, which it never calls")
    wrong += [f"{name} is no function of the template" for name in sorted(calls)]
    for line in wrong:
        print(line)
    if not wrong:
        print("Every function is granted what it calls, and nothing else.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
