"""The queue as people see and change it: its entries in order, verbs on them, the rows that pages show."""
