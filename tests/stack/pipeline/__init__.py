"""The pipeline that the stack runs: small programs, told by their environment where all is."""
