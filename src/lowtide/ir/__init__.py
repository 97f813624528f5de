"""The values that everything is said in: graphs, loop nests, indices, views.

Numpy is the only import; nothing here knows a file, an operator's name or a memory.
"""
