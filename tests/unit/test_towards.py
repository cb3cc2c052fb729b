"""A question's vector is turned towards its answers, for the model that the map was fitted to."""

from io import BytesIO

import numpy as np

from gateway import towards
from gateway.towards import Towards


def test_the_turned_vector_has_length_one_and_leans_to_where_the_map_leads() -> None:
    down, up = np.zeros((8, 2), np.float32), np.zeros((2, 8), np.float32)
    down[0, 0], up[0, 1] = 1, 1  # what has something of the first direction gets as much of the second
    turned = Towards(down, up)(np.eye(8, dtype=np.float32)[0])
    assert turned.dtype == np.float32
    np.testing.assert_allclose(turned, np.array([1, 1, 0, 0, 0, 0, 0, 0]) / np.sqrt(2), atol=1e-6)


def test_the_map_in_the_package_is_of_the_default_model_only() -> None:
    fitted = towards.of("all-MiniLM-L6-v2@8bit")
    assert fitted is not None
    assert fitted.down.shape == (384, 32)
    assert fitted.up.shape == (32, 384)
    assert towards.of("paraphrase-MiniLM-L12-v2@8bit") is None
    assert towards.of(None) is None


def test_a_map_is_read_back_as_it_was_written() -> None:
    once = Towards(np.full((4, 1), 0.5, np.float32), np.full((1, 4), 0.25, np.float32))
    with np.load(BytesIO(once.dump())) as held:
        np.testing.assert_array_equal(held["down"], once.down)
        np.testing.assert_array_equal(held["up"], once.up)
