"""Who watches the observer."""
