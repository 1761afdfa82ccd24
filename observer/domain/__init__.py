"""What the observer knows and decides: pure values and rules, no I/O, the clock an argument."""
