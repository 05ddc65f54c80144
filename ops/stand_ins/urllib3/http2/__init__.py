"""Stands in the slim package for urllib3's switch to HTTP/2, which needs h2.

Nothing switches; the original imports importlib.metadata, and with it zipfile and csv.
"""
