"""Recorded events tried again, against the configuration of today and the tools of then."""
