"""What runs in `.venv-bench`, beside the peers: the project's own venv has none of them."""
