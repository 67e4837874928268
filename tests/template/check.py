"""What must hold between the template and the code that it deploys. Prints every difference; fails if there is one."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
READS = re.compile(r"\bread_(?:required|optional|parsed)(?:::<[^>]*>)?\(\s*\"([A-Z0-9_]+)\"")
# Lambda sets these itself.
LAMBDAS_OWN = ("AWS_", "_HANDLER", "LAMBDA_")
API_TYPES = ("AWS::Serverless::HttpApi", "AWS::Serverless::Api", "AWS::ApiGatewayV2::Api", "AWS::ApiGateway::RestApi")
# SAM makes these for an event that names no API.
IMPLICIT_APIS = {"ServerlessHttpApi", "ServerlessRestApi"}


def manifest(folder: Path) -> dict:
    path = folder / "Cargo.toml"
    return tomllib.loads(path.read_text()) if path.is_file() else {}


def crates_of(function: str) -> set[Path]:
    """The folders of a function and of every crate of ours that it is made of."""
    found, waiting = set(), [ROOT / "functions" / function]
    while waiting:
        folder = waiting.pop()
        if folder not in found and (folder / "Cargo.toml").is_file():
            found.add(folder)
            waiting += [ROOT / "shared" / name for name in manifest(folder).get("dependencies", {})]
    return found


def variables_read(function: str) -> set[str]:
    """What a function reads from the environment, by its sources and those of its crates."""
    sources = [source for crate in crates_of(function) for source in (crate / "src").rglob("*.rs")]
    found = {name for source in sources for name in READS.findall(source.read_text())}
    return {name for name in found if not name.startswith(LAMBDAS_OWN)}


def check_environment(template: dict, functions: dict) -> list[str]:
    common = set(template["Globals"]["Function"]["Environment"]["Variables"])
    wrong = []
    for name, properties in functions.items():
        is_set = common | set(properties.get("Environment", {}).get("Variables", {}))
        is_read = variables_read(name)
        wrong += [f"{name} reads {variable}, which the template does not set" for variable in sorted(is_read - is_set)]
        wrong += [f"{name} never reads {variable}, which the template sets" for variable in sorted(is_set - is_read)]
    return wrong


def check_names(resources: dict) -> list[str]:
    """A function's binary, its folder and its package have one name, and SAM builds it with cargo-lambda."""
    wrong, folders = [], set()
    for logical_id, resource in resources.items():
        folder = (ROOT / "infra" / resource["Properties"]["CodeUri"]).resolve()
        package = manifest(folder).get("package", {}).get("name")
        if folder.parent != ROOT / "functions" or package is None:
            wrong.append(f"{logical_id}: CodeUri is no function's folder")
            continue
        folders.add(folder.name)
        metadata = resource.get("Metadata", {})
        binary = metadata.get("BuildProperties", {}).get("Binary")
        if not folder.name == binary == package:
            wrong.append(f"{logical_id}: folder {folder.name}, binary {binary}, package {package}")
        if metadata.get("BuildMethod") != "rust-cargolambda":
            wrong.append(f"{logical_id}: not built by rust-cargolambda")
    there = {path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml")}
    wrong += [f"functions/{name} is not deployed" for name in sorted(there - folders)]
    return wrong


def shape_in_code() -> dict | None:
    """Keys and indexes of the table that the local stack creates; none if they can't be made out."""
    schema = (ROOT / "shared/store/src/schema.rs").read_text()
    constants = dict(re.findall(r'pub const (\w+): &str = "(\w+)";', (ROOT / "shared/store/src/keys.rs").read_text()))
    keys = re.search(r'key_schema\(Some\(build_key_schema\("(\w+)", "(\w+)"\)', schema)
    listed = re.search(r"for attribute in \[([^\]]*)\]", schema)
    if not keys or not listed or "ScalarAttributeType::S)" not in schema:
        return None
    projections = {"All": "ALL", "KeysOnly": "KEYS_ONLY", "Include": "INCLUDE"}
    called = r'\bbuild_index\(\s*(\w+),\s*"(\w+)",\s*"(\w+)",\s*ProjectionType::(\w+),\s*&\[([^\]]*)\]'
    indexes = re.findall(called, schema)
    if len(indexes) != schema.count(".global_secondary_indexes("):
        return None
    shape = {"keys": (("HASH", keys[1]), ("RANGE", keys[2])), "strings": set(re.findall(r'"(\w+)"', listed[1]))}
    for name, hash_key, range_key, shown, attributes in indexes:
        projection = projections.get(shown), set(re.findall(r'"(\w+)"', attributes))
        shape[f"index {constants.get(name)}"] = ("HASH", hash_key), ("RANGE", range_key), *projection
    return shape


def check_table(template: dict) -> list[str]:
    """The table of the template and the one that the local stack creates have one shape."""
    code = shape_in_code()
    if code is None:
        return ["table: its shape can't be read from shared/store/src/schema.rs any more, see shape_in_code"]
    table = template["Resources"]["Table"]["Properties"]
    keys = lambda schema: tuple((key["KeyType"], key["AttributeName"]) for key in schema)
    strings = {a["AttributeName"] for a in table["AttributeDefinitions"] if a["AttributeType"] == "S"}
    shape = {"keys": keys(table["KeySchema"]), "strings": strings}
    for index in table["GlobalSecondaryIndexes"]:
        projection = index["Projection"]["ProjectionType"], set(index["Projection"].get("NonKeyAttributes", []))
        shape[f"index {index['IndexName']}"] = *keys(index["KeySchema"]), *projection
    return [
        f"table, {part}: {shape.get(part)} in the template, {code.get(part)} in the code"
        for part in sorted(shape.keys() | code.keys())
        if shape.get(part) != code.get(part)
    ]


def check_sources(template: dict, functions: dict) -> list[str]:
    """Every queue that starts a function."""
    wrong = []
    for name, properties in functions.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] != "SQS":
                continue
            source = event["Properties"]
            (logical_id,) = references(source["Queue"])
            queue = template["Resources"][logical_id]["Properties"]
            if queue["VisibilityTimeout"] < 6 * properties["Timeout"]:
                wrong.append(f"{logical_id}: the visibility time-out is under six times that of {name}")
            if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
                wrong.append(f"{logical_id}: without ReportBatchItemFailures one failure repeats the whole batch")
            if queue.get("ContentBasedDeduplication"):
                wrong.append(f"{logical_id}: equal messages must not be taken for one")
            # The dead-letter queue allows its source by name: a reference would be a circle.
            (target,) = references(queue["RedrivePolicy"]["deadLetterTargetArn"])
            allowed = template["Resources"][target]["Properties"].get("RedriveAllowPolicy", {}).get("sourceQueueArns", [])
            named = queue.get("QueueName", {}).get("Fn::Sub", "")
            if not named or not any(arn["Fn::Sub"].endswith(f":{named}") for arn in allowed):
                wrong.append(f"{target}: does not allow {logical_id} by the name that it has")
    return wrong


