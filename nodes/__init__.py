"""One verb a file; the file's name is the node's name in Studio."""
