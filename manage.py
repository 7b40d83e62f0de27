#!/usr/bin/env python
"""Eliot's command line: `manage.py start` runs everything, `manage.py help` lists the rest."""

import os
import sys


def main() -> None:
    """Hand over to Django's command line with Eliot's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eliot.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
