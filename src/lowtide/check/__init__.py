"""The judges: each sees what was made, not how it was made.

They share no code with what they judge.
"""
