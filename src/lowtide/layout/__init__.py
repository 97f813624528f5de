"""Where tensors lie: storages, orders of axes, views, ports.

It knows nothing of time: when a storage lives is said by `rows`.
"""
