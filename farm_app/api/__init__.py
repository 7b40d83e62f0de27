"""The JSON API for programs: the same verbs and rows as the pages have, below ``/api/``."""
