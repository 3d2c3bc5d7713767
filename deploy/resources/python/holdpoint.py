"""A resource of Holdpoint: it verifies warrants, spends them, and says what became of them.

Everything that is believed leads back to the pinned organisation key: it signs the key set, whose keys sign the
registration of this resource, the warrants, and the broker's answers. Any doubt raises Refused.
"""

import asyncio
import base64
import hashlib
import json
import re
import secrets
import time
from dataclasses import dataclass, field

import nats
import rfc8785
from joserfc import jws
from joserfc.jwk import OKPKey

LEEWAY_S = 30
LIFE_S = 300
TIMEOUT_S = 5


class Refused(Exception):
    def __init__(self, code: str, reason: str):
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


def strict_json(text: str):
    """JSON that no two readers understand differently; everything else is INVALID_INPUT."""

    def members(pairs):
        value = dict(pairs)
        if len(value) != len(pairs):
            raise ValueError("the same key twice")
        return value

    def number(text):
        value = float(text) if re.search("[.eE]", text) else int(text)
        # Integers beyond 2^53 are different numbers to different readers; infinities are none.
        if abs(value) == float("inf") or (value == int(value) and abs(value) > 2**53 - 1):
            raise ValueError(f"the number {text}")
        return value

    def refuse(constant):
        raise ValueError(constant)

    try:
        value = json.loads(
            text, object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=refuse
        )
        json.dumps(value, ensure_ascii=False).encode()  # raises for a lone surrogate
        return value
    except (ValueError, RecursionError) as error:
        raise Refused("INVALID_INPUT", f"JSON: {error}") from error


def unpack(text: str) -> bytes:
    """base64url without padding (RFC 7515), in its one spelling."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Refused("INVALID_INPUT", "expected base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Refused("INVALID_INPUT", "expected base64url without padding")
    return data


def thumbprint(x: str) -> str:
    digest = hashlib.sha256(('{"crv":"Ed25519","kty":"OKP","x":"%s"}' % x).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def open_jws(token: str, typ: str, keys: dict) -> dict:
    """The payload of a compact JWS. Which algorithm and which keys count is ours to say, and not the header's."""
    try:
        header = strict_json(unpack(token.split(".")[0]).decode())
        if set(header) != {"alg", "typ", "kid"} or header["alg"] != "EdDSA" or header["typ"] != typ:
            raise ValueError(f"expected a header of alg EdDSA, typ {typ} and kid")
        key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": keys[header["kid"]]})
        opened = jws.deserialize_compact(token, key, algorithms=["EdDSA"])
        return strict_json(opened.payload.decode())
    except Exception as error:
        raise Refused("UNTRUSTED", f"{typ}: {error!r}") from error


