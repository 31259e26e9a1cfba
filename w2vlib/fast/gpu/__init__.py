"""The compiled trainer on an NVIDIA GPU: CBOW and skip-gram with negative sampling.

    vectors = fast.train("text8", device="gpu")

Interface and meaning are those of :class:`w2vlib.fast.FastTrainer`.  ``kernels.cu`` holds the
kernels and says what they do, ``launch`` starts them, ``trainer`` trains.

**What is proved, and what is not.**  The kernels ``train_cbow``, ``train_skipgram``,
``train_windows``, ``answer_items`` and ``add_sorted`` have not yet run on a card.  The tests run
the very same text on the CPU, thread by thread, where it must make the numbers of float64 loops and
of the layers, whatever the order of the threads, and touch no place that is not its own; and
NVIDIA's compiler makes code for real cards of it, without warnings.  How fast it is, nobody knows:
the goal is 100 million words a second for CBOW with H = 100 on an H200.  ``benchmarks/gpu.py``
checks and times everything on a card, and its record will say what has run where.

**What to expect of many warps.**  A card works on hundreds or thousands of stretches of text at the
same time, and what these change at once, none of them has seen.  That costs little later in a
training, and much at its beginning.  So the number of warps grows: one for every 1,000 tokens
trained on so far, until the card is full; changes of the most frequent words are damped.  Two
epochs of 200,000 tokens of Penn Treebank end at a loss of 2.322 in the CPU's engine (five seeds,
± 0.002), of 2.331 with a growing number of warps, up to 302, of 2.375 with 256 and
2.435 with 512 from the beginning: kernels run on the CPU, with warps that take turns
(``benchmarks/gpu_warps.py``).  So on texts below a million words expect a loss half a per cent
higher; such texts are soon done on the CPU as well.

**What fits.**  H up to 512, and windows as far as their rows fit into shared memory (10 kB a warp
at H = 100 and w = 5).  NVIDIA's compiler (13.0, for an H200) keeps everything in registers, 94 of
them for CBOW at H = 100 and K = 5, 142 at H = 300; only ``train_windows`` beyond H = 384 with many
negatives moves some to slow memory.  On cards before the H100 a row is added number by number.
"""

from w2vlib.fast.gpu.trainer import GpuTrainer, update

__all__ = ["GpuTrainer", "update"]
