"""What AWS is asked for, and typed readers of it."""
