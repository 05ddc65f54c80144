"""X-Ray on one machine: the daemon's port, the traces, and the API that reads them."""
