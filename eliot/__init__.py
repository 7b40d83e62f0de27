"""Eliot's roof (settings, urls, asgi, launch, bench) and small ground floor (env, http, live, policy, writing)."""
