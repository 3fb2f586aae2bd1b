"""The conformance kit on every backend that can be used here (or on those that ``--tls-backend`` names)."""

from __future__ import annotations

from unitls.testing.test_conformance import pytest_generate_tests as pytest_generate_tests
from unitls.testing.test_conformance import test_conforms as test_conforms
from unitls.testing.test_conformance import test_expectation_is_about_something as test_expectation_is_about_something