@dataclass
class Trust:
    """What this resource believes. It only moves forward: nothing older than what was seen is believed again."""

    pin: str
    name: str
    key_set: dict = field(default_factory=dict)
    registration: dict = field(default_factory=dict)

    def adopt(self, key_set_jws: str, registration_jws: str, now: float) -> None:
        x = self.pin.removeprefix("ed25519:")
        key_set = open_jws(key_set_jws, "holdpoint-keyset+jws", {thumbprint(x): x})
        if not now < key_set["exp"] or key_set["version"] < self.key_set.get("version", 0):
            raise Refused("STALE", "key set: it has expired, or is older than one already seen")
        if any(thumbprint(key["x"]) != key["kid"] for key in key_set["keys"]):
            raise Refused("UNTRUSTED", "key set: a kid is not the thumbprint of its key")
        registry = {key["kid"]: key["x"] for key in key_set["keys"] if key["use"] == "registry"}
        registration = open_jws(registration_jws, "holdpoint-registration+jws", registry)
        if registration["agent"] | {"name": ""} != {"iss": key_set["origin"], "sub": self.name, "name": ""}:
            raise Refused("UNTRUSTED", "registration: it is somebody else's")
        if registration["enforcement"] != "resource":
            raise Refused("INVALID_CONFIG", f"registered as {registration['enforcement']}, expected resource")
        if registration["version"] < self.registration.get("version", 0):
            raise Refused("STALE", "registration: it is older than one already seen")
        self.key_set, self.registration = key_set, registration

    def open(self, token: str, typ: str, now: float) -> dict:
        """What the broker has signed, for us and now."""
        if not self.key_set or not now < self.key_set["exp"]:
            raise Refused("BROKER_UNAVAILABLE", "there is no current key set")
        broker = {key["kid"]: key["x"] for key in self.key_set["keys"] if key["use"] == "broker"}
        claims = open_jws(token, typ, broker)
        origin = self.key_set["origin"]
        if not now < claims["exp"]:
            raise Refused("STALE", f"{typ}: it expired at {claims['exp']}, and it is {now} now")
        begins = max(claims["iat"], claims.get("nbf", 0))
        if begins > now + LEEWAY_S or not 0 < claims["exp"] - claims["iat"] <= LIFE_S:
            raise Refused("WARRANT_MISMATCH", f"{typ}: its times")
        same(typ, iss=(claims["iss"], origin), aud=(claims["aud"], f"resource:{self.name}"))
        return claims

    def in_ledger(self, ledger: dict) -> bool:
        return (ledger["origin"] + "/").startswith(self.key_set["origin"] + "/")

    def verify_warrant(self, proof: str, action: dict, now: float) -> tuple[dict, str]:
        """The claims of a genuine warrant for exactly this action, and the digest of it, taken here."""
        if len(proof) > 16_384 or proof.count("~") != 1:
            raise Refused("INVALID_INPUT", "proof: expected a warrant, ~, and base64url")
        warrant, encoded = proof.split("~")
        disclosed = strict_json(unpack(encoded).decode(errors="replace"))
        salt, on_behalf_of, bindings = read_disclosed(disclosed)
        claims = self.open(warrant, "holdpoint-warrant+jwt", now)
        [said], hp, act = claims["authorization_details"], claims["hp"], claims["act"]
        digest = "sha-256:" + hashlib.sha256(
            rfc8785.dumps(
                {
                    "v": 1,
                    "salt": salt,
                    **action,
                    "agent": {"iss": act["iss"], "sub": act["sub"]},
                    "onBehalfOf": on_behalf_of,
                    "environment": self.registration["environment"],
                    "enforcementPoint": f"resource:{self.name}",
                    "bindings": bindings,
                }
            )
        ).hexdigest()
        approvers = [(one["iss"], one["sub"]) for one in hp["approvals"]]
        same(
            "warrant",
            kind=(said["kind"], action["kind"]),
            name=(said["actions"], [action["name"]]),
            target=(said.get("locations"), [action["target"]] if "target" in action else None),
            action_digest=(said["action_digest"], digest),
            precondition=(said.get("precondition"), bindings.get("precondition")),
            act=(act["iss"], self.key_set["origin"]),
            txn=(claims["txn"], claims["jti"]),
            decision=((hp["v"], hp["decision"]), (1, "approved")),
            ledger=(self.in_ledger(hp["ledger"]), True),
            approvals=(0 < len(set(approvers)) == len(approvers), True),
            approver=((act["iss"], act["sub"]) in approvers, False),
        )
        return claims, digest

    def verify_consumed(self, token: str, request_id: str, nonce: str, digest: str, now: float) -> None:
        claims = self.open(token, "holdpoint-consumed+jwt", now)
        same(
            "consume answer",
            jti=(claims["jti"], request_id),
            nonce=(claims["nonce"], nonce),
            action_digest=(claims["action_digest"], digest),
            ledger=(self.in_ledger(claims["ledger"]), True),
        )


