"""The garbage collector of a process that has started."""

import gc


def spare_what_stays() -> None:
    """Take everything that exists now out of the collector's sight; call it once, when the process has started.

    Modules, routes and models live as long as the process. Each full collection would walk all of them, some hundred
    thousand objects, in the middle of whatever allocates just then: reading a cluster, parsing an alert.
    """
    gc.collect()
    gc.freeze()
