"""Command line switches within sentences: as code, which is not broken at its hyphens."""

import re
from typing import Final

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()
_SWITCH: Final = re.compile(r"(--[a-z][a-z-]*)")


@register.filter
def with_switches(text: str) -> SafeString:
    """Return a sentence in which each ``--switch`` is code."""
    parts = _SWITCH.split(text)
    pieces = (
        format_html("<code>{}</code>", part) if at % 2 else conditional_escape(part)
        for at, part in enumerate(parts)
    )
    return format_html_join("", "{}", ((piece,) for piece in pieces))
