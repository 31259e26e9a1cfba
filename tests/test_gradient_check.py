"""Gradient checks that cannot be fooled: what they catch, and what they leave alone."""

import numpy as np

from w2vlib.gradient_check import check_gradient, check_layer, numerical_gradient
from w2vlib.layers import Embedding, SoftmaxWithLoss


def test_numerical_gradient_of_a_sum_of_squares():
    x = np.array([[1.0, -2.0], [0.0, 30.0]])
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**2).sum(), x), 2 * x, rtol=1e-9)


def test_library_layers_pass():
    W = np.random.default_rng(0).standard_normal((6, 3))
    check_layer(lambda: Embedding(W.copy()), np.array([0, 2, 5]), twice=True).raise_if_failed()
    x = np.random.default_rng(1).standard_normal((4, 5))
    check_layer(SoftmaxWithLoss, (x, np.array([0, 1, 2, 4]))).raise_if_failed()


def test_an_all_zero_gradient_of_a_tiny_loss_is_wrong():
    w = np.array([0.3, -0.2])
    report = check_gradient(lambda: 1e-6 * np.sin(w).sum(), [w], [np.zeros(2)])
    assert not report.passed
    assert report.problems[0].name == "gradient"
