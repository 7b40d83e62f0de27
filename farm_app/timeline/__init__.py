"""The timeline: what each node did, does and should do, as spans of time laid out on an axis."""
