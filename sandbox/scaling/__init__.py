"""Application Auto Scaling of Lambda's provisioned concurrency, by the alarms of CloudWatch."""
