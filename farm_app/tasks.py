"""Huey's tasks: an id in, one verb called, nothing returned, safe to run twice.

A verb is imported when it is called: verbs nudge, and nudges name these tasks.
"""

from huey.contrib.djhuey import db_task

from eliot.live import patient_database


@db_task(priority=60)
def wake_nodes() -> None:
    """Feed the idle nodes that the plan starts something on."""
    from farm_app.dispatch import wake_nodes

    with patient_database():
        wake_nodes()


@db_task(priority=50)
def feed_node(node_id: int) -> None:
    """Run a node until the plan has nothing for it."""
    from farm_app.dispatch import feed

    with patient_database():
        feed(node_id)


@db_task(priority=100)
def store_attempt(attempt_id: str) -> None:
    """Bring a finished picture home."""
    from farm_app.store import store

    with patient_database():
        store(attempt_id)


@db_task(priority=80)
def cancel_attempt(attempt_id: str) -> None:
    """Tell the node to stop."""
    from farm_app.cancelling import stop_on_node

    with patient_database():
        stop_on_node(attempt_id)


@db_task(priority=15)
def warm_node(node_id: int, group_id: int) -> None:
    """Load what comes after a group."""
    from farm_app.warming import warm

    with patient_database():
        warm(node_id, group_id)


@db_task(priority=20)
def look_for_late(node_id: int) -> None:
    """Ask a node that is back what it finished meanwhile."""
    from farm_app.late import look_on_node

    with patient_database():
        look_on_node(node_id)


@db_task(priority=70)
def free_memory(node_id: int) -> None:
    """Have a node unload its models."""
    from farm_app.tending import free_on_node

    with patient_database():
        free_on_node(node_id)


@db_task(priority=60)
def wake_machine(node_id: int) -> None:
    """Send a sleeping machine the packet that wakes it."""
    from farm_app.waking import send_packet

    with patient_database():
        send_packet(node_id)


@db_task(priority=70)
def look_at_addresses(search: str) -> None:
    """Look at the addresses that somebody typed."""
    from farm_app.searching import look

    with patient_database():
        look(search)


@db_task(priority=12)
def knock() -> None:
    """Knock at the idle nodes."""
    from farm_app.knocking import knock

    with patient_database():
        knock()


@db_task(priority=10)
def probe_node(node_id: int) -> None:
    """Look at a node's health."""
    from farm_app.health import probe

    with patient_database():
        probe(node_id)
