"""Puts what the template describes on an AWS emulator, and resolves what it hands to the functions."""

import json
import os
import re
import sys
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/template"))
sys.path.insert(0, str(ROOT / "tests/acceptance"))

from lambda_runtime import Function  # noqa: E402
from translate import translate  # noqa: E402

STACK = "acceptance"
REGION, ACCOUNT = "eu-west-1", "123456789012"
# Nothing is called on AWS, but the translation wants to know a region.
os.environ.setdefault("AWS_DEFAULT_REGION", REGION)


class Deployment:
    """The stack, on the emulator at `endpoint`."""

    def __init__(self, endpoint, parameters):
        source = (ROOT / "infra/template.yaml").read_text()
        self.template = translate(yaml_parse(source))
        self.folders = {
            name: Path(resource["Properties"]["CodeUri"]).name
            for name, resource in yaml_parse(source)["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        }
        self.resources = self.template["Resources"]
        self.parameters = {name: p.get("Default", "") for name, p in self.template["Parameters"].items()} | parameters
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        client = lambda service: boto3.client(service, endpoint_url=endpoint, **keys)
        self.dynamodb, self.sqs, self.secrets = client("dynamodb"), client("sqs"), client("secretsmanager")
        self.refs, self.arns = {}, {}
        for kind in ("AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"):
            names = [name for name, resource in self.resources.items() if resource["Type"] == kind]
            # Queues refer to their dead-letter queues: those first.
            for name in sorted(names, key=lambda name: "RedrivePolicy" in self.resources[name]["Properties"]):
                self._create(kind, name, self.resources[name]["Properties"])
        environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        self.functions = {}
        for logical_id, folder in self.folders.items():
            properties = self.resources[logical_id]["Properties"]
            variables = self.resolve(properties["Environment"]["Variables"])
            binary = ROOT / "target/lambda" / folder / "bootstrap"
            self.functions[folder] = Function(folder, binary, environment | variables, properties["Timeout"])
        # What starts a function from a queue: the function, the queue's URL, and the size of a batch.
        self.sources = []
        for resource in self.resources.values():
            if resource["Type"] == "AWS::Lambda::EventSourceMapping":
                mapping = resource["Properties"]
                assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
                queue = mapping["EventSourceArn"]["Fn::GetAtt"][0]
                folder = self.folders[mapping["FunctionName"]["Ref"]]
                self.sources.append((folder, self.refs[queue], mapping["BatchSize"]))

    def source_of(self, folder):
        return next((url, size) for name, url, size in self.sources if name == folder)

    def _create(self, kind, name, properties):
        if kind == "AWS::SQS::Queue":
            fifo = properties.get("FifoQueue", False)
            attributes = {}
            for key in ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit",
                        "VisibilityTimeout", "MessageRetentionPeriod"):
                if key in properties:
                    value = properties[key]
                    attributes[key] = str(value).lower() if isinstance(value, bool) else str(value)
            # A standard queue is one without the attribute.
            if not fifo:
                attributes.pop("FifoQueue", None)
            if "RedrivePolicy" in properties:
                attributes["RedrivePolicy"] = json.dumps(self.resolve(properties["RedrivePolicy"]))
            url = self.sqs.create_queue(QueueName=f"{STACK}-{name}" + (".fifo" if fifo else ""), Attributes=attributes)["QueueUrl"]
            self.refs[name] = url
            self.arns[name] = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        elif kind == "AWS::DynamoDB::Table":
            table = f"{STACK}-{name}"
            wanted = {key: properties[key] for key in ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")}
            created = self.dynamodb.create_table(TableName=table, **wanted)
            self.refs[name], self.arns[name] = table, created["TableDescription"]["TableArn"]
        else:
            rules = properties["GenerateSecretString"]
            token = self.secrets.get_random_password(**rules)["RandomPassword"]
            arn = self.secrets.create_secret(Name=f"{STACK}-{name}", SecretString=token)["ARN"]
            self.refs[name] = self.arns[name] = arn
            self.operator_token = token

    def resolve(self, value):
        """Ref, GetAtt, Sub and If, as CloudFormation would."""
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return self._ref(value["Ref"])
        if "Fn::GetAtt" in value:
            name, attribute = value["Fn::GetAtt"]
            assert attribute == "Arn", value
            return self.arns[name]
        if "Fn::Sub" in value:
            return re.sub(r"\$\{([^}]+)\}", lambda found: self._ref(found[1]), value["Fn::Sub"])
        if "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            return self.resolve(yes if self._holds({"Condition": condition}) else no)
        return {key: self.resolve(item) for key, item in value.items()}

    def _holds(self, condition):
        ((kind, value),) = condition.items()
        if kind == "Condition":
            return self._holds(self.template["Conditions"][value])
        if kind == "Fn::Equals":
            left, right = (str(self.resolve(side)) for side in value)
            return left == right
        return {"Fn::Not": lambda all: not all[0], "Fn::And": all}[kind]([self._holds(item) for item in value])

    def _ref(self, name):
        pseudo = {"AWS::StackName": STACK, "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
        for known in (pseudo, self.parameters, self.refs):
            if name in known:
                return str(known[name])
        raise KeyError(name)

    def stop(self):
        for function in self.functions.values():
            function.kill()
