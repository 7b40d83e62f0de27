"""The cinema engine's part of the JSON API, below ``/api/cinema/``: it computes, and writes no row."""

from sessions_app.api import angles, cameras, engine, presets, prompts, words

CINEMA_ROUTES = (
    ("/cinema", words.router),
    ("/cinema", engine.router),
    ("/cinema", prompts.router),
    ("/cinema", angles.router),
    ("/cinema/presets", presets.router),
    ("/cinema/cameras", cameras.router),
)
"""For the roof, which joins them to the API."""
