"""Speaks with ComfyUI servers: the only code of Eliot that opens a socket to a node.

Pure Python without Django. ``events``, ``progress``, ``history``, ``inventory``, ``rejection`` and
``workflow`` touch no socket; ``client`` (HTTP) and ``watch`` (WebSocket) are thin shells around
them.
"""
