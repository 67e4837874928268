"""Runs a function's binary behind a Lambda runtime API, one process per function, as Lambda does."""

import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Crashed(Exception):
    """The process ended before it answered."""


class Function:
    """A deployed function: its binary, its environment, its time limit."""

    def __init__(self, name, binary, environment, time_limit):
        self.name, self.binary, self.time_limit = name, binary, time_limit
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_LOG_STREAM_NAME": "acceptance",
            "AWS_LAMBDA_LOG_GROUP_NAME": "acceptance",
            **environment,
        }
        self.process, self.generation = None, 0
        self.log = open(f"target/acceptance-{name}.log", "wb")

    def _handler(self):
        function = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                next_event = function.next_event(function.generation)
                if next_event is None:
                    return
                request_id, event, deadline = next_event
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:eu-west-1:0:function:{function.name}")
                self._body(json.dumps(event).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not body and self.headers.get("Transfer-Encoding") == "chunked":
                    body = self._chunks()
                function.answers.put((self.path.rsplit("/", 1)[-1], json.loads(body or b"null")))
                self.send_response(202)
                self._body(b"")

            def _chunks(self):
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _body(self, body):
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler

    def next_event(self, generation):
        """The next event, unless the process that asks was killed meanwhile."""
        while generation == self.generation:
            try:
                event = self.events.get(timeout=0.02)
            except queue.Empty:
                continue
            if generation == self.generation:
                return event
            # Meant for the process that follows.
            self.events.put(event)
        return None

    def start(self):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                [self.binary], env=self.environment, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
            )

    def kill(self):
        """As a machine that goes down: nothing is flushed, nothing is caught."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.generation += 1

    def invoke(self, event):
        """The answer to one event. A crash is an exception, as it is for Lambda's event sources."""
        self.start()
        self.send(event)
        return self.answer()

    def send(self, event):
        self.start()
        deadline = int((time.time() + self.time_limit) * 1000)
        self.events.put((str(uuid.uuid4()), event, deadline))

    def answer(self):
        until = time.monotonic() + self.time_limit
        while time.monotonic() < until:
            try:
                kind, body = self.answers.get(timeout=0.05)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise Crashed(self.name) from None
                continue
            if kind != "response":
                raise AssertionError(f"{self.name} failed: {body}")
            return body
        raise AssertionError(f"{self.name} ran out of time")
