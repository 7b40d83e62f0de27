"""The HTTP surface, one module per subject; order matters only for the catch-all at the end."""

from farm_app.demo.routes import control, files, history, info, jobs, prompt, queue

ALL_ROUTES = (
    control.routes,
    prompt.routes,
    queue.routes,
    history.routes,
    jobs.routes,
    files.routes,
    info.routes,
)
