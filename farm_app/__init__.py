"""The lab, room 3: nodes, workflow templates, jobs."""
