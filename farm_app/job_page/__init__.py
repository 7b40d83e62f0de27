"""The page of one job: how it stands, what happened, who worked on it, what was sent, and what came of it."""
