"""Removes secrets from log lines, and from the settings shown to plugins."""

import re

_SECRET = re.compile(
    r"\b("
    r"[a-z][a-z0-9]{1,15}_(?:live|test)_\d+_"  # API keys
    r"|wh(?:sec|sk)_"  # signing secrets
    r"|o(?:as|ac|at|rt)_"  # secrets, codes and tokens of apps
    r"|p(?:lnk|ses)_"  # links and sessions of the portal
    r"|eyJ(?=[\w-]+\.[\w-]+\.)"  # JSON Web Tokens
    r"|(?i:Bearer|Basic) +(?=[\w.~+/=-]{16})"
    r"|trunkline_portal[a-z_]*=|(?:link|request)="  # sealed values in cookies and URLs
    r")[A-Za-z0-9._~+/=-]{8,}"
)
_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s/@]+@")


def redact(text: str) -> str:
    """Remove the secrets from *text*. Of each key, secret, token and password, only the first part stays."""
    return _PASSWORD.sub(r"\1:…@", _SECRET.sub(r"\1…", text))
