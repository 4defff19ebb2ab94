"""The old site, as legacy.pypi.test was in April 2018: `bytes -> Facts -> Asked -> Answer -> bytes`.

`dispatch` reads what is asked, `answering` answers it out of the store, `app` is all that touches HTTP and the
loop. What the old site had and this one has not is not found (404).
"""
