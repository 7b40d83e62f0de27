"""The craft of prompts, as pure Python: nothing in here knows Django, the farm or a database."""