def check_local_queue(template: dict) -> list[str]:
    """The local stack's queue behaves as the template's."""
    queue = template["Resources"]["OrdersQueue"]["Properties"]
    code = (ROOT / "infra/local/src/sqs.rs").read_text()
    visibility = re.search(r"VISIBILITY_SECONDS: i64 = (\d+)", code)
    receives = re.search(r"MOST_RECEIVES: u32 = (\d+)", code)
    if not visibility or not receives:
        return ["orders queue: its limits can't be read from infra/local/src/sqs.rs any more, see check_local_queue"]
    local = int(visibility[1]), int(receives[1])
    there = queue["VisibilityTimeout"], queue["RedrivePolicy"]["maxReceiveCount"]
    return [] if local == there else [f"orders queue: visibility and receives are {there}, the local stack's {local}"]


def references(value: object) -> Iterator[str]:
    """The logical ids that a part of the template refers to, in every form that CloudFormation knows."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0] if isinstance(item, list) else item.split(".")[0]
            elif key == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                yield from (name for name in re.findall(r"\$\{([\w:]+)", text) if name not in own)
                yield from references(own)
            elif key == "DependsOn":
                yield from item if isinstance(item, list) else [item]
            else:
                yield from references(item)


def check_circles(template: dict, functions: dict) -> list[str]:
    """A function behind the API that refers to the API, itself or through something else, is a circle."""
    resources = template["Resources"]
    apis = IMPLICIT_APIS | {name for name, resource in resources.items() if resource["Type"] in API_TYPES}

    def needs(logical_id: str) -> set[str]:
        resource = resources.get(logical_id, {})
        # Events are the other way round: they become parts of the API, the rule, the mapping.
        properties = {key: value for key, value in resource.get("Properties", {}).items() if key != "Events"}
        found = set(references([resource | {"Properties": properties}]))
        is_function = resource.get("Type") == "AWS::Serverless::Function"
        return found | set(references(template.get("Globals", {}).get("Function", {}))) if is_function else found

    wrong = []
    for logical_id in functions:
        reached, waiting = set(), {logical_id}
        while waiting:
            name = waiting.pop()
            reached.add(name)
            waiting |= needs(name) - reached if name not in apis else set()
        wrong += [f"{logical_id} refers to the API {api}" for api in sorted(reached & apis)]
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
        *check_sources(template, functions),
        *check_local_queue(template),
        *check_circles(template, resources),
    ]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
