"""How fast an emitted program is, beside onnxruntime.

It sees the files of a folder, and nothing of how they were made.
"""
