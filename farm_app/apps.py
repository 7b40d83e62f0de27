"""The lab as a Django app."""

from django.apps import AppConfig


class FarmConfig(AppConfig):
    """Nodes, workflow templates, jobs."""

    name = "farm_app"
    verbose_name = "Farm"

    def ready(self) -> None:
        """Register checks, and the sweep of every process that runs workers."""
        from farm_app import checks, workers

        checks.register_checks()
        workers.sweep_with_workers()
