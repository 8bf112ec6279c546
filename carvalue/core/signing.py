"""
Signs what is handed out and comes back: device sessions, challenges, places in lists.
"""

import base64
import binascii
import hashlib
import hmac


class Signer:
    """
    Signs with one secret, with a key of its own for each purpose.

    What was signed for one purpose, or in another process with another secret, is good for
    nothing else. It is signed, not hidden: whoever has it can read it.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, text: str, purpose: str) -> str:
        """The text and its signature, in letters that fit into a URL or a header."""
        return f"{_packed(text.encode())}.{_packed(self.digest(text, purpose))}"

    def signed(self, token: str, purpose: str) -> str | None:
        """The text that was signed for this purpose; None for whatever else comes."""
        packed, _, signature = token.partition(".")
        try:
            text = _unpacked(packed).decode()
            given = _unpacked(signature)
        except (ValueError, binascii.Error):
            return None
        if not hmac.compare_digest(given, self.digest(text, purpose)):
            return None
        # Bits that fill up the last letter are nobody's: one token has one spelling.
        return text if token == self.sign(text, purpose) else None

    def digest(self, text: str, purpose: str) -> bytes:
        """32 bytes that nobody can make who does not know the secret."""
        key = hmac.digest(self._secret, purpose.encode(), hashlib.sha256)
        return hmac.digest(key, text.encode(), hashlib.sha256)


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
