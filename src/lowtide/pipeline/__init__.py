"""What each public function does, value to value: read, plan, check, emit.

It knows nothing of options, terminals and exit codes.
"""
