"""Translates the SAM template to CloudFormation, as AWS does: a circular reference shows only there."""

import json
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

# Managed policies by name; the template's own policies are inline, and only those that SAM adds are looked up.
MANAGED_POLICIES = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSLambdaSQSQueueExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole",
    "AWSXrayWriteOnlyAccess": "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
    "AWSXRayDaemonWriteAccess": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
}


def translate(template: dict) -> dict:
    """The template with every SAM resource spelled out. Local code is taken as uploaded."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://artefacts/" + Path(resource["Properties"]["CodeUri"]).name
    parameters = {name: parameter.get("Default") for name, parameter in template.get("Parameters", {}).items()}
    parameters.setdefault("AWS::Region", "eu-west-1")
    parameters.setdefault("AWS::Partition", "aws")
    return Translator(MANAGED_POLICIES, Parser()).translate(template, parameters)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    translated = translate(yaml_parse(source.read_text()))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(translated, indent=1) + "\n")
