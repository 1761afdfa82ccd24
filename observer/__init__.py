"""Everything that is not the drawing (graph, nodes) and not a hand (mcp_servers)."""
