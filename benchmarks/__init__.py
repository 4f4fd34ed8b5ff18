"""Measures the product against plain baselines that run beside it: `python -m benchmarks`."""
