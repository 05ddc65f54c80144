"""CloudWatch and its neighbours: log searches, metrics, alarms, and scaling by them."""
