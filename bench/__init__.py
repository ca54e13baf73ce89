"""Measures Butine: how fast beside bare peers, and how steady under hours of load. It proves no correctness: tests do.

`python -m bench` and `python -m bench.load` run it; nothing in the product imports it.
"""
