"""The runbook as a graph, nothing else."""
