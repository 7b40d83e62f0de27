#!/usr/bin/env python
"""Eliot's command line: `manage.py start` runs everything, `manage.py help` lists the rest."""

import os
import sys

from eliot.launch import early


def main() -> None:
    """Hand over to Django's command line with Eliot's settings."""
    early.hear_sigterm()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eliot.settings")
    try:
        run()
    except KeyboardInterrupt:
        early.end("Interrupted.", code=130)


def run() -> None:
    """Read the settings before any app does, so that what is wrong with them is said in a sentence."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        _ = settings.ELIOT_DATA
    except ImproperlyConfigured as fault:
        early.end(str(fault), code=1)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
