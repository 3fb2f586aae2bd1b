"""The machinery every backend shares: states, the pump, sockets over buffers, names, and the error boundary."""
