"""A password and what the server keeps of it: SCRAM-SHA-256 (RFC 5802, RFC 7677; PostgreSQL's scram-common.c).

The server keeps `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, all but the number in base64.
"""

import base64
import hashlib
import hmac
import re
import unicodedata

_KEPT = re.compile(r"^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):")


def matches(password: str, kept: str | None) -> bool:
    """Whether a password is the one that the server keeps; False also for MD5, which is to be replaced."""
    found = _KEPT.match(kept or "")
    if found is None:
        return False
    # NFKC is all that SASLprep does to the characters people use in passwords.
    text = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", text, base64.b64decode(found[2]), int(found[1]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(key).digest(), base64.b64decode(found[3]))
