"""A ComfyUI-compatible node without a GPU: for first runs, tests, load and fault drills.

Nothing in this package knows Django; ``python -m farm_app.demo`` starts in well under a second.
"""
