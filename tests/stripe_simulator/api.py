"""One request of Stripe's API from its text to its answer: key, version, route, parameters, idempotency, action, reply."""

import base64
import binascii
import json
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import ACCOUNT_ID, API_VERSION
from .errors import ApiError, Declined, invalid
from .expand import expanded
from .faults import Fault
from .form import Form, parse_form
from .idempotency import IdempotencyKeys
from .identifiers import new_id
from .jsontypes import Json
from .params import checked
from .routes import Route, find_route
from .simulator import RequestInfo

if TYPE_CHECKING:
    from .simulator import Simulator


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str = ""
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case


@dataclass
class Reply:
    """`dropped` asks the server to close the connection without a word; `shown` is what the body says, unless it is an error."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False
    shown: Json | None = None


@dataclass(frozen=True)
class Call:
    """What a resource's function gets: the checked parameters and the ids of the address."""

    params: Json
    ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.ids[0]


@dataclass(frozen=True)
class Work:
    """A request that passed every check and may be carried out."""

    route: Route
    call: Call
    info: RequestInfo
    path: str
    form: Form


class Api:
    def __init__(self, simulator: "Simulator") -> None:
        self._sim = simulator
        self._keys = IdempotencyKeys(simulator)
        self.idempotency_keys = self._keys

    def answer(self, request: Request) -> Reply:
        """The answer to any request below /v1; never raises."""
        request_id = new_id("request")
        fault = self._sim.faults.take(request.method, request.path)
        try:
            if fault and fault.kind == "drop":
                return Reply(0, "", dropped=True)
            reply = self._answer(request, request_id, fault)
        except ApiError as error:
            reply = _error_reply(error, request_id)
        except Exception:
            traceback.print_exc()
            reply = _error_reply(ApiError(500, "api_error", "The Stripe simulator itself failed; see its output."), request_id)
        reply.headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION, **reply.headers}
        reply.dropped = bool(fault and fault.kind == "drop_after")
        return reply

    def _answer(self, request: Request, request_id: str, fault: Fault | None) -> Reply:
        self._check_key(request)
        check_version(request)
        if fault and fault.kind == "503":
            raise ApiError(503, "api_error", "Stripe is temporarily unavailable.")
        if fault and fault.kind == "429":
            message = (
                "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."
            )
            raise ApiError(429, "invalid_request_error", message, code="rate_limit")
        route, ids = find_route(request.method, request.path)
        form = parse_form("&".join(text for text in (request.query, request.body) if text))
        call = Call(checked(form, route.params), ids)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        work = Work(route, call, RequestInfo(request_id, key), request.path, form)
        if not key:
            return self._act(work, fault)
        stored = self._keys.begin(key, request.path, form)
        if stored:
            headers = {"Idempotent-Replayed": "true", "Original-Request": stored["request_id"], "Idempotency-Key": key}
            return Reply(stored["status"], stored["body"], {**headers, **_retry_advice(stored["status"])})
        try:
            reply = self._act(work, fault)
        finally:
            self._keys.finish(key)
        reply.headers["Idempotency-Key"] = key
        return reply

    def _act(self, work: Work, fault: Fault | None) -> Reply:
        """Do it, with the fault that was ordered for it."""
        kind = fault.kind if fault else ""
        if fault and kind == "hang":
            self._sim.faults.wait(fault)
        if kind in ("500", "500_after"):
            if kind == "500_after":
                self._act_once(work, answer_is_lost=True)
            reply = _error_reply(ApiError(500, "api_error", "An error occurred on Stripe's side."), work.info.id or "")
            self._keep(work, reply)
            return reply
        reply = self._act_once(work)
        if fault and kind == "hold":
            self._sim.faults.wait(fault)
        return reply

    def _act_once(self, work: Work, *, answer_is_lost: bool = False) -> Reply:
        """Do it, and keep the answer under its key in the same transaction."""
        try:
            with self._sim.transaction(work.info):
                reply = self._reply_of(work)
                if not answer_is_lost:
                    self._store(work, reply)
            if reply.shown:
                self._sim.check_sent(f"{work.route.method} {work.path}", reply.shown)
            return reply
        except ApiError as error:
            # Nothing of it happened, but the key remembers the refusal.
            reply = _error_reply(error, work.info.id or "")
            if not answer_is_lost:
                self._keep(work, reply)
            return reply

    def _reply_of(self, work: Work) -> Reply:
        try:
            obj = work.route.act(self._sim, work.call)
        except Declined as error:
            return _error_reply(error, work.info.id or "")
        shown = expanded(self._sim, obj, work.call.params.get("expand", []))
        return Reply(200, json.dumps(shown, indent=2), shown=shown)

    def _keep(self, work: Work, reply: Reply) -> None:
        with self._sim.transaction():
            self._store(work, reply)

    def _store(self, work: Work, reply: Reply) -> None:
        key = work.info.idempotency_key
        if key:
            self._keys.keep(key, work.path, work.form, status=reply.status, body=reply.body, request_id=work.info.id or "")

    def _check_key(self, request: Request) -> None:
        given = api_key(request.headers.get("authorization", ""))
        if not given:
            raise ApiError(
                401,
                "invalid_request_error",
                "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
                "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            )
        if given != self._sim.key:
            raise ApiError(401, "invalid_request_error", f"Invalid API Key provided: {given[:8]}{'*' * 10}{given[-4:]}")
        account = request.headers.get("stripe-account", ACCOUNT_ID)
        if account != ACCOUNT_ID:
            message = f"The provided key does not have access to account '{account}' (or that account does not exist)."
            raise ApiError(403, "invalid_request_error", message, code="account_invalid")


def api_key(authorization: str) -> str:
    """The key of an Authorization header, Bearer or Basic; empty if there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def check_version(request: Request) -> None:
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise invalid(f"Invalid Stripe API version: {version}. The Stripe simulator speaks {API_VERSION} only.")


def _retry_advice(status: int) -> dict[str, str]:
    """A stored 500 would only be repeated; a conflict or an overload passes."""
    if status in (409, 429, 503):
        return {"Stripe-Should-Retry": "true"}
    return {"Stripe-Should-Retry": "false"} if status >= 400 else {}


def _error_reply(error: ApiError, request_id: str) -> Reply:
    return Reply(error.status, json.dumps(error.body(request_id), indent=2), _retry_advice(error.status))
