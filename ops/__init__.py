"""What a release engineer runs: `python -m ops --help` lists the verbs."""
