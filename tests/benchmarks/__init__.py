"""Measure gcwise against nine other ways to run the garbage collector, on real libraries.

Run ``python -m tests.benchmarks --help`` from the root of the repository.
"""
