"""What the gateway itself refuses, as the HTTP answer that each error becomes.

GatewayError
├── BadRequest            400
├── Unauthorized          401
├── Forbidden             403
├── NotFound              404
├── NotAllowed            405
├── RequestTimeout        408
├── BodyTooLarge          413
├── HeadersTooLarge       431
├── NotBuilt              501
├── UpstreamUnreachable   502
├── Overloaded            503
├── StoreSilent           503
└── UpstreamSilent        504
ConfigError               exit code 3
StoreError                the store cannot answer now: never an HTTP status of a chat
"""

from __future__ import annotations

import orjson


class GatewayError(Exception):
    """The gateway could not serve the request."""

    status = 500
    type = "gateway_error"
    code: str | None = None
    retry: bool | None = None
    """What `x-should-retry` tells the client; None leaves the header out."""

    def __init__(self, message: str = "", *, param: str | None = None, code: str | None = None) -> None:
        self.message = message or (self.__doc__ or "").splitlines()[0]
        self.param = param
        self.code = code or self.code
        super().__init__(self.message)

    def body(self) -> bytes:
        """The OpenAI error object, all four keys, as JSON."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The response headers that belong to this error."""
        headers = [(b"content-type", b"application/json")]
        if self.retry is not None:
            headers.append((b"x-should-retry", b"true" if self.retry else b"false"))
        return headers


class BadRequest(GatewayError):
    """The request cannot be understood."""

    status, type = 400, "invalid_request_error"


class Unauthorized(GatewayError):
    """No valid gateway key was sent."""

    status, type, code = 401, "authentication_error", "invalid_api_key"


class Forbidden(GatewayError):
    """This key, or this site, may not do that."""

    status, type, code = 403, "permission_error", "forbidden"


class NotFound(GatewayError):
    """There is nothing at this address."""

    status, type, code = 404, "invalid_request_error", "not_found"


class NotAllowed(GatewayError):
    """This address does not take that method."""

    status, type, code = 405, "invalid_request_error", "method_not_allowed"


class RequestTimeout(GatewayError):
    """The request's body stopped arriving."""

    status, type, code, retry = 408, "invalid_request_error", "request_timeout", False


class BodyTooLarge(GatewayError):
    """The request's body is larger than `limits.body`."""

    status, type, code = 413, "invalid_request_error", "body_too_large"


class HeadersTooLarge(GatewayError):
    """The request's headers are larger than `limits.headers`."""

    status, type, code = 431, "invalid_request_error", "headers_too_large"


class NotBuilt(GatewayError):
    """This gateway does not serve that."""

    status, type, code, retry = 501, "invalid_request_error", "not_supported", False


class UpstreamUnreachable(GatewayError):
    """The upstream could not be reached, or closed the connection before it answered."""

    status, type, code, retry = 502, "upstream_error", "upstream_unreachable", True


class Overloaded(GatewayError):
    """The gateway serves as many requests as it may; try again shortly."""

    status, type, code, retry = 503, "overloaded_error", "overloaded", True

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [*super().headers(), (b"retry-after", b"1"), (b"retry-after-ms", b"1000")]


class StoreSilent(GatewayError):
    """The store cannot answer now; try again shortly."""

    status, type, code, retry = 503, "overloaded_error", "store_unavailable", True


class UpstreamSilent(GatewayError):
    """The upstream sent nothing for longer than its read timeout."""

    status, type, code, retry = 504, "upstream_error", "upstream_timeout", False


class ConfigError(Exception):
    """The configuration, or something that it names, cannot be used; the message is one line."""


class StoreError(Exception):
    """The store cannot answer now."""
