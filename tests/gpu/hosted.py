"""A layer that computes on the device, as the gradient checks know it: host arrays on all sides."""

from w2vlib.backend import to_cpu, to_gpu


class Hosted:
    """Hands everything that a layer takes and gives to the other side and back.

    ``params`` and ``grads`` are host arrays; before each pass the device gets the parameters, since
    the checks change them in place.
    """

    def __init__(self, layer):
        self.params = [p.copy() for p in layer.params]
        self.layer = to_gpu(layer)
        self.grads = [to_cpu(g) if hasattr(g, "strides") else g for g in self.layer.grads]

    def _send(self):
        for mine, there in zip(self.params, self.layer.params, strict=True):
            there[...] = to_gpu(mine)

    def forward(self, *inputs):
        self._send()
        return _back(self.layer.forward(*(to_gpu(x) if hasattr(x, "dtype") else x for x in inputs)))

    def backward(self, dout=1):
        self._send()
        result = self.layer.backward(to_gpu(dout) if hasattr(dout, "dtype") else dout)
        for mine, there in zip(self.grads, self.layer.grads, strict=True):
            mine[...] = to_cpu(there.to_dense() if hasattr(there, "to_dense") else there)
        return _back(result)


def _back(value):
    if isinstance(value, tuple):
        return tuple(map(_back, value))
    return to_cpu(value) if hasattr(value, "dtype") else value
