"""The compiled trainer on an NVIDIA GPU: CBOW and skip-gram with negative sampling.

    vectors = fast.train("text8", device="gpu")

Interface and meaning are those of :class:`w2vlib.fast.FastTrainer`.  ``kernels.cu`` holds the
kernels and says what they do, ``launch`` starts them, ``trainer`` trains.

What is proved and what is not: the tests compile the kernels for real GPUs, and run the very same
text on the CPU, thread by thread, against the NumPy layers.  ``benchmarks/gpu.py`` repeats these
checks on a device, and times everything; its record says which kernels have run on which device.
"""

from w2vlib.fast.gpu.trainer import GpuTrainer, update

__all__ = ["GpuTrainer", "update"]