def read_disclosed(disclosed) -> tuple[str, list, dict]:
    try:
        salt, people, bindings = disclosed["salt"], disclosed["onBehalfOf"], disclosed["bindings"]
        is_whole = set(disclosed) == {"salt", "onBehalfOf", "bindings"} and 22 <= len(salt) <= 100
        are_people = all(set(one) == {"iss", "sub"} for one in people)
        if is_whole and are_people and set(bindings) <= {"cwd", "env", "toolSchema", "precondition"}:
            return salt, people, bindings
    except (TypeError, KeyError):
        pass
    raise Refused("INVALID_INPUT", "proof: expected salt, onBehalfOf and bindings, and nothing else")


def same(what: str, **compared) -> None:
    for name, (found, expected) in compared.items():
        if found != expected:
            raise Refused("WARRANT_MISMATCH", f"{what}: {name} is {found!r}, expected {expected!r}")


class Resource:
    def __init__(self, url: str, name: str, credentials: str, pin: str):
        self.url, self.name, self.credentials = url, name, credentials
        self.trust = Trust(pin, name)
        # The broker keeps what this process has spent from becoming `ambiguous` as long as it sends heartbeats.
        self.process = secrets.token_urlsafe(16)

    async def start(self) -> None:
        self.nc = await nats.connect(
            self.url,
            user_credentials=self.credentials,
            inbox_prefix=f"_INBOX.{self.name}".encode(),
            max_reconnect_attempts=-1,
        )
        beat_s = await self.greet()
        self.beating = asyncio.create_task(self.beat(beat_s))

    async def call(self, name: str, body: dict) -> dict:
        try:
            subject = f"hp.v1.agent.{self.name}.{name}"
            message = await self.nc.request(subject, json.dumps(body).encode(), timeout=TIMEOUT_S)
        except Exception as error:
            raise Refused("BROKER_UNAVAILABLE", repr(error)) from error
        reply = strict_json(message.data.decode())
        if "error" in reply:
            raise Refused(reply["error"]["code"], reply["error"]["message"])
        return reply

    async def greet(self) -> float:
        hello = await self.call("hello", {"process": self.process})
        self.trust.adopt(hello["keySet"], hello["registration"], time.time())
        return hello["heartbeatMs"] / 1000

    async def beat(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                reply = await self.call("heartbeat", {"process": self.process, "waiting": []})
                if reply["keySetVersion"] > self.trust.key_set["version"]:
                    await self.greet()
            except Refused as error:
                print(f"holdpoint: {error}", flush=True)

    async def verify(self, proof: str, action: dict) -> "Release":
        """Spends the approval of exactly this action: {kind, name, target?, arguments}. Raises Refused."""
        if not proof:
            raise Refused("WARRANT_REQUIRED", "ask for an approval at this resource first")
        claims, digest = self.trust.verify_warrant(proof, action, time.time())
        nonce = secrets.token_urlsafe(16)
        runtime = claims["hp"]["runtime"]
        call = {
            "requestId": claims["jti"],
            "actionDigest": digest,
            "nonce": nonce,
            # The agent's span is the one that acts.
            "trace": {"traceId": runtime["trace_id"], "spanId": runtime["span_id"]},
            "process": self.process,
        }
        try:
            reply = await self.call("consume", call)
        except Refused as error:
            if error.code != "BROKER_UNAVAILABLE":
                raise
            # With the same nonce the broker repeats its answer; with another it would be spent.
            reply = await self.call("consume", call)
        self.trust.verify_consumed(reply["consumed"], claims["jti"], nonce, digest, time.time())
        return Release(self, claims, nonce)


@dataclass
class Release:
    """One execution of what was approved, and who answers for it. Say what became of it."""

    resource: Resource
    claims: dict
    nonce: str

    @property
    def approvers(self) -> list[str]:
        return [one["name"] for one in self.claims["hp"]["approvals"]]

    async def done(self, outcome: str, error_type: str | None = None) -> None:
        """`executed` or `failed`. The first word stands."""
        call = {"requestId": self.claims["jti"], "nonce": self.nonce, "outcome": outcome}
        await self.resource.call("outcome", call | ({"errorType": error_type} if error_type else {}))
