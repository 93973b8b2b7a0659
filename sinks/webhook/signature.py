"""The signature of what is posted: who knows the secret knows that it is ours, and when it was sent. Pure.

`X-Infrastructor-Signature: t=<seconds since the epoch>,v1=<hex>[,v1=<hex>]`; each `v1` is the HMAC-SHA-256 (RFC 2104)
of `<t>.<body>` by one secret. While a secret is changed there are two, and a receiver takes either.
"""

import hmac
from collections.abc import Sequence

SIGNATURE = "X-Infrastructor-Signature"


def signature(body: bytes, *, secrets: Sequence[str], unix_s: int) -> str:
    """The value of the header, for a body as it is on the wire."""
    signed = b"%d." % unix_s + body
    macs = [hmac.new(secret.encode(), signed, "sha256").hexdigest() for secret in secrets]
    return ",".join([f"t={unix_s}", *(f"v1={mac}" for mac in macs)])
