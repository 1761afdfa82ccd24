"""The only doors out: tools through the dispatcher, models through `ask`."""
