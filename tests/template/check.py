"""What must hold between the template and the code that it deploys. Prints every difference; fails if there is one."""

import json
import re
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
READS = re.compile(r"env::(?:required|optional|parsed)(?:::<[^>]*>)?\(\s*\"([A-Z0-9_]+)\"")
# Lambda sets these itself.
LAMBDAS_OWN = ("AWS_", "_HANDLER", "LAMBDA_")


def variables_read(function: str) -> set[str]:
    """What a function and what it starts with read from the environment, by its sources."""
    sources = list((ROOT / "functions" / function / "src").rglob("*.rs"))
    for shared in ("runtime", "peers"):
        sources += (ROOT / "shared" / shared / "src").rglob("*.rs")
    found = {name for source in sources for name in READS.findall(source.read_text())}
    return {name for name in found if not name.startswith(LAMBDAS_OWN)}


def check_environment(template: dict, functions: dict) -> list[str]:
    common = set(template["Globals"]["Function"]["Environment"]["Variables"])
    wrong = []
    for name, properties in functions.items():
        is_set = common | set(properties.get("Environment", {}).get("Variables", {}))
        is_read = variables_read(name)
        wrong += [f"{name} reads {variable}, which the template does not set" for variable in is_read - is_set]
        wrong += [f"{name} never reads {variable}, which the template sets" for variable in is_set - is_read]
    return wrong


def check_names(resources: dict) -> list[str]:
    """A function's binary, its folder and its package have one name."""
    wrong, folders = [], set()
    for logical_id, resource in resources.items():
        folder = Path(resource["Properties"]["CodeUri"]).name
        folders.add(folder)
        binary = resource["Metadata"]["BuildProperties"]["Binary"]
        manifest = (ROOT / "functions" / folder / "Cargo.toml").read_text()
        package = re.search(r'^name = "([^"]+)"', manifest, re.MULTILINE)[1]
        if len({folder, binary, package}) != 1:
            wrong.append(f"{logical_id}: folder {folder}, binary {binary}, package {package}")
        if not (ROOT / "infra" / resource["Properties"]["CodeUri"]).is_dir():
            wrong.append(f"{logical_id}: CodeUri is no folder")
    there = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
    wrong += [f"functions/{name} is not deployed" for name in there - folders]
    return wrong


def check_table(template: dict) -> list[str]:
    """The table of the template and the one that the local stack creates have one shape."""
    schema = (ROOT / "shared/store/src/schema.rs").read_text()
    keys = (ROOT / "shared/store/src/keys.rs").read_text()
    constants = dict(re.findall(r'pub const (\w+): &str = "(\w+)";', keys))
    in_code = {"": tuple(re.search(r'schema\("(\w+)", "(\w+)"\)', schema).groups())}
    projections = {"All": "ALL", "KeysOnly": "KEYS_ONLY"}
    for name, pk, sk, shown in re.findall(
        r'index\(\s*(\w+),\s*"(\w+)",\s*"(\w+)",\s*ProjectionType::(\w+)', schema
    ):
        in_code[constants[name]] = (pk, sk, projections[shown])
    table = template["Resources"]["Table"]["Properties"]
    names = lambda key_schema: tuple(key["AttributeName"] for key in key_schema)
    in_template = {"": names(table["KeySchema"])}
    for index in table["GlobalSecondaryIndexes"]:
        in_template[index["IndexName"]] = (*names(index["KeySchema"]), index["Projection"]["ProjectionType"])
    return [] if in_code == in_template else [f"table: {in_template} in the template, {in_code} in the code"]


def check_queues(template: dict, functions: dict) -> list[str]:
    queue = template["Resources"]["OrdersQueue"]["Properties"]
    wrong = []
    if queue["VisibilityTimeout"] < 6 * functions["process-order"]["Timeout"]:
        wrong.append("orders queue: the visibility time-out is under six times the function's")
    source = functions["process-order"]["Events"]["Orders"]["Properties"]
    if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
        wrong.append("orders queue: without ReportBatchItemFailures one failure repeats the whole batch")
    if queue.get("ContentBasedDeduplication"):
        wrong.append("orders queue: equal messages must not be taken for one")
    code = (ROOT / "infra/local/src/sqs.rs").read_text()
    local = int(re.search(r"VISIBILITY_SECONDS: i64 = (\d+)", code)[1]), int(re.search(r"MOST_RECEIVES: u32 = (\d+)", code)[1])
    if local != (queue["VisibilityTimeout"], queue["RedrivePolicy"]["maxReceiveCount"]):
        wrong.append(f"orders queue: visibility and receives differ from the local stack's {local}")
    return wrong


def check_circles(functions: dict) -> list[str]:
    """A function behind the API that refers to the API is a circle."""
    wrong = []
    for name, properties in functions.items():
        without_events = {key: value for key, value in properties.items() if key != "Events"}
        if re.search(r'"(Ref|Fn::GetAtt|Fn::Sub)": *(\[?"Api"|"[^"]*\$\{Api)', json.dumps(without_events)):
            wrong.append(f"{name} refers to the API")
    return wrong


def main() -> int:
    template = yaml_parse((ROOT / "infra/template.yaml").read_text())
    resources = {
        logical_id: resource
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    functions = {Path(resource["Properties"]["CodeUri"]).name: resource["Properties"] for resource in resources.values()}
    wrong = [
        *check_environment(template, functions),
        *check_names(resources),
        *check_table(template),
        *check_queues(template, functions),
        *check_circles(functions),
    ]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
