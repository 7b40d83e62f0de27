"""The table, room 2: from an idea to a stack of asked-for pictures."""
