"""POST /accounts/{account}/payouts, with a warrant or not at all."""

import asyncio
import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from holdpoint import Refused, Resource, Trust, strict_json

NOBODY_HAS_JUDGED = {"BROKER_UNAVAILABLE", "POLICY_UNAVAILABLE", "LEDGER_UNAVAILABLE", "UNAVAILABLE", "TOO_MANY"}
loop = asyncio.new_event_loop()


def pay(account: str, arguments) -> None:
    print(f"paid {arguments} out of {account}", flush=True)


class Payouts(BaseHTTPRequestHandler):
    resource: Resource

    def do_POST(self):
        try:
            found = re.fullmatch(r"/accounts/(\w+)/payouts", self.path)
            if found is None:
                return self.answer(404, {"status": 404})
            body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1_048_576))
            # Read once, strictly: what is digested is what is paid.
            arguments = strict_json(body.decode(errors="replace"))
            account = found[1]
            action = {"kind": "tool", "name": "payout", "target": f"accounts/{account}", "arguments": arguments}
            proof = ", ".join(self.headers.get_all("Holdpoint-Warrant", []))
            release = run(self.resource.verify(proof, action))
            try:
                pay(account, arguments)
            except Exception as error:
                report(release.done("failed", type(error).__name__))
                return self.answer(500, {"status": 500})
            report(release.done("executed"))
            self.answer(200, {"paid": True, "releasedBy": release.approvers})
        except Refused as refused:
            status = 503 if refused.code in NOBODY_HAS_JUDGED else 400 if refused.code == "INVALID_INPUT" else 403
            problem = {"status": status, "code": refused.code, "detail": refused.reason}
            self.answer(status, problem | {"resource": self.resource.name})

    def answer(self, status: int, value: dict) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        if status == 503:
            self.send_header("Retry-After", "5")
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_):
        pass


def run(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


def report(outcome):
    """What has happened has happened: a broker that does not hear of it changes nothing of the answer."""
    try:
        run(outcome)
    except Refused as refused:
        print(f"holdpoint: the outcome was not taken: {refused}", flush=True)


def check_vectors(path: str) -> int:
    """Holds this program to the test vectors; returns how many cases failed."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    failed, documents = 0, vectors["documents"]
    for case in vectors["cases"]:
        trust = Trust(vectors["pin"], vectors["resource"])
        trust.adopt(documents["keySet"], documents["registration"], vectors["now"])
        try:
            action = {**case["action"], "arguments": strict_json(case["argumentsText"])}
            claims, digest = trust.verify_warrant(case["proof"], action, case.get("now", vectors["now"]))
            found = {"ok": True, "requestId": claims["jti"], "actionDigest": digest}
        except Refused as refused:
            found = {"ok": False, "code": refused.code}
        if found != case["result"]:
            failed += 1
            print(f"{case['name']}: {found}, expected {case['result']}")
    for case in vectors["consumed"]:
        try:
            asked = case["requestId"], case["nonce"], case["actionDigest"]
            trust.verify_consumed(case["jws"], *asked, vectors["now"])
            found = {"ok": True}
        except Refused as refused:
            found = {"ok": False, "code": refused.code}
        if found != case["result"]:
            failed += 1
            print(f"{case['name']}: {found}, expected {case['result']}")
    print(f"{len(vectors['cases']) + len(vectors['consumed'])} vectors, {failed} failed")
    return failed


def main() -> None:
    if sys.argv[1:2] == ["--vectors"]:
        sys.exit(1 if check_vectors(sys.argv[2]) else 0)
    env = os.environ
    Payouts.resource = Resource(
        env["HOLDPOINT_NATS_URL"], env["HOLDPOINT_AGENT"], env["HOLDPOINT_CREDENTIALS"], env["HOLDPOINT_PIN"]
    )
    Thread(target=loop.run_forever, daemon=True).start()
    run(Payouts.resource.start())
    server = ThreadingHTTPServer(("127.0.0.1", int(env.get("PORT", "8080"))), Payouts)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
