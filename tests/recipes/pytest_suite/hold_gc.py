"""A conftest.py that lets a suite run without collections in the middle of its tests."""

import pytest

import gcwise
import gcwise.testing


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    with gcwise.paused("collection of tests"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop():
    with gcwise.batch("all tests"):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish():
    gcwise.maybe_collect("between tests")


@pytest.fixture
def no_cycles():
    with gcwise.testing.no_cycles():
        yield
