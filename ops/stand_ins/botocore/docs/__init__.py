"""Stands in the slim package for botocore's documentation, which nobody reads in Lambda."""
