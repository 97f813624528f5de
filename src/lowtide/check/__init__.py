"""The judges: each sees what was made, not how it was made."""
