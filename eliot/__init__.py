"""Eliot's roof (settings, urls, asgi, launch) and small ground floor (env, http, live, policy)."""
