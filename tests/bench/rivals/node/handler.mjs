// The webhook function as one would write it for Node.js: connection, secret, signature, queue.

import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const dynamodb = new DynamoDBClient({});
const secrets = new SecretsManagerClient({});
const sqs = new SQSClient({});
const known = new Map();

async function secretOf(connection, version) {
  const key = `${connection} ${version}`;
  if (!known.has(key)) {
    const secret = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.SECRET_PREFIX + connection }));
    known.set(key, JSON.parse(secret.SecretString).webhook.secret);
  }
  return known.get(key);
}

export async function handler(event) {
  const connection = event.pathParameters.id;
  const body = Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8");
  const { Item: item } = await dynamodb.send(new GetItemCommand({
    TableName: process.env.TABLE_NAME, ConsistentRead: true,
    Key: { pk: { S: process.env.PARTITION }, sk: { S: connection } },
  }));
  if (!item) return { statusCode: 404 };
  const secret = await secretOf(connection, item.secret_version?.S);
  const fields = Object.fromEntries(event.headers["robaws-signature"].split(",").map((part) => part.split("=", 2)));
  const wanted = createHmac("sha256", secret).update(`${fields.t}.`).update(body).digest();
  const given = Buffer.from(fields.v1, "hex");
  const fresh = Math.abs(Number(fields.t) - Date.now() / 1000) <= 300;
  if (!fresh || given.length !== wanted.length || !timingSafeEqual(given, wanted)) return { statusCode: 401 };
  const { data } = JSON.parse(body);
  await sqs.send(new SendMessageCommand({
    QueueUrl: process.env.ARTICLES_QUEUE_URL, MessageGroupId: connection, MessageDeduplicationId: randomUUID(),
    MessageBody: JSON.stringify({ connection, article: data.id }),
  }));
  return { statusCode: 202 };
}
