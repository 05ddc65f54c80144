"""All that Atlas ships to Lambda beside app.py."""
