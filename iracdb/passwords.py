"""Passwords, hidden wherever a URL is shown."""

from __future__ import annotations

import re


def hidden(text: str) -> str:
    """Write a text for people, without the password that a URL in it may hold.

    Parameters
    ----------
    text : str
        Any.

    Returns
    -------
    str
        With ``***`` for the password.
    """
    if "://" not in text:
        return text
    return hidden_in_query(re.sub(r"://([^:/@?]*):.*@", r"://\1:***@", text, flags=re.DOTALL))


def hidden_in_query(url: str) -> str:
    """Hide the password that a URL may hold behind its question mark.

    Parameters
    ----------
    url : str
        It.

    Returns
    -------
    str
        With ``***`` for the password.
    """
    return re.sub(r"(?i)([?&][^=&]*(?:password|passwd|pwd)=)[^&]*", r"\1***", url)
