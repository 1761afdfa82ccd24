"""The real process, killed, signalled and flooded: what was promised holds afterwards."""
