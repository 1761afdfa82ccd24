"""What stands around the routes: bodies, refusals, limits, and the listening socket."""
