"""How fast an emitted program is, beside onnxruntime."""
