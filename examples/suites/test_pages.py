"""Forty tests, as a team may have them: each waits for something for a moment."""
import time

import pytest


@pytest.mark.parametrize("page", range(40))
def test_page(page):
    time.sleep(0.002 + page % 5 * 0.001)
    assert page < 40
