"""Speed figures, each beside a floor that was measured in the same run.

``python -m benchmarks`` runs them all, ``python -m benchmarks submit claim`` some of them. A floor
is the least that anybody would have to do for the same promise: a bare insert for a durable job, a
route that echoes for a request. Figure and floor are measured in turns, so that whatever else the
machine does slows both; therefore believe the ratios, and the rest only on a quiet machine.
"""
