"""The routes and what stands around them: who asks, bodies, refusals, the listening socket."""
