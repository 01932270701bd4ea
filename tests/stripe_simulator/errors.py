"""Refusals in the shape of Stripe's error body."""

from .jsontypes import Json


class ApiError(Exception):
    """A refusal: an HTTP status and what goes under `error` in the body."""

    def __init__(self, status: int, type: str, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.fields: Json = {"type": type, "message": message}
        if code:
            self.fields["code"] = code
            self.fields["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
        if param:
            self.fields["param"] = param

    def body(self, request_id: str) -> Json:
        log = f"https://dashboard.stripe.com/test/workbench/logs?object={request_id}"
        return {"error": {**self.fields, "request_log_url": log}}


class Declined(ApiError):
    """402: the bank said no. Unlike with any other refusal, what was tried stays on record."""

    def __init__(self, message: str, *, code: str, decline_code: str | None = None) -> None:
        super().__init__(402, "card_error", message, code=code)
        if decline_code:
            self.fields["decline_code"] = decline_code


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request cannot be carried out as it stands."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param)


def no_such(noun: str, object_id: str, param: str | None = None) -> ApiError:
    """The object does not exist: 404 when the address named it, 400 when parameter `param` did."""
    message = f"No such {noun}: '{object_id}'"
    return ApiError(400 if param else 404, "invalid_request_error", message, code="resource_missing", param=param or "id")


def not_simulated(param: str) -> ApiError:
    """400 for what Stripe would accept and this simulator does not act out: better refused than silently ignored."""
    return invalid(f"The Stripe simulator does not act out `{param}`.", param, "simulator_unsupported")
