"""The webhook function as one would write it in Python: connection, secret, signature, queue."""

import base64
import hashlib
import hmac
import json
import os
import time
import uuid

import boto3

dynamodb = boto3.client("dynamodb")
secrets = boto3.client("secretsmanager")
sqs = boto3.client("sqs")
known = {}


def secret_of(connection, version):
    if (connection, version) not in known:
        secret = secrets.get_secret_value(SecretId=os.environ["SECRET_PREFIX"] + connection)
        known[connection, version] = json.loads(secret["SecretString"])["webhook"]["secret"]
    return known[connection, version]


def handler(event):
    connection = event["pathParameters"]["id"]
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    key = {"pk": {"S": os.environ["PARTITION"]}, "sk": {"S": connection}}
    item = dynamodb.get_item(TableName=os.environ["TABLE_NAME"], Key=key, ConsistentRead=True).get("Item")
    if item is None:
        return {"statusCode": 404}
    secret = secret_of(connection, item.get("secret_version", {}).get("S"))
    fields = dict(part.split("=", 1) for part in event["headers"]["robaws-signature"].split(","))
    wanted = hmac.new(secret.encode(), fields["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    if abs(int(fields["t"]) - time.time()) > 300 or not hmac.compare_digest(wanted, fields["v1"]):
        return {"statusCode": 401}
    data = json.loads(body)["data"]
    sqs.send_message(
        QueueUrl=os.environ["ARTICLES_QUEUE_URL"], MessageGroupId=connection, MessageDeduplicationId=str(uuid.uuid4()),
        MessageBody=json.dumps({"connection": connection, "article": data["id"]}),
    )
    return {"statusCode": 202}
