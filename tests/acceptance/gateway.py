"""API Gateway's HTTP API: requests become events of the functions behind it."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Gateway:
    """Listens on loopback, so that the peers' webhooks reach the deployed functions."""

    def __init__(self):
        self.functions, self.alone = {}, threading.Lock()
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, answer = gateway.call("POST", self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def call(self, method, path, headers, body):
        """Bodies go on encoded, as API Gateway does with those of unknown type."""
        event = {
            "version": "2.0", "routeKey": "POST /webhooks/robaws/{id}", "rawPath": path, "rawQueryString": "",
            "headers": {name.lower(): value for name, value in headers.items()},
            "requestContext": {
                "accountId": "1", "apiId": "a", "domainName": "api.example", "domainPrefix": "api", "requestId": "r",
                "routeKey": "POST /webhooks/robaws/{id}", "stage": "$default", "time": "t", "timeEpoch": 0,
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "1.1.1.1", "userAgent": "x"},
            },
            "pathParameters": {"id": path.rsplit("/", 1)[-1]},
            "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
        }
        # One process of a function takes one event at a time.
        with self.alone:
            answer = self.functions["article-push"].invoke(event)
        return answer["statusCode"], answer["body"].encode()
