# ruff: noqa
import numpy as np


# --- right
def window_score(x, W, b, u):
    return np.tanh(x @ W + b) @ u


# --- wrong: other-activation
def window_score(x, W, b, u):
    return (1 / (1 + np.exp(-(x @ W + b)))) @ u
